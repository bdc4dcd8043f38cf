"""Nothing secret in a log: a filter that masks anything shaped like a key or token, and the format of a line."""

import logging
import re

# Gemini keys (both kinds), issued tokens, receipt codes, bearer headers and ?key= in a URL.
_SECRETS = re.compile(
    r"AIza[0-9A-Za-z_\-]{10,}"
    r"|AQ\.[0-9A-Za-z_\-]{10,}"
    r"|(?i:(?<=tumbler-receipt-))[0-9A-Za-z\- ]{20,}"
    r"|(?<=tumbler-)[0-9A-Za-z]+_[0-9A-Za-z]+"
    r"|(?i:(?<=bearer ))[^\s\"',;]+"
    r"|(?i:(?<=[?&]key=))[^&\s\"']+"
    r"|(?<=api_key:)[^'\"\s]+"
)


def redact(text: str) -> str:
    """`text` with every secret-shaped stretch replaced by ***."""
    return _SECRETS.sub("***", text)


class RedactingFilter(logging.Filter):
    """Lets every record pass, its message and traceback masked."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Format the message now, so that arguments cannot carry a secret past the mask."""
        message = record.getMessage()
        record.msg, record.args = redact(message), None
        if record.exc_info and not record.exc_text:
            record.exc_text = logging.Formatter().formatException(record.exc_info)
        if record.exc_text:
            record.exc_text = redact(record.exc_text)
        if record.stack_info:
            record.stack_info = redact(record.stack_info)
        return True


class LineFormatter(logging.Formatter):
    """One line a record: time, level, logger, message; line breaks in the message are escaped."""

    default_msec_format = "%s.%03d"

    def __init__(self) -> None:
        super().__init__("{asctime} {levelname} {name} {message}", style="{")

    def formatMessage(self, record: logging.LogRecord) -> str:
        """The line without its traceback; CR and LF from outside cannot forge a second line."""
        record.message = record.message.replace("\r", "\\r").replace("\n", "\\n")
        return super().formatMessage(record)

"""Where mails go: to a mail server, or to standard output while there is none."""

from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured


class Mail(NamedTuple):
    """Django's settings for mails."""

    backend: str = "django.core.mail.backends.console.EmailBackend"
    host: str = ""
    port: int = 0
    user: str = ""
    password: str = ""
    starttls: bool = False
    tls: bool = False

    @property
    def sends(self) -> bool:
        """True when mails leave this machine."""
        return bool(self.host)


def mail_settings(url: str) -> Mail:
    """The settings for TUMBLER_EMAIL_URL: smtp:// (STARTTLS), smtps:// (TLS from the start) or smtp+plain://."""
    if not url:
        return Mail()
    parts = urlsplit(url)
    ports = {"smtp": 587, "smtps": 465, "smtp+plain": 25}
    if parts.scheme not in ports or not parts.hostname:
        raise ImproperlyConfigured("TUMBLER_EMAIL_URL must be like smtp://user:password@mail.example:587.")
    return Mail(
        "accounts.sign_in.mail.Background",
        parts.hostname,
        parts.port or ports[parts.scheme],
        unquote(parts.username or ""),
        unquote(parts.password or ""),
        starttls=parts.scheme == "smtp",
        tls=parts.scheme == "smtps",
    )

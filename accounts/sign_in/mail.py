"""Mails are sent off the request: nobody waits for a mail server, and the time of an answer tells nothing about a mail."""

import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from smtplib import SMTPException

from django.core.mail import EmailMessage
from django.core.mail.backends.smtp import EmailBackend

logger = logging.getLogger(__name__)

_senders = ThreadPoolExecutor(max_workers=2, thread_name_prefix="mail")


class Background(EmailBackend):
    """SMTP in a thread."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        """Take them all; what fails is told in the log."""
        _senders.submit(self._send, list(email_messages))
        return len(email_messages)

    def _send(self, messages: list[EmailMessage]) -> None:
        try:
            super().send_messages(messages)
        except (SMTPException, OSError) as error:
            logger.warning("A mail could not be sent (%s).", type(error).__name__)

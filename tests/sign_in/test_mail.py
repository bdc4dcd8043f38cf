"""Mails leave in the background: an answer waits for no mail server, and one that is away is told in the log alone."""

import logging
import socket
import time

from django.core.mail import send_mail


def test_a_mail_server_that_does_not_answer_holds_nobody_up(settings, caplog):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        settings.EMAIL_BACKEND = "accounts.sign_in.mail.Background"
        settings.EMAIL_HOST, settings.EMAIL_PORT = silent.getsockname()
        settings.EMAIL_TIMEOUT = 1
        started = time.monotonic()
        with caplog.at_level(logging.WARNING):
            assert send_mail("subject", "a secret code", "a@example.org", ["b@example.org"]) == 1
            assert time.monotonic() - started < 0.5
            end = time.monotonic() + 10
            while not caplog.messages and time.monotonic() < end:
                time.sleep(0.02)
    assert caplog.messages == ["A mail could not be sent (ConnectionRefusedError)."]

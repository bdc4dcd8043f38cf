"""The plain lines that a start prints: what was made, which upstream answers, where to reach it."""

from collections.abc import Mapping

from django.conf import settings
from django.core.management.base import OutputWrapper

from tumbler_site.serving.bootstrap import FirstRun, first_run_file
from tumbler_site.serving.upstream import keys_in_pool


def announce_keys(out: OutputWrapper, verdicts: Mapping[str, str]) -> None:
    """Say which of the environment's keys were taken, by the variable's name and never by the key."""
    if added := [name for name, verdict in verdicts.items() if verdict == "added"]:
        out.write(f"Put into the pool: {', '.join(added)}.")
    if malformed := [name for name, verdict in verdicts.items() if verdict == "malformed"]:
        out.write(f"Left out, for they do not look like a Gemini API key: {', '.join(malformed)}.")


def announce_first_run(out: OutputWrapper, made: FirstRun | None) -> None:
    """Show what was made for the first time. It is not shown again."""
    if made is None:
        return
    out.write("")
    out.write("First run. This is shown once:")
    titles = {"base_url": "Base URL", "token": "Token", "admin_user": "Admin", "admin_password": "Password"}
    for name, value in made._asdict().items():
        if value:
            out.write(f"  {titles[name]:<9} {value}")
    out.write(f"It is also in {first_run_file()} (readable by you alone).")
    out.write("")


def announce_upstream(out: OutputWrapper) -> None:
    """Say who answers: the simulator, so that nobody takes it for Gemini, or Gemini and with how many keys."""
    if settings.SIMULATOR:
        out.write("Upstream: the built-in Gemini simulator. Answers are made up; set GEMINI_API_KEY for the real one.")
        return
    keys = keys_in_pool()
    out.write(f"Upstream: {settings.GEMINI_BASE_URL}, {keys} {'key' if keys == 1 else 'keys'} in the pool")
    if not keys:
        out.write(
            "The pool is empty: set GEMINI_API_KEY, or contribute keys with `python manage.py contribute_keys` "
            "(one a line on standard input) or in the admin."
        )

"""issue_token: give a user a token; its text is the only thing on standard output."""

from argparse import ArgumentTypeError
from datetime import timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction
from django.utils import timezone

from accounts import audit
from accounts.issuing import issue_token
from accounts.models import User

_LIMIT_FLAGS = {
    "rpm": "requests a minute",
    "tpm": "tokens a minute",
    "rpd": "requests a day",
    "max_parallel": "requests at once",
    "monthly_tokens": "tokens a month",
}


class Command(BaseCommand):
    """The user is made when missing. Without limit flags the token has no limit of its own."""

    help = "Issues a token and prints it: once, it is kept nowhere. Creates the user if missing."

    def add_arguments(self, parser: CommandParser) -> None:
        """Whom it is for, how long it holds and what it may do."""
        parser.add_argument("username")
        parser.add_argument("--name", default="", help="What the token is for.")
        parser.add_argument("--expires-in-days", type=_days, metavar="D", help="Without it the token does not expire.")
        parser.add_argument(
            "--models",
            type=_names,
            default=[],
            metavar="A,B",
            help="Names or patterns (gpt-4*); every model without it.",
        )
        for name, meaning in _LIMIT_FLAGS.items():
            parser.add_argument(f"--{name.replace('_', '-')}", type=_positive, metavar="N", help=f"Limit: {meaning}.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the token alone; a refused value leaves neither user nor token behind."""
        days: timedelta | None = options["expires_in_days"]
        try:
            with transaction.atomic():
                token, text = issue_token(
                    _user(options["username"]),
                    name=options["name"],
                    expires=timezone.now() + days if days else None,
                    allowed_models=options["models"],
                    **{name: options[name] for name in _LIMIT_FLAGS},
                )
                audit.record_on(None, "issued", [token])
        except ValidationError as refused:
            raise CommandError("; ".join(_sentences(refused))) from None
        self.stdout.write(text)


def _user(username: str) -> User:
    user = User.objects.filter(username=username).first()
    if user is None:
        user = User(username=username)
        user.set_unusable_password()
        user.full_clean()
        user.save()
    if not user.is_active:
        raise CommandError(f"The user {username} is disabled: a token of theirs would be refused.")
    return user


def _sentences(refused: ValidationError) -> list[str]:
    return [f"{field}: {' '.join(messages)}" for field, messages in refused.message_dict.items()]


def _positive(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise ArgumentTypeError(f"must be a whole number of 1 or more, not {text!r}")
    return int(text)


def _days(text: str) -> timedelta:
    try:
        days = float(text)
    except ValueError:
        days = 0.0
    if not 0 < days <= 36_500:
        raise ArgumentTypeError(f"must be a number of days above 0 and at most 36500, not {text!r}")
    return timedelta(days=days)


def _names(text: str) -> list[str]:
    return [name for part in text.split(",") if (name := part.strip())]

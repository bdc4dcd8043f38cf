"""`bootstrap`: the operator's keys, the first admin and the first token; safe to run again."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from tumbler_site.env import env_int, env_str
from tumbler_site.serving.announcing import announce_first_run, announce_keys
from tumbler_site.serving.bootstrap import (
    has_unapplied_migrations,
    import_operator_keys,
    make_first_run,
    one_at_a_time,
)
from tumbler_site.serving.listening import url_at


class Command(BaseCommand):
    """Makes what is missing and says it once."""

    help = "Imports GEMINI_API_KEY*, and makes the first admin and the first token when there is none."

    def handle(self, *args: Any, **options: Any) -> None:
        """Run every step; what is there already is left alone."""
        if has_unapplied_migrations():
            raise CommandError("The database is older than the code: run `python manage.py migrate` first.")
        with one_at_a_time():
            announce_keys(self.stdout, import_operator_keys())
            url = url_at(env_str("HOST", "127.0.0.1"), env_int("PORT", 3000))
            announce_first_run(self.stdout, make_first_run(f"{url}/v1"))

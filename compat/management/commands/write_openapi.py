"""write_openapi: the API document into docs/openapi.json, for the difference to be looked at and committed."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from compat.openapi import document_json


class Command(BaseCommand):
    """Writes the snapshot that a test holds to what is served."""

    help = "Writes docs/openapi.json anew from the routes and schemas. Look at the difference before you commit it."

    def handle(self, *args: Any, **options: Any) -> None:
        """Write the file."""
        path = settings.BASE_DIR / "docs" / "openapi.json"
        path.write_bytes(document_json())
        self.stdout.write(f"{path} written.")

"""rotate_encryption_key: re-encrypt all contributed keys under the newest encryption key."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts import audit
from accounts.rotation import rotate_sealing


class Command(BaseCommand):
    """Safe to run under load and to run again; the older encryption key can be taken away afterwards."""

    help = (
        "Re-encrypts all contributed keys under the first of TUMBLER_ENCRYPTION_KEYS. Put the new key first, restart "
        "every process, run this, and only then take the old key away."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the counts; exit status 1 when a key could not be unsealed."""
        done = rotate_sealing()
        audit.record(None, "re-encrypted", table="contributed key", name=f"{done.rotated} keys")
        self.stdout.write(f"{done.rotated} re-encrypted, {done.newest_before} were under the newest key already.")
        if done.unsealable:
            raise CommandError(
                f"{done.unsealable} cannot be unsealed with the encryption keys in use and stay as they are."
            )

"""System checks of what this app keeps: can the contributed keys be unsealed, are the secrets well-formed?"""

from collections.abc import Sequence

from cryptography.fernet import Fernet
from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.db import connections

from accounts.models import ContributedKey
from accounts.sealing import Unsealable, unseal

E001 = "tumbler.E001"
E002 = "tumbler.E002"
E003 = "tumbler.E003"


def count_unsealable(using: str = "default") -> int:
    """How many contributed keys the encryption keys in use cannot open; reads every row."""
    count = 0
    for key_id, ciphertext in ContributedKey.objects.using(using).values_list("pk", "ciphertext").iterator():
        try:
            unseal(key_id, ciphertext)
        except Unsealable:
            count += 1
    return count


@register(Tags.security)
def check_secrets(app_configs: Sequence[AppConfig] | None, **kwargs: object) -> list[CheckMessage]:
    """Encryption keys that are no Fernet keys, or no pepper at all, stop the start."""
    errors: list[CheckMessage] = []
    if not settings.ENCRYPTION_KEYS or not all(_is_fernet_key(key) for key in settings.ENCRYPTION_KEYS):
        errors.append(
            Error(
                "TUMBLER_ENCRYPTION_KEYS must be one or more Fernet keys, separated by commas.",
                hint="Each is 32 bytes in URL-safe base64: cryptography.fernet.Fernet.generate_key().",
                id=E001,
            )
        )
    if not settings.TOKEN_PEPPERS:
        errors.append(Error("TUMBLER_TOKEN_PEPPERS must name at least one pepper.", id=E002))
    return errors


@register(Tags.database)
def check_contributed_keys(
    app_configs: Sequence[AppConfig] | None, databases: Sequence[str] | None = None, **kwargs: object
) -> list[CheckMessage]:
    """Contributed keys that cannot be unsealed are an error, never an empty pool."""
    if "default" not in (databases or ()) or check_secrets(None):
        return []
    if ContributedKey._meta.db_table not in connections["default"].introspection.table_names():
        return []  # Before the first migration.
    count = count_unsealable()
    if not count:
        return []
    return [
        Error(
            f"{count} of {ContributedKey.objects.count()} contributed keys cannot be unsealed with the encryption keys in use.",
            hint="Set TUMBLER_ENCRYPTION_KEYS (or var/secrets.json) to the keys they were sealed with. Nothing was changed.",
            id=E003,
        )
    ]


def _is_fernet_key(text: str) -> bool:
    try:
        Fernet(text)
    except ValueError:
        return False
    return True

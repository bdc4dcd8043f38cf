"""The secrets that the site makes for itself on its first start, kept in the data directory (mode 0600)."""

import contextlib
import hashlib
import hmac
import json
import os
import secrets
import stat
import tempfile
from pathlib import Path

from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured


def make_data_dir(path: Path) -> Path:
    """Make the data directory, closed to other users, and give its absolute path."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path.resolve()


def generated_secrets(data_dir: Path) -> dict[str, str]:
    """The secrets of this data directory: `secret_key` (Django's) and `encryption_keys` (one Fernet key).

    Made once. Two processes that start together agree: the file appears by one atomic link, and the loser
    reads the winner's.
    """
    path = data_dir / "secrets.json"
    if not path.exists():
        fresh = {"secret_key": secrets.token_urlsafe(50), "encryption_keys": Fernet.generate_key().decode()}
        handle, draft = tempfile.mkstemp(dir=data_dir, prefix=".secrets-")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump(fresh, file)
                file.flush()
                os.fsync(file.fileno())
            # If another process was first, its secrets are the ones.
            with contextlib.suppress(FileExistsError):
                os.link(draft, path)
        finally:
            os.unlink(draft)
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise ImproperlyConfigured(f"{path} is readable by other users: run chmod 600 {path}.")
    found: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    return found


def derived_secret(secret_key: str, purpose: str) -> str:
    """A secret of its own for one purpose, the same on every host that shares `secret_key`."""
    return hmac.new(secret_key.encode(), purpose.encode(), hashlib.sha256).hexdigest()

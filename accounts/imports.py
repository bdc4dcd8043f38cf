"""What libraries load because it is installed, not because it is used here: 15 MB of a process."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module

from django.db import connection


def load_sparingly() -> None:
    """Load those that look around: DRF for the clients of its tests, unfold and DRF for the fields of PostgreSQL."""
    unused = ["requests", "yaml"]
    if connection.vendor != "postgresql":
        unused.append("psycopg")
    with _absent(unused):
        import_module("rest_framework.compat")
        import_module("unfold.overrides")


@contextmanager
def _absent(names: list[str]) -> Iterator[None]:
    """Importing these fails meanwhile, as if they were not installed (Python, the import system: None in sys.modules)."""
    hidden = [name for name in names if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]

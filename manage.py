#!/usr/bin/env python
"""Django's command line: `python manage.py help` lists what it can do."""

import os
import sys
from importlib.util import find_spec
from pathlib import Path

OURS = Path(__file__).resolve().parent / ".venv" / "bin" / "python"


def main() -> None:
    """Run the command named in the arguments with this project's settings."""
    if not (find_spec("django") and find_spec("msgspec")):
        start_again_in_venv()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tumbler_site.settings")
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        sys.exit(f"{error}")


def start_again_in_venv() -> None:
    """Become the same command under the Python of .venv: this one lacks what the site stands on."""
    if Path(sys.executable) == OURS or not OURS.exists():
        sys.exit(
            "Django is not installed here: scripts/run-openai-compatible-server.sh makes .venv, with all that is needed."
        )
    os.execv(OURS, [str(OURS), *sys.argv])  # noqa: S606 (no shell is wanted)


if __name__ == "__main__":
    main()

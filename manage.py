#!/usr/bin/env python
"""Django's command line: `python manage.py help` lists what it can do."""

import os
import sys


def main() -> None:
    """Run the command named in the arguments with this project's settings."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tumbler_site.settings")
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        sys.exit(f"{error}")


if __name__ == "__main__":
    main()

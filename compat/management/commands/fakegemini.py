"""`manage.py fakegemini`: the Gemini simulator as a server of its own."""

from argparse import RawDescriptionHelpFormatter
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from compat.simulator.faults import described
from compat.simulator.serving import add_arguments, run


class Command(BaseCommand):
    """Serve a simulated Gemini API; the first line on standard output says where."""

    help = "Serve a simulated Gemini API, with quotas and faults."
    requires_system_checks = ()

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """The usual parser, with the list of faults below it."""
        epilog = f"faults of keys (sim-FAULT-project-x) and models (MODEL--FAULT):\n{described()}"
        parser = super().create_parser(prog_name, subcommand, epilog=epilog, **kwargs)
        parser.formatter_class = RawDescriptionHelpFormatter
        return parser

    def add_arguments(self, parser: CommandParser) -> None:
        """As compat.simulator.serving says."""
        add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        """Serve until told to end."""
        run(options)

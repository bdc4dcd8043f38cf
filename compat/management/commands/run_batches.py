"""`run_batches`: runs batches in a process of their own."""

import asyncio
import contextlib
import signal
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from compat.batches.running import run_for_good

_USUAL_LINES = 16


class Command(BaseCommand):
    """Runs until SIGTERM or Ctrl-C; what was not finished is taken up by another, or by the next one."""

    help = (
        "Runs batches until SIGTERM or Ctrl-C. `serve` does so by itself, unless TUMBLER_BATCH_LINES is 0: then run one or "
        "several of these beside it. They share quotas and limits with it, so REDIS_URL is needed."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The options of run_batches."""
        usual = settings.BATCH_LINES or _USUAL_LINES
        parser.add_argument("--lines", type=int, default=usual, help=f"lines of one batch at once (default: {usual})")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run them."""
        if not settings.REDIS_URL:
            raise CommandError(
                "A process of its own needs REDIS_URL: without it quotas and limits would be counted twice. "
                "`serve` runs batches by itself."
            )
        if options["lines"] < 1:
            raise CommandError("--lines must be 1 or more.")
        with contextlib.suppress(KeyboardInterrupt, asyncio.CancelledError):
            asyncio.run(self._run(options["lines"]))

    async def _run(self, lines: int) -> None:
        task = asyncio.ensure_future(run_for_good(lines))
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        # Not before: whoever reads it may end it.
        self.stdout.write(f"Running batches, {lines} lines of each at once.")
        self.stdout.flush()
        await task

"""What a process that serves does beside: usage that an ended process left, keys that wait for a check, batches, reports."""

import asyncio
import atexit
import logging
import signal
import sys
from pathlib import Path

from django.conf import settings

from accounts import metering
from accounts.contributions.checking import check_soon
from accounts.live.workers import report_for_good, reports
from accounts.stored.behind import write_rest
from compat.batches.running import run_for_good
from tumbler_site.serving.draining import begin_draining, ends_with_draining, is_draining
from tumbler_site.serving.limits import Limits

logger = logging.getLogger(__name__)


def begin_chores(limits: Limits) -> None:
    """Start the first two in the background; a full disk or an absent database is told in the log and keeps nobody from serving.

    SIGTERM, until the server itself listens for it, is kept for that server, which then ends at once: no journal is left
    behind.
    """
    atexit.register(write_rest)
    # Nothing is raised: in the callbacks that Python runs at every import that would be dropped, and the signal with it.
    signal.signal(signal.SIGTERM, lambda number, frame: begin_draining(limits))
    try:
        metering.start()
    except metering.StorageUnavailable:
        logger.warning("usage cannot be recorded: requests are refused until it can")
    if is_draining():
        sys.exit(0)
    check_soon()


def begin_batches() -> None:
    """Run batches in the event loop that serves, until it is to end. That loop is set, if it does not run yet."""
    if settings.BATCH_LINES:
        ends_with_draining(asyncio.get_event_loop().create_task(run_for_good(settings.BATCH_LINES)))


def begin_reports(file: Path) -> None:
    """Tell the other workers what this one does, in the event loop that serves, until it is to end; and once more at the end."""
    reports.begin(file)
    atexit.register(reports.write)
    ends_with_draining(asyncio.get_event_loop().create_task(report_for_good()))

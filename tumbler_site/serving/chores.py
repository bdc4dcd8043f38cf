"""What a process that serves begins with: usage that an ended process left, and keys that wait for their check."""

import logging
import signal
import sys

from accounts import metering
from accounts.contributions.checking import check_soon

logger = logging.getLogger(__name__)


def begin_chores() -> None:
    """Start both in the background; a full disk or an absent database is told in the log and keeps nobody from serving.

    SIGTERM, until the server itself listens for it, ends the process as it should: no journal is left behind.
    """
    told: list[int] = []
    # Who begins a journal must come to know that it is to be closed: the process does not end between the two.
    signal.signal(signal.SIGTERM, lambda number, frame: told.append(number))
    try:
        metering.start()
    except metering.StorageUnavailable:
        logger.warning("usage cannot be recorded: requests are refused until it can")
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(0))
    if told:
        sys.exit(0)
    check_soon()

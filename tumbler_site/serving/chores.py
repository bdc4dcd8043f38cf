"""What a process that serves begins with: usage that an ended process left, and keys that wait for their check."""

import logging

from accounts import metering
from accounts.contributions.checking import check_soon

logger = logging.getLogger(__name__)


def begin_chores() -> None:
    """Start both in the background; a full disk or an absent database is told in the log and keeps nobody from serving."""
    try:
        metering.start()
    except metering.StorageUnavailable:
        logger.warning("usage cannot be recorded: requests are refused until it can")
    check_soon()

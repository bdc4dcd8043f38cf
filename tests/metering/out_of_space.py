"""A program for test_usage_processes.py: fills its journal until the system refuses to let it grow, then dies.

usage: out_of_space.py DIRECTORY

Prints a line for each promise it was given. The system's limit on the size of a file (RLIMIT_FSIZE) is the full disk.
"""

import os
import resource
import sys
from pathlib import Path

import django

django.setup()

from accounts.metering import lines  # noqa: E402
from accounts.metering.journal import Journal, StorageUnavailable  # noqa: E402
from accounts.metering.lines import TokenCounts  # noqa: E402


def _settle(journal: Journal, admission: lines.Admission) -> None:
    journal.settle(
        lines.settlement(
            admission,
            status=200,
            error_code="",
            gemini_model="",
            attempts=1,
            counts=TokenCounts(total=1),
            counts_from="upstream",
            cost=0,
            queue_ms=0,
            first_byte_ms=0,
            total_ms=0,
        )
    )
    journal.write_owed()


def _admit(journal: Journal) -> lines.Admission:
    admission = lines.admission(1, None, "chat/completions", "gpt", False)
    journal.admit(admission)
    return admission


def main(directory: str) -> None:
    """Until it is full; settle what is open; make space; one more; die without closing anything."""
    journal = Journal(Path(directory))
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, resource.RLIM_INFINITY))
    unsettled = []
    try:
        while True:
            unsettled.append(_admit(journal))
    except StorageUnavailable:
        sys.stdout.write("full\n")
    for admission in unsettled:
        _settle(journal, admission)
    sys.stdout.write(f"waiting {journal.waiting}\n")
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    _admit(journal)
    for admission in unsettled:
        sys.stdout.write(f"settled {admission.id}\n")
    sys.stdout.flush()
    os._exit(9)


if __name__ == "__main__":
    main(sys.argv[1])

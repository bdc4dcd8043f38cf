"""How many files and connections a process may have open at once."""

import contextlib
import resource

ENOUGH = 65_536


def allow_many() -> None:
    """Raise what this process and its workers may have open as far as the system lets them, to ENOUGH at the most.

    Shells begin with 1024 on Linux and 256 on macOS, for the sake of old programs that wait with select(2). A streamed
    answer needs two: its client's connection, and the one to the upstream.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = ENOUGH if hard == resource.RLIM_INFINITY else min(hard, ENOUGH)
    if soft != resource.RLIM_INFINITY and soft < most:
        # macOS calls its hard limit infinite, and may still refuse less.
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))

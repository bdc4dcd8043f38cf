"""One worker of several: `python -m tumbler_site.serving.worker SERVER REPORT DESCRIPTOR…`, started by the supervisor."""

import os
import signal
import socket
import sys
import threading
from pathlib import Path


def main(server: str, report: str, *descriptors: str) -> None:
    """Serve on the first of the listening sockets that the supervisor passed, until SIGTERM or until that one is gone.

    The others are the neighbours' own. `report` is the file in which this worker tells them what it did.
    """
    threading.Thread(target=_end_with_the_supervisor, daemon=True).start()
    from tumbler_site.asgi import application
    from tumbler_site.serving.chores import begin_batches, begin_chores, begin_reports
    from tumbler_site.serving.limits import limits_in_force
    from tumbler_site.serving.neighbours import Sockets
    from tumbler_site.serving.running import run

    limits = limits_in_force()
    begin_chores(limits)
    own, *neighbours = (socket.socket(fileno=int(descriptor)) for descriptor in descriptors)

    def ready() -> None:
        begin_batches()
        begin_reports(Path(report))

    run(server, application, Sockets(own, neighbours), limits, ready)


def _end_with_the_supervisor() -> None:
    # Standard input is a pipe whose other end only the supervisor holds: it closes even when that one is killed.
    # Read past Python's buffer, whose lock this thread would otherwise hold when the interpreter ends.
    while os.read(0, 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main(*sys.argv[1:])

"""The sockets of the other workers: whoever waits there for one that is busy, frozen or gone is taken by whoever looks next."""

import contextlib
import socket
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

LOOK_SECONDS = 0.1


class Sockets(NamedTuple):
    """The listening sockets of one worker: its own, and those of the others."""

    own: socket.socket
    neighbours: Sequence[socket.socket] = ()


def waiting(sockets: Iterable[socket.socket]) -> Iterator[socket.socket]:
    """The connections that wait at these listening sockets, accepted, for an event loop."""
    for sock in sockets:
        # No more are there, or no more may be open: whoever still waits is seen the next time.
        with contextlib.suppress(OSError):
            while True:
                client, _ = sock.accept()
                client.setblocking(False)
                yield client

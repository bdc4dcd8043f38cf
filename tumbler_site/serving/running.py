"""Runs an ASGI app in this process under the server that was asked for."""

import gc
from collections.abc import Callable
from functools import partial
from typing import Any

from tumbler_site.serving.draining import end_within
from tumbler_site.serving.limits import Limits
from tumbler_site.serving.neighbours import Sockets

SERVERS = ("daphne", "uvicorn")
# A request makes and drops some hundred containers, hardly any of them in a circle.
_COLLECT_AFTER = 10_000


def _nothing() -> None:
    """Nobody waits for it."""


def run(server: str, application: Any, sockets: Sockets, limits: Limits, ready: Callable[[], None] = _nothing) -> None:
    """Serve `application` on its own socket until SIGTERM or SIGINT; returns when the running requests are done.

    The process has to end then: it has `last_seconds` for that.

    `ready` is called when requests are taken and signals are heard. Who waits too long at a socket of the neighbours is
    served here as well. The imports are here because each server brings its own event loop along.
    """
    if server == "daphne":
        from tumbler_site.serving.daphne import serve
    else:
        from tumbler_site.serving.uvicorn import serve
    serve(application, sockets, limits, partial(_begin, ready))
    end_within(limits.last_seconds)


def _begin(ready: Callable[[], None]) -> None:
    """Spare the garbage collector what lives as long as the process: it would look at all of Django several times a second."""
    gc.freeze()
    gc.set_threshold(_COLLECT_AFTER, 10, 10)
    ready()

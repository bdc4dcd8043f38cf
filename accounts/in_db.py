"""in_db: run one synchronous database act in a thread of its own, off the event loop; in_db_soon: if it can be had soon."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar

from django.conf import settings
from django.db import OperationalError, close_old_connections

P = ParamSpec("P")
T = TypeVar("T")

# Few on purpose: SQLite has one writer at a time, and PostgreSQL's connection pool holds ten.
_THREADS = 4
_threads = ThreadPoolExecutor(max_workers=_THREADS, thread_name_prefix="in-db")

_running: dict[object, float] = {}
"""The acts in the threads, and the monotonic times at which they began."""


class DatabaseAway(OperationalError):
    """The database takes a question and does not answer it: it is frozen, locked, or behind a dead network."""


async def in_db(act: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """What `act(*args, **kwargs)` returns; what it raises is raised here.

    The act opens and ends its own transaction. When the waiting task is cancelled, an act that has begun goes on to
    its end.
    """
    return await asyncio.get_running_loop().run_in_executor(_threads, partial(_act, act, *args, **kwargs))


async def in_db_soon(act: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """The same for those who keep a client waiting: raises DatabaseAway when there is no answer within DATABASE_SECONDS.

    The act may still be done some time later, so it must be one that only reads, or may be done twice. While every thread
    has been waiting that long, nobody waits any more.
    """
    now, patience = time.monotonic(), settings.DATABASE_SECONDS
    hanging = sum(now - began > patience for began in list(_running.values()))
    if hanging >= _THREADS:
        raise DatabaseAway("The database does not answer.")
    try:
        async with asyncio.timeout(patience):
            return await in_db(act, *args, **kwargs)
    except TimeoutError:
        raise DatabaseAway(f"The database did not answer within {patience:g} s.") from None


def _act(act: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    # Django does this around an HTTP request; in a thread of ours nobody else would drop a dead connection.
    this = object()
    _running[this] = time.monotonic()
    try:
        close_old_connections()
        return act(*args, **kwargs)
    finally:
        close_old_connections()
        del _running[this]

"""in_db: run one synchronous database act in a thread of its own, off the event loop."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar

from django.db import close_old_connections

P = ParamSpec("P")
T = TypeVar("T")

# Few on purpose: SQLite has one writer at a time, and PostgreSQL's connection pool holds ten.
_threads = ThreadPoolExecutor(max_workers=4, thread_name_prefix="in-db")


async def in_db(act: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """What `act(*args, **kwargs)` returns; what it raises is raised here.

    The act opens and ends its own transaction. When the waiting task is cancelled, an act that has begun goes on to
    its end.
    """
    return await asyncio.get_running_loop().run_in_executor(_threads, partial(_act, act, *args, **kwargs))


def _act(act: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    # Django does this around an HTTP request; in a thread of ours nobody else would drop a dead connection.
    close_old_connections()
    try:
        return act(*args, **kwargs)
    finally:
        close_old_connections()

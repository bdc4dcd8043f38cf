"""The line in which writes wait for the database, so that no answer does. Who looks something up waits for its owner's."""

import asyncio
import contextvars
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import ParamSpec, TypeVar
from weakref import WeakKeyDictionary

from django.db import IntegrityError, InterfaceError, OperationalError

from accounts.in_db import DatabaseAway, in_db, in_db_soon
from accounts.remembered_settings import settings
from accounts.stored import NoRoom, NotStored

P = ParamSpec("P")
T = TypeVar("T")

logger = logging.getLogger(__name__)

_MOST_BYTES = 64 * 1024 * 1024
_PAUSE_SECONDS = 1.0
# Another process may have written the end of its answer a moment before its response.
_OTHERS_SECONDS = (0.05, 0.2)


@dataclass(slots=True)
class _Write:
    user_id: int
    size: int
    act: Callable[[], object]
    written: "asyncio.Future[None]"
    is_done: bool = False

    def do(self) -> None:
        """What is written is not written again, should the process end before it hears of it."""
        self.act()
        self.is_done = True


class _Line:
    """The writes of one event loop, one after another."""

    def __init__(self) -> None:
        self.waiting: deque[_Write] = deque()
        self.size = 0
        self._writer: asyncio.Task[None] | None = None

    def add(self, write: _Write) -> None:
        self.waiting.append(write)
        self.size += write.size
        if self._writer is None or self._writer.done():
            # Of no request's context: it may outlive the one that begins it.
            self._writer = asyncio.get_running_loop().create_task(self._write_all(), context=contextvars.Context())

    async def _write_all(self) -> None:
        failed = False
        while self.waiting:
            write = self.waiting[0]
            try:
                await in_db(write.do)
            except (IntegrityError, NotStored):
                pass  # its user or conversation is gone
            except NoRoom:
                logger.warning("A response was not stored: the conversations of its user take all the room.")
            except (OperationalError, InterfaceError) as error:
                if not failed:
                    logger.warning("Responses wait to be stored: the database takes none (%s).", type(error).__name__)
                failed = True
                await asyncio.sleep(_PAUSE_SECONDS)
                continue
            except Exception:
                logger.exception("a response could not be stored")
            self.waiting.popleft()
            self.size -= write.size
            write.written.set_result(None)


_lines: "WeakKeyDictionary[asyncio.AbstractEventLoop, _Line]" = WeakKeyDictionary()


def write_behind(user_id: int, size: int, act: Callable[[], object]) -> "asyncio.Future[None] | None":
    """Have the act done in a database thread, after those that came before it. It holds about `size` bytes until then.

    What is returned is done then; None where the database has been away so long that too much waits already: then it is
    left out, with a line in the log.
    """
    loop = asyncio.get_running_loop()
    line = _lines.setdefault(loop, _Line())
    if line.size + size > _MOST_BYTES:
        logger.warning("A response was not stored: too many wait for the database.")
        return None
    line.add(write := _Write(user_id, size, act, loop.create_future()))
    return write.written


def write_rest() -> None:
    """Write what still waits, when the process ends in peace: up to the first that the database does not take."""
    for line in list(_lines.values()):
        for write in line.waiting:
            try:
                if not write.is_done:
                    write.do()
            except (IntegrityError, NotStored, NoRoom):
                continue
            except Exception:
                logger.exception("a response could not be stored")
                return


async def look_up(user_id: int, act: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """What the act finds of the user's, once what this process has to write of it is written.

    Raises DatabaseAway, and what the act does; that there is nothing only when it had no time to come from another process.
    """
    await _written(user_id)
    for pause in _OTHERS_SECONDS if settings.WORKERS > 1 or settings.REDIS_URL else ():
        try:
            return await in_db_soon(act, *args, **kwargs)
        except NotStored:
            await asyncio.sleep(pause)
    return await in_db_soon(act, *args, **kwargs)


async def _written(user_id: int) -> None:
    line = _lines.get(asyncio.get_running_loop())
    waiting = [write.written for write in line.waiting if write.user_id == user_id] if line else []
    if waiting:
        _, late = await asyncio.wait(waiting, timeout=settings.DATABASE_SECONDS)
        if late:
            raise DatabaseAway("The database does not take what is to be stored.")

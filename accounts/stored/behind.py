"""Where writes wait for the database, so that no answer does: in a line for each user, for nobody is to wait for another's.

Who looks something up waits for what its owner has to write.
"""

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
# Of one user, who may have one write in any case.
_MOST_BYTES_OF_ONE = _MOST_BYTES // 2
# At once; the other threads of the database are for those who look something up.
_WRITERS = 2
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


class _Lines:
    """The writes of one event loop: each user's one after another, those of a few users at once."""

    def __init__(self) -> None:
        self.of_user: dict[int, deque[_Write]] = {}
        self._size = 0
        self._ready: deque[int] = deque()
        """The users of whose writes none is being written."""
        self._writers: list[asyncio.Task[None]] = []
        self._failed = False

    def has_room(self, user_id: int, size: int) -> bool:
        """Whether so many bytes more of the user's may wait."""
        mine = self.of_user.get(user_id)
        if mine and sum(write.size for write in mine) + size > _MOST_BYTES_OF_ONE:
            return False
        # Where nothing waits there is room for anything.
        return not self._size or self._size + size <= _MOST_BYTES

    def add(self, write: _Write) -> None:
        self._size += write.size
        if write.user_id in self.of_user:
            self.of_user[write.user_id].append(write)
            return
        self.of_user[write.user_id] = deque([write])
        self._ready.append(write.user_id)
        self._writers = [writer for writer in self._writers if not writer.done()]
        if len(self._writers) < _WRITERS:
            # Of no request's context: it may outlive the one that begins it.
            begun = asyncio.get_running_loop().create_task(self._write_all(), context=contextvars.Context())
            self._writers.append(begun)

    async def _write_all(self) -> None:
        while self._ready:
            user_id = self._ready.popleft()
            mine = self.of_user[user_id]
            is_written = await self._is_written(mine[0])
            if is_written:
                write = mine.popleft()
                self._size -= write.size
                write.written.set_result(None)
            if mine:
                self._ready.append(user_id)
            else:
                del self.of_user[user_id]
            if not is_written:
                await asyncio.sleep(_PAUSE_SECONDS)

    async def _is_written(self, write: _Write) -> bool:
        """Write it: False where the database takes nothing. What cannot be written at all is done with as well."""
        try:
            await in_db(write.do)
        except (IntegrityError, NotStored):
            pass  # its user or conversation is gone
        except NoRoom:
            logger.warning("A response was not stored: the conversations of its user take all the room.")
        except (OperationalError, InterfaceError) as error:
            if not self._failed:
                logger.warning("Responses wait to be stored: the database takes none (%s).", type(error).__name__)
            self._failed = True
            return False
        except Exception:
            logger.exception("a response could not be stored")
        self._failed = False
        return True


_lines: "WeakKeyDictionary[asyncio.AbstractEventLoop, _Lines]" = WeakKeyDictionary()


def write_behind(user_id: int, size: int, act: Callable[[], object]) -> "asyncio.Future[None] | None":
    """Have the act done in a database thread, after the user's that came before it. It holds about `size` bytes until then.

    What is returned is done then; None where the database has been away so long that too much waits already: then it is
    left out, with a line in the log.
    """
    loop = asyncio.get_running_loop()
    lines = _lines.setdefault(loop, _Lines())
    if not lines.has_room(user_id, size):
        logger.warning("A response was not stored: too many wait for the database.")
        return None
    lines.add(write := _Write(user_id, size, act, loop.create_future()))
    return write.written


def write_rest() -> None:
    """Write what still waits, when the process ends in peace: up to the first that the database does not take."""
    waiting = (write for lines in list(_lines.values()) for mine in lines.of_user.values() for write in mine)
    for write in waiting:
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
    lines = _lines.get(asyncio.get_running_loop())
    waiting = [write.written for write in lines.of_user.get(user_id, ())] if lines else []
    if waiting:
        _, late = await asyncio.wait(waiting, timeout=settings.DATABASE_SECONDS)
        if late:
            raise DatabaseAway("The database does not take what is to be stored.")

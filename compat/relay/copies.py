"""Copies of stored files in the projects whose keys serve: made before the call that names them, deleted when nobody does.

An upload that two requests wait for is made once. It ends when the last of them leaves, unless all of its bytes are there.
"""

import asyncio
import contextvars
import logging
from collections.abc import AsyncGenerator, Coroutine, Mapping
from contextlib import aclosing, suppress
from datetime import datetime
from typing import Any
from weakref import WeakKeyDictionary

from django.db import DatabaseError

from accounts import file_copies, files, pool
from accounts.file_copies import Copy
from accounts.in_db import in_db
from accounts.models import StoredFile
from accounts.pool import PooledKey
from accounts.remembered_settings import settings
from compat.errors import NotFound
from compat.gemini.failures import UNREADABLE, UPLOAD_TOO_SLOW, Facts, GeminiFailure, Next
from compat.relay.upstream import gemini
from compat.schemas.gemini import UploadedFile
from compat.translation.affinity import affinity_of

logger = logging.getLogger(__name__)

Files = Mapping[str, StoredFile]
"""Stored files by their ids."""

# Each holds one part of a file in memory, and one of the few database threads now and then.
_AT_ONCE = 4
# Gemini keeps a file for 48 hours. A request that names one may take its time.
_USED_FOR_SECONDS = 47 * 3600.0
_MARGIN_SECONDS = 3600.0
_FIRST_LOOK_SECONDS, _LONGEST_PAUSE_SECONDS = 0.25, 5.0
_SWEEP_SECONDS = 30.0
_EXPECTED_SECONDS = 60.0


def affinity(named: Files) -> int | None:
    """The same number for the same files, so that they meet the same project also where nobody knows of copies yet."""
    return affinity_of(sorted(named), 0, bound=True)


async def holders(named: Files) -> list[str]:
    """The quota domains that hold copies, who holds most of them first; then those that are about to."""
    await file_copies.fetch(tuple(named))
    return known_holders(named)


def known_holders(named: Files) -> list[str]:
    """The same, as far as this process knows."""
    now = pool.now()
    held = file_copies.holders({file_id: file.bytes for file_id, file in named.items()}, now)
    for file_id in named:
        for domain, until in list(_expected.get(file_id, {}).items()):
            if until > now and domain not in held:
                held.append(domain)
            elif until <= now:
                del _expected[file_id][domain]
    return held


def expect(named: Files, domain: str) -> None:
    """A project is about to get copies: for a minute it counts as one that holds them, though last among these."""
    until = pool.now() + _EXPECTED_SECONDS
    for file_id in named:
        _expected.setdefault(file_id, {})[domain] = until


async def hold(key: PooledKey, kinds: Mapping[str, str], named: Files) -> dict[str, str]:
    """The addresses of copies in the project of a key, by the ids of their files; what is missing is uploaded with it.

    `kinds` are the media types of those that are wanted. Raises GeminiFailure, and NotFound for a file that was deleted.
    """
    addresses: dict[str, str] = {}
    missing: dict[str, _Upload] = {}
    for file_id, kind in kinds.items():
        known = file_copies.use(file_id, key.domain, pool.now())
        if known is not None:
            addresses[file_id] = known.uri
        else:
            missing[file_id] = _uploading(key, named[file_id], kind)
    try:
        for file_id, upload in missing.items():
            addresses[file_id] = (await upload.copy()).uri
    finally:
        for upload in missing.values():
            upload.leave()
    _sweep_later()
    return addresses


def lost(domain: str, named: Files, told: str) -> None:
    """A project does not hold the copy that Gemini's refusal names in its text; or, where it names none, no copy at all."""
    known = [(file_id, copy) for file_id in named if (copy := file_copies.use(file_id, domain, pool.now()))]
    meant = [(file_id, copy) for file_id, copy in known if copy.name.removeprefix("files/") in told]
    for file_id, copy in meant or known:
        file_copies.forget(file_id, copy)


def discard(file_id: str) -> None:
    """A file was deleted: delete its copies, too, in the background."""
    if settings.GEMINI_FILES != "never" or file_copies.known():
        _in_background(_discard(file_id))


class _Upload:
    """One file on its way into one project."""

    def __init__(self, key: PooledKey, file: StoredFile, kind: str) -> None:
        self._place = (file.pk, key.id)
        self._waiting = 0
        self._is_sent = False
        # A context of its own: it may outlive the request that came first.
        self._task = asyncio.get_running_loop().create_task(self._run(key, file, kind), context=contextvars.Context())
        self._task.add_done_callback(self._done)

    def join(self) -> None:
        """One more waits for it."""
        self._waiting += 1

    def leave(self) -> None:
        """One fewer does. What is half sent is given up with the last; of the rest Gemini would have kept a file."""
        self._waiting -= 1
        if not self._waiting and not self._is_sent:
            _uploads.pop(self._place, None)
            self._task.cancel()

    async def copy(self) -> Copy:
        """The copy, once it may be named. Raises GeminiFailure, NotFound."""
        return await asyncio.shield(self._task)

    def _done(self, task: "asyncio.Task[Copy]") -> None:
        if _uploads.get(self._place) is self:
            del _uploads[self._place]
        if not task.cancelled():
            task.exception()  # read once, so that nobody complains when everybody has left

    async def _run(self, key: PooledKey, file: StoredFile, kind: str) -> Copy:
        secret = key.secret.reveal()
        try:
            async with _slots(), aclosing(self._parts(file)) as parts:
                uploaded = await gemini().files.upload(secret, kind, file.bytes, parts)
        except files.Gone:
            raise _not_found(file) from None
        copy = _copy(key, file, uploaded)
        try:
            await _processed(secret, uploaded)
        except GeminiFailure:
            _in_background(_delete(copy))
            raise
        file_copies.keep(file.pk, copy, pool.now())
        _sweep_later()
        # Its owner may have deleted it meanwhile, and nobody knew of this copy then. While the database is away the sweep
        # will find out.
        with suppress(DatabaseError):
            if await in_db(files.missing, [file.pk]):
                discard(file.pk)
                raise _not_found(file)
        return copy

    async def _parts(self, file: StoredFile) -> AsyncGenerator[bytes, None]:
        left = file.bytes
        async with aclosing(files.read(file)) as parts:
            async for part in parts:
                left -= len(part)
                yield part
        if left:
            raise files.Gone
        self._is_sent = True


_expected: dict[str, dict[str, float]] = {}
"""Until when (Unix time) a quota domain counts as one that holds a file, by the file's id."""
_uploads: dict[tuple[str, object], _Upload] = {}
"""Those that are under way, by file and key: what a refusal says of a key holds for that one alone."""
_semaphores: "WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore]" = WeakKeyDictionary()
_background: set[asyncio.Task[None]] = set()
_sweeping: "WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.TimerHandle]" = WeakKeyDictionary()


def _uploading(key: PooledKey, file: StoredFile, kind: str) -> _Upload:
    place = (file.pk, key.id)
    upload = _uploads.get(place)
    if upload is None:
        upload = _uploads[place] = _Upload(key, file, kind)
    upload.join()
    return upload


def _slots() -> asyncio.Semaphore:
    loop = asyncio.get_running_loop()
    if loop not in _semaphores:
        _semaphores[loop] = asyncio.Semaphore(_AT_ONCE)
    return _semaphores[loop]


def _copy(key: PooledKey, file: StoredFile, uploaded: UploadedFile) -> Copy:
    until = min(pool.now() + _USED_FOR_SECONDS, file.expires.timestamp())
    # Where it does not say, 48 hours are meant.
    with suppress(ValueError):
        until = min(until, datetime.fromisoformat(uploaded.expirationTime or "").timestamp() - _MARGIN_SECONDS)
    return Copy(key.domain, uploaded.name, uploaded.uri, until)


async def _processed(secret: str, uploaded: UploadedFile) -> None:
    """Wait until a file may be named. Raises GeminiFailure."""
    pause, until = _FIRST_LOOK_SECONDS, asyncio.get_running_loop().time() + settings.FIRST_BYTE_SECONDS
    while uploaded.state == "PROCESSING":
        if asyncio.get_running_loop().time() > until:
            raise GeminiFailure(UPLOAD_TOO_SLOW, Facts(504))
        await asyncio.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
        try:
            uploaded = await gemini().files.get(secret, uploaded.name)
        except GeminiFailure as failure:
            # All of it is there: it is asked for again rather than uploaded.
            if failure.failure.next is not Next.AGAIN:
                raise
    if uploaded.state == "FAILED":
        raise GeminiFailure(UNREADABLE, Facts(400))


async def _discard(file_id: str) -> None:
    for copy in await file_copies.take(file_id):
        await _delete(copy)


async def _delete(copy: Copy) -> None:
    """Delete a copy at Gemini. Where that fails it is gone two days after it was made."""
    key = pool.key_of(copy.domain)
    if key is None:
        return
    try:
        await gemini().files.delete(key.secret.reveal(), copy.name)
    except GeminiFailure as failure:
        logger.info("a copy of a file could not be deleted: %s", failure.failure.name)


def _sweep_later() -> None:
    """Look in a while for copies that nobody names any more, or whose files are gone, as long as there are any."""
    loop = asyncio.get_running_loop()
    if loop not in _sweeping and file_copies.known():
        _sweeping[loop] = loop.call_later(_SWEEP_SECONDS, lambda: _in_background(_sweep()))


async def _sweep() -> None:
    _sweeping.pop(asyncio.get_running_loop(), None)
    now = pool.now()
    for file_id in [file_id for file_id, untils in _expected.items() if max(untils.values(), default=0) <= now]:
        del _expected[file_id]
    for file_id, copy in file_copies.over(now):
        if await file_copies.let_go(file_id, copy):
            await _delete(copy)
    # Files go with their owners as well, in processes that know of no copies. While the database is away they wait.
    with suppress(DatabaseError):
        for file_id in await in_db(files.missing, file_copies.known()):
            await _discard(file_id)
    _sweep_later()


def _in_background(work: Coroutine[Any, Any, None]) -> None:
    task = asyncio.get_running_loop().create_task(work, context=contextvars.Context())
    _background.add(task)
    task.add_done_callback(_background.discard)


async def drained() -> None:
    """Wait for what goes on in the background: for tests."""
    while _background:
        await asyncio.wait(list(_background))


def reset() -> None:
    """Forget everything: for tests."""
    for timer in _sweeping.values():
        timer.cancel()
    _sweeping.clear()
    _uploads.clear()
    _expected.clear()
    _background.clear()
    file_copies.forget_all()


def _not_found(file: StoredFile) -> NotFound:
    return NotFound(f"No such File object: {file.pk[:80]}", param="id")

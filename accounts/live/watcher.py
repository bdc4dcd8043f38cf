"""The WebSocket of the live page: pushes what changed, five times a second at most, to those who may still see it."""

import asyncio
import json
import logging
import re
import time
from collections import Counter
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qs

from channels.generic.websocket import AsyncWebsocketConsumer
from django.db import DatabaseError

from accounts.in_db import in_db
from accounts.live.hub import Hub, hub
from accounts.live.rights import Close, Rights, rights_of

logger = logging.getLogger(__name__)

PUSH_SECONDS = 0.2
CHECK_SECONDS = 2.0
_CHECK_WITHIN = 2.0
QUIET_SECONDS = 1.0
UNSEEN_AT_MOST = 3
"""Frames on their way; a browser that says nothing gets no more, and later what is true then."""
_UNSEEN_SECONDS = 60.0
_ENDED_AT_ONCE = 100
_OF_ONE_USER = 5
_BROKEN, _TRY_LATER = 1011, 1013
_CURSOR = re.compile(r"([0-9a-f]{8})-(\d{1,15})")

_open: Counter[int] = Counter()


class _Gone(Exception):
    """The browser has left."""


class Watcher(AsyncWebsocketConsumer):  # type: ignore[misc]
    """One browser. It speaks of the process's hub, which alone listens to the channel layer."""

    channel_layer_alias = None

    async def connect(self) -> None:
        """Accept whoever may watch; others are told why by the close code, which a refusal could not carry."""
        await self.accept()
        rights = await self._rights()
        if not isinstance(rights, Rights):
            await self._end(rights)
        elif hub().is_full or _open[rights.user_id] >= _OF_ONE_USER:
            await self._end(Close.TOO_MANY)
        else:
            self._task = asyncio.create_task(self._watch(rights))

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """The number of the last frame that was shown. Nothing else is listened to."""
        with suppress(ValueError, TypeError):
            self._seen = max(self._seen, min(int(text_data or ""), self._frames))

    async def disconnect(self, code: int) -> None:
        """The browser is gone."""
        if self._task is not None:
            self._task.cancel()

    _task: asyncio.Task[None] | None = None
    _frames = _seen = 0

    async def _watch(self, rights: Rights) -> None:
        known = hub()
        known.join()
        _open[rights.user_id] += 1
        try:
            why = await self._push(known, View(rights, self._cursor()))
        except _Gone:
            pass
        except Exception:
            logger.exception("a live page broke")
            await self._end(_BROKEN)
        else:
            await self._end(why)
        finally:
            known.leave()
            _open[rights.user_id] -= 1
            if not _open[rights.user_id]:
                del _open[rights.user_id]

    async def _push(self, known: Hub, view: "View") -> Close | int:
        """Push until it must end; how it ends."""
        checked = told = moved = time.monotonic()
        version = -1
        while True:
            now = time.monotonic()
            if now - checked > CHECK_SECONDS:
                rights = await self._rights()
                if not isinstance(rights, Rights):
                    return rights
                view.rights, checked = rights, time.monotonic()
            if self._frames - self._seen < UNSEEN_AT_MOST:
                moved = now
                if version != known.version or now - told > QUIET_SECONDS:
                    version, told = known.version, now
                    self._frames += 1
                    await self._tell(json.dumps({"frame": self._frames, **view.next(known)}))
            elif now - moved > _UNSEEN_SECONDS:
                return Close.TOO_SLOW
            await asyncio.sleep(PUSH_SECONDS)

    async def _rights(self) -> Rights | Close | int:
        try:
            async with asyncio.timeout(_CHECK_WITHIN):
                return await in_db(rights_of, self.scope["session"].session_key)
        except (DatabaseError, TimeoutError):
            return _TRY_LATER  # who cannot be looked up may not watch

    async def _tell(self, frame: str) -> None:
        try:
            await self.send(text_data=frame)
        except Exception as error:
            # Each server has its own error for a browser that has left, and raises it before it says so.
            raise _Gone from error

    async def _end(self, why: Close | int) -> None:
        with suppress(Exception):  # the same
            await self.close(why.value if isinstance(why, Close) else why)

    def _cursor(self) -> dict[str, int]:
        """What the browser has seen before it lost the connection: `?after=PROCESS-NUMBER.PROCESS-NUMBER`."""
        query = parse_qs(self.scope["query_string"].decode("ascii", "replace"))
        return {process: int(number) for process, number in _CURSOR.findall(query.get("after", [""])[0][:2000])}


class View:
    """What one watcher has been told of the hub's knowledge."""

    def __init__(self, rights: Rights, cursor: dict[str, int]) -> None:
        self.rights = rights
        self._cursor = cursor
        self._place = self._event_place = 0
        self._missed: int | None = None

    def next(self, known: Hub) -> dict[str, Any]:
        """A frame: how things are, and what happened since the last one."""
        processes = known.processes()
        requests, tokens = known.rates.a_second(time.monotonic())
        running = [row for told in processes.values() for row in told.running]
        ended, left_out = self._ended(known)
        return {
            "now": int(time.time() * 1000),
            "paused": known.paused,
            "processes": len(processes),
            "requests_a_second": round(requests, 1),
            "tokens_a_second": round(tokens),
            "running_count": sum(told.running_count for told in processes.values()),
            "running": [_named(known, row) for row in sorted(running, key=lambda row: row["began"])],
            "ended": [_named(known, row) for row in ended],
            "left_out": left_out,
            "shut": sorted(known.shut()),
            "events": self._events(known),
            "after": ".".join(f"{process}-{number}" for process, number in self._cursor.items()),
        }

    def _ended(self, known: Hub) -> tuple[list[dict[str, Any]], int]:
        """The requests that ended since, and how many more did than are told one by one."""
        fresh: list[dict[str, Any]] = []
        for place, process, row in known.ended:
            if place > self._place and row["number"] > self._cursor.get(process, 0):
                self._cursor[process] = row["number"]
                fresh.append(row)
        if known.ended:
            self._place = known.ended[-1][0]
        missed = known.missed - (known.missed if self._missed is None else self._missed)
        self._missed = known.missed
        return fresh[-_ENDED_AT_ONCE:], missed + max(0, len(fresh) - _ENDED_AT_ONCE)

    def _events(self, known: Hub) -> list[dict[str, Any]]:
        fresh = [event for place, event in known.events if place > self._event_place]
        if known.events:
            self._event_place = known.events[-1][0]
        return [event for event in fresh if event["kind"] != "key" or self.rights.key_events]


def _named(known: Hub, row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "user_id": row["user"], "user": known.names.get(row["user"], f"#{row['user']}")}

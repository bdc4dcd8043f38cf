"""Hears what every process tells of its traffic, for all watchers of this process together."""

import asyncio
import contextvars
import logging
import secrets
import time
from collections import deque
from typing import Any

from channels.layers import get_channel_layer
from django.db import DatabaseError

from accounts.in_db import in_db
from accounts.live import presence
from accounts.live.names import key_events, names_of
from accounts.live.publisher import is_to_end, layer_fails, publish
from accounts.live.rates import Rates
from accounts.live.summary import Told

logger = logging.getLogger(__name__)

KEPT = 500
PAUSED_AFTER = 3.0
"""Seconds without a word from anybody, this process included: then the layer does not carry."""
SAY_SECONDS = 1.0
KEYS_SECONDS = 2.0
_RECEIVE_SECONDS = 2.5
_NAMES_FOR = 60.0


class Hub:
    """What is known just now, and the last that happened. `version` changes with every news."""

    def __init__(self) -> None:
        self.version = 0
        self.heard: dict[str, tuple[float, Told]] = {}
        """The last summary of each process, and when it came."""
        self.ended: deque[tuple[int, str, dict[str, Any]]] = deque(maxlen=KEPT)
        """(place, process, request): places count up here."""
        self.events: deque[tuple[int, dict[str, Any]]] = deque(maxlen=100)
        self.missed = 0
        """Requests that ended and were never told one by one: more came than a summary holds, or the layer lost some."""
        self.names: dict[int, str] = {}
        self.rates = Rates()
        self._name = secrets.token_hex(3)
        self._places = self._event_places = 0
        self._last: dict[str, int] = {}
        self._shut: dict[str, float] = {}
        self._last_key_event = 0
        self._names_until = 0.0
        self._heard_at = time.monotonic()
        self._watchers = 0
        self._tasks: list[asyncio.Task[None]] = []

    # --- Watchers -------------------------------------------------------------------------------------------

    def join(self) -> None:
        """One more watches."""
        self._watchers += 1
        if not self._tasks:
            self._heard_at = time.monotonic()
            loop, context = asyncio.get_running_loop(), contextvars.Context()
            acts = (self._hear(), self._look_at_keys())
            self._tasks = [loop.create_task(act, context=context) for act in acts]

    def leave(self) -> None:
        """One less; with the last of them it ends."""
        self._watchers -= 1
        if self._watchers == 0:
            for task in self._tasks:
                task.cancel()
            self._tasks = []

    @property
    def is_full(self) -> bool:
        """True when there are as many watchers as one process should serve."""
        return self._watchers >= 50

    # --- What is known ----------------------------------------------------------------------------------------

    @property
    def paused(self) -> bool:
        """True while nothing comes through the channel layer."""
        return time.monotonic() - self._heard_at > PAUSED_AFTER

    def processes(self) -> dict[str, Told]:
        """The processes that told something just now, by name."""
        since = time.monotonic() - PAUSED_AFTER
        self.heard = {name: pair for name, pair in self.heard.items() if pair[0] > since or self.paused}
        return {name: self.heard[name][1] for name in sorted(self.heard)}

    def shut(self) -> dict[str, float]:
        """What is left alone just now by some process, and until when (Unix time)."""
        found: dict[str, float] = {}
        for told in self.processes().values():
            for name, until in told.shut.items():
                found[name] = max(until, found.get(name, 0.0))
        return found

    # --- What it hears ------------------------------------------------------------------------------------------

    async def _hear(self) -> None:
        layer, said = get_channel_layer(), float("-inf")
        channel = await layer.new_channel()
        while not is_to_end():
            try:
                if time.monotonic() - said > SAY_SECONDS:
                    await presence.say(channel)
                    said = time.monotonic()
                    publish()
                async with asyncio.timeout(_RECEIVE_SECONDS):
                    message = await layer.receive(channel)
                await self._take(Told(*(message[name] for name in Told._fields)))
            except layer_fails():
                await asyncio.sleep(SAY_SECONDS)
            except Exception:
                if is_to_end():
                    return  # what broke off with it
                # Such as a process of another version, which tells something else: the others are still to be heard.
                logger.exception("live traffic could not be read")
                await asyncio.sleep(SAY_SECONDS)

    async def _take(self, told: Told) -> None:
        now = time.monotonic()
        self._heard_at = now
        self.heard[told.process] = now, told
        self.rates.add(told.process, now, told.ended_count, told.tokens)
        await self._learn_names({row["user"] for row in (*told.running, *told.ended)})
        for row in told.ended:
            last = self._last.get(told.process, row["number"] - 1)
            if row["number"] > last:
                self._last[told.process] = row["number"]
                self.missed += row["number"] - last - 1
                self._places += 1
                self.ended.append((self._places, told.process, row))
        self._note_gates()
        self.version += 1

    async def _learn_names(self, users: set[int]) -> None:
        now = time.monotonic()
        if now > self._names_until:
            self.names, self._names_until = {}, now + _NAMES_FOR
        unknown = users - self.names.keys()
        if unknown:
            try:
                self.names |= await in_db(names_of, unknown)
            except DatabaseError:
                logger.warning("the names of users could not be looked up for live traffic")

    def _note_gates(self) -> None:
        shut = self.shut()
        for name in sorted(shut.keys() ^ self._shut.keys()):
            kind = "shut" if name in shut else "open"
            self._note({"at": int(time.time() * 1000), "kind": kind, "model": name}, "g")
        self._shut = shut

    async def _look_at_keys(self) -> None:
        while True:
            try:
                events = await in_db(key_events, self._last_key_event)
            except DatabaseError:
                events = []
            for event in events:
                self._last_key_event = event.pop("number")
                self._note({**event, "kind": "key"}, "k", self._last_key_event)
            await asyncio.sleep(KEYS_SECONDS)

    def _note(self, event: dict[str, Any], letter: str, number: int | None = None) -> None:
        self._event_places += 1
        self.version += 1
        # Whoever comes back to another process is told the same events under the same ids.
        key = f"{letter}{number}" if number else f"{letter}{self._name}{self._event_places}"
        self.events.append((self._event_places, {"id": key, **event}))


_hub: Hub | None = None
_loop: asyncio.AbstractEventLoop | None = None


def hub() -> Hub:
    """This process's, in this event loop."""
    global _hub, _loop
    loop = asyncio.get_running_loop()
    if _hub is None or loop is not _loop:
        _hub, _loop = Hub(), loop
    return _hub

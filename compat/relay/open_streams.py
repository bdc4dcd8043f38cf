"""The streams that run in this process: those of a token that holds no longer are ended within seconds."""

import asyncio
import contextvars
import logging
from typing import Protocol

from django.db import DatabaseError

from accounts.callers import Caller, those_that_hold
from accounts.in_db import in_db
from compat.errors import CompatError, InvalidToken

logger = logging.getLogger(__name__)

# One look for all of them. A revocation is in force for new requests after 5 s, for running ones after 10 s at most.
CHECK_SECONDS = 4.0


class Stream(Protocol):
    """What runs for a caller and can be ended."""

    caller: Caller

    def stop(self, error: CompatError) -> None:
        """End with this error."""


class OpenStreams:
    """Those of one event loop, with one timer as long as there are any."""

    def __init__(self) -> None:
        self._open: set[Stream] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._check: asyncio.Task[None] | None = None

    def add(self, stream: Stream) -> None:
        """It has begun."""
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            self._loop, self._timer = loop, None
            self._open.clear()
        self._open.add(stream)
        if self._timer is None:
            self._timer = loop.call_later(CHECK_SECONDS, self._start)

    def remove(self, stream: Stream) -> None:
        """It has ended."""
        self._open.discard(stream)

    def _start(self) -> None:
        self._timer = None
        if self._open and self._loop is not None:
            # Of no request's context: it is for all of them.
            self._check = self._loop.create_task(self._end_revoked(), context=contextvars.Context())

    async def _end_revoked(self) -> None:
        streams = list(self._open)
        tokens = {stream.caller.token_id for stream in streams if stream.caller.token_id is not None}
        users = {stream.caller.user_id for stream in streams if stream.caller.token_id is None}
        try:
            held_tokens, held_users = await in_db(those_that_hold, tokens, users)
        except DatabaseError:
            logger.warning("Whether the tokens of running streams still hold could not be looked up.")
        else:
            for stream in streams:
                token_id = stream.caller.token_id
                if stream.caller.user_id not in held_users if token_id is None else token_id not in held_tokens:
                    stream.stop(InvalidToken("Your API key was revoked while this answer was on its way."))
        if self._open and self._timer is None and self._loop is not None:
            self._timer = self._loop.call_later(CHECK_SECONDS, self._start)


open_streams = OpenStreams()

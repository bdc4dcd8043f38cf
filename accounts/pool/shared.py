"""The ledgers of several processes, in Redis: one script and one round trip a reservation.

What Redis holds names quota domains and models, and times and counts of the last minute and day: no key, no person.
"""

import asyncio
import itertools
import secrets
import time
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from accounts.pool import clock
from accounts.pool.board import Chosen
from accounts.pool.facts import Lease
from accounts.pool.ledger import BY_THE_CLOCK
from accounts.pool.minute import Sent
from accounts.pool.news import Place, Rest
from accounts.pool.pacific import next_quota_day, quota_day
from accounts.shared_store import Away, Wire
from accounts.shared_store import Script as LuaScript

# One hash tag for all: a Redis Cluster keeps them together.
_PREFIX = "tumbler:{pool}"
_NEWS = f"{_PREFIX}:news"
_RECORDED_AT_ONCE = 500
_FOLDER = Path(__file__).parent / "lua"


class Script(LuaScript):
    """One script of the folder lua/, with what all of them begin with."""

    def __init__(self, name: str) -> None:
        super().__init__((_FOLDER / "common.lua").read_text() + (_FOLDER / f"{name}.lua").read_text())


_RESERVE, _SETTLE, _REFUND, _REST, _WAKE, _RECORD, _TELL = map(
    Script, ("reserve", "settle", "refund", "rest", "wake", "record", "tell")
)
_pack = msgspec.msgpack.Encoder().encode


class Refused(NamedTuple):
    """Why a place has no room."""

    wait: float
    """Seconds until it may have."""
    least: float
    """Seconds until it may have for the smallest prompt."""
    used_today: int
    reason: str
    """Of its rest; empty when a limit is used up."""


class Answer(NamedTuple):
    """What the ledgers say to a reservation."""

    epoch: str
    """The name of what Redis remembers: another one after it has forgotten."""
    version: int
    """Grows when processes have written what the others should read soon."""
    place: int
    """The number of the place where the request was taken, from 1; see FULL and FORGOTTEN."""
    used_today: int = 0
    filled: str = ""
    """The name of the minute's limit that is used up with it."""
    is_first: bool = False
    """Whether it alone is let through after a rest."""
    refusals: list[Refused] = []
    """Of every place before that one."""


FULL = 0
FORGOTTEN = -1
"""Nothing was decided: Redis does not know what this process has sent. See `record`."""

_answer = msgspec.msgpack.Decoder(Answer)


class SharedLedgers:
    """Reserves at a place for all processes. On one event loop. Raises Away where Redis does not answer.

    Redis's own clock counts, except where the pool's is not the real one.
    """

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self._name = secrets.token_hex(4)
        self._numbers = itertools.count()
        self._epoch: str | None = None

    def new_lease_id(self) -> str:
        """A name that no other lease has."""
        return f"{self._name}{next(self._numbers):x}"

    async def reserve(
        self, lease_id: str, model: str, chosen: Sequence[Chosen], known: Sequence[int], tokens: int, now: float
    ) -> Answer:
        """Take a request with the first of the chosen that has room; `known` is what the database knows of today."""
        keys = [_NEWS]
        for candidate in chosen:
            domain = candidate.domain.name
            keys += (*_place_keys(domain, model), _rests_key(domain))
        asked = {
            "lease": lease_id,
            "tokens": tokens,
            "day": quota_day(now),
            "midnight": next_quota_day(now) - now,
            "epoch": lease_id,
            "places": [(*_limits(candidate), used_today) for candidate, used_today in zip(chosen, known, strict=True)],
        }
        if self._epoch is not None:
            asked["known"] = self._epoch
        future = self.wire.ask(_RESERVE, keys, _packed(asked))
        try:
            answer = _answer.decode(await future)
        except (asyncio.CancelledError, Away):
            # The client may have left: the question goes out all the same, and what is taken must be given back.
            self._give_back(lease_id, tokens, model, [candidate.domain.name for candidate in chosen], now)
            raise
        self._epoch = answer.epoch
        return answer

    def settle(self, lease: Lease, tokens: int, *, is_first: bool) -> None:
        """An answer came: so many input tokens were used, and it may have been the first after a rest."""
        if tokens != lease.tokens or is_first:
            asked = {"lease": lease.id, "reserved": lease.tokens, "tokens": tokens, "is_first": is_first}
            self.wire.tell(_SETTLE, _place_keys(lease.key.domain, lease.model), _packed(asked))

    def refund(self, lease: Lease) -> None:
        """The request never reached the upstream."""
        self._give_back(lease.id, lease.tokens, lease.model, [lease.key.domain], lease.at)

    def rest(self, domain: str, models: Collection[str], rest: Rest, *, all_models: bool) -> None:
        """Let a quota domain rest for these models, or for all of which these are known."""
        keys = [_state_key(domain, model) for model in models]
        if all_models:
            keys.append(_rests_key(domain))
        asked = {"until_then": rest.until, "reason": rest.reason, "alone": rest.reason not in BY_THE_CLOCK}
        self.wire.tell(_REST, keys, _packed(asked))

    def wake(self, domain: str, models: Collection[str], at: float) -> None:
        """End the rests of a domain that began before a Unix time."""
        keys = [_rests_key(domain), *(_state_key(domain, model) for model in models)]
        self.wire.tell(_WAKE, keys, _packed({"at": at}))

    def record(self, place: Place, sent: Sequence[Sent]) -> None:
        """Add what this process sent within the minute, as far as Redis does not know it."""
        rows = [(request.lease_id, request.tokens, request.at) for request in sent]
        for start in range(0, len(rows), _RECORDED_AT_ONCE):
            asked = {"sent": rows[start : start + _RECORDED_AT_ONCE]}
            self.wire.tell(_RECORD, _place_keys(*place), _packed(asked))

    def tell_news(self) -> None:
        """Let every process look at the database soon."""
        self.wire.tell(_TELL, [_NEWS], _packed({}), kept=False)

    def _give_back(self, lease_id: str, tokens: int, model: str, domains: Sequence[str], at: float) -> None:
        # It goes out behind the reservation, so this holds also where nobody knows whether that was taken.
        keys = [key for domain in domains for key in _place_keys(domain, model)]
        asked = {"lease": lease_id, "tokens": tokens, "day": quota_day(at)}
        self.wire.tell(_REFUND, keys, _packed(asked))


def _packed(asked: dict[str, Any]) -> bytes:
    if clock.source is not time.time:
        asked["now"] = clock.now()
    return _pack(asked)


def _limits(candidate: Chosen) -> tuple[int, int, int]:
    within = candidate.within
    return within.rpm or -1, -1 if within.tpm is None else within.tpm, -1 if within.rpd is None else within.rpd


def _state_key(domain: str, model: str) -> str:
    return f"{_PREFIX}:state:{domain}|{model}"


def _place_keys(domain: str, model: str) -> tuple[str, str]:
    return _state_key(domain, model), f"{_PREFIX}:minute:{domain}|{model}"


def _rests_key(domain: str) -> str:
    return f"{_PREFIX}:rests:{domain}"

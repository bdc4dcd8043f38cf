"""The limits of several processes: the same as in memory, kept in Redis by one script, one round trip a request."""

import asyncio
import time
import uuid
from typing import Any, Literal, TypeAlias

import msgspec
from msgspec.structs import asdict

from accounts.limits.asking import COMPARE_SECONDS, Ask, Compare, Headroom, Past, Refusal, Standing, Unseeded
from accounts.limits.holders import Holder
from accounts.limits.periods import today
from accounts.limits.wire import Away, Script, Wire

# What a process that crashed held is free again after so long; those alive say in time that they are.
LEASE_SECONDS = 60.0
_RENEWALS = 3
# A budget is kept a little beyond its period, for requests that end after it.
_KEEP_SECONDS = 2 * 60 * 60.0

_RESERVE, _SETTLE, _UNDO, _RENEW, _LEARN, _LOOK = map(Script, ("reserve", "settle", "undo", "renew", "learn", "look"))
_encode = msgspec.json.Encoder().encode
_decode = msgspec.msgpack.Decoder().decode

Keys: TypeAlias = list[str]
Member: TypeAlias = dict[str, Any]


class SharedReservation:
    """What one admitted request holds in Redis until it is settled or released; a second end is nothing."""

    __slots__ = ("_headroom", "_store", "cost", "keys", "members", "tokens")

    def __init__(
        self,
        store: "SharedStore",
        tokens: int,
        cost: int,
        keys: Keys,
        members: list[Member],
        headroom: Headroom,
    ) -> None:
        self._store = store
        self._headroom = headroom
        self.tokens = tokens
        self.cost = cost
        self.keys = keys
        self.members = members

    def settle(self, tokens: int, cost: int) -> None:
        """Put the true tokens and nanodollars in place of what was reserved."""
        self._store.end(self, tokens, cost, released=False)

    def release(self) -> None:
        """Give everything back: the request never reached the upstream."""
        self._store.end(self, 0, 0, released=True)

    def headroom(self) -> Headroom:
        """What the tightest limits of requests and of tokens a minute left when it was admitted."""
        return self._headroom


class SharedStore:
    """The accounts of all holders, on one event loop. Raises Away where Redis does not answer. `wall` is Unix time."""

    def __init__(
        self, wire: Wire, *, lease_seconds: float = LEASE_SECONDS, compare: Compare = lambda store, holder: None
    ) -> None:
        self.wire = wire
        self._compare = compare
        self._lease_ms = round(lease_seconds * 1000)
        self._open: set[SharedReservation] = set()
        self._renewing: asyncio.TimerHandle | None = None
        self._learned: dict[str, tuple[float, int]] = {}

    async def reserve(
        self, holders: tuple[Holder, ...], ask: Ask, wall: float
    ) -> SharedReservation | Refusal | Unseeded:
        """Take one request and its tokens from every holder, or nothing at all."""
        if any(_has_budget(holder) and not self._has_learned(holder) for holder in holders):
            return Unseeded(holders)
        lease = uuid.uuid4().hex
        facts = [_facts(holder, wall) for holder in holders]
        keys = _keys(holders, wall)
        argument = _encode({"holders": facts, "lease": lease, "lease_ms": self._lease_ms, **asdict(ask)})
        future = self.wire.ask(_RESERVE, keys, argument)
        try:
            # Shielded: the client may leave, but then what is taken meanwhile must be given back.
            answer = await asyncio.shield(future)
        except asyncio.CancelledError:
            future.add_done_callback(lambda done: self._give_back(done, holders, lease, keys, facts))
            raise
        except Away:
            self.wire.tell(_UNDO, keys, _encode({"holders": facts, "lease": lease}))
            raise
        found = self._read(answer, holders, lease, keys, facts)
        if isinstance(found, SharedReservation):
            self._compare_stale(holders)
        return found

    async def learn(self, holder: Holder, past: Past, wall: float) -> None:
        """Take over what the database says of a holder."""
        days = today(holder.zone, wall)
        told: dict[str, Any] = {}
        for name, spending, end in (("day", past.day, days.day_end), ("month", past.month, days.month_end)):
            if spending is not None:
                keep_ms = round((max(0.0, end - wall) + _KEEP_SECONDS) * 1000)
                told[name] = {"tokens": spending.tokens, "cost": spending.cost, "keep_ms": keep_ms}
        if past.requests is not None:
            told["requests"] = [(round(age * 1000), count) for age, count in past.requests]
        keys = [
            *_keys((holder,), wall)[:2],
            _budget_key(holder, "d", past.day.period if past.day else days.day),
            _budget_key(holder, "m", past.month.period if past.month else days.month),
        ]
        await self.wire.ask(_LEARN, keys, _encode(told))
        if _has_budget(holder):
            self._learned[holder.key] = (time.monotonic(), self.wire.returns)

    async def standings(self, holders: tuple[Holder, ...], wall: float) -> tuple[Standing, ...] | Unseeded:
        """How every limit stands."""
        if any(_has_budget(holder) and not self._has_learned(holder) for holder in holders):
            return Unseeded(holders)
        argument = _encode({"holders": [_facts(holder, wall) for holder in holders]})
        answer = _decode(await self.wire.ask(_LOOK, _keys(holders, wall), argument))
        if answer[0] == "unseeded":
            return Unseeded(holders)
        return tuple(
            standing for holder, row in zip(holders, answer[1], strict=True) for standing in _looked(holder, row, wall)
        )

    def end(self, reservation: SharedReservation, tokens: int, cost: int, *, released: bool) -> None:
        """See SharedReservation.settle and release. Never waits: it is told to Redis as soon as may be."""
        if reservation in self._open:
            self._open.discard(reservation)
            self._tell_end(reservation, tokens, cost, released=released)

    def _tell_end(self, reservation: SharedReservation, tokens: int, cost: int, *, released: bool) -> None:
        ended = {
            "holders": reservation.members,
            "tokens": tokens,
            "cost": cost,
            "reserved_tokens": reservation.tokens,
            "reserved_cost": reservation.cost,
            "released": released,
        }
        self.wire.tell(_SETTLE, reservation.keys, _encode(ended))

    def _has_learned(self, holder: Holder) -> bool:
        """False also after Redis was away: what was used meanwhile is known to the database alone."""
        return self._learned.get(holder.key, (0.0, -1))[1] == self.wire.returns

    def _compare_stale(self, holders: tuple[Holder, ...]) -> None:
        now = time.monotonic()
        for holder in holders:
            learned, _ = self._learned.get(holder.key, (now, 0))
            if _has_budget(holder) and now - learned > COMPARE_SECONDS:
                self._compare(self, holder)

    def _read(
        self, answer: bytes, holders: tuple[Holder, ...], lease: str, keys: Keys, facts: list[dict[str, Any]]
    ) -> SharedReservation | Refusal | Unseeded:
        match _decode(answer):
            case ["taken", tokens, cost, parts, rows]:
                members = [
                    {
                        **{name: fact[name] for name in ("day", "month") if name in fact},
                        "member": f"{lease}|{tokens}|{cost}|{fact.get('day', '')}|{fact.get('month', '')}",
                        "parts": part,
                    }
                    for fact, part in zip(facts, parts, strict=True)
                ]
                reservation = SharedReservation(self, tokens, cost, keys, members, _headroom(holders, rows))
                self._open.add(reservation)
                self._renew_later()
                return reservation
            case ["refused", number, name, used, asked, wait_ms, rows]:
                holder = holders[number - 1]
                wait = None if wait_ms < 0 else wait_ms / 1000
                return Refusal(holder.kind, name, getattr(holder, name), used, asked, wait, _headroom(holders, rows))
        for holder in holders:
            self._learned.pop(holder.key, None)
        return Unseeded(holders)

    def _give_back(
        self,
        done: "asyncio.Future[Any]",
        holders: tuple[Holder, ...],
        lease: str,
        keys: Keys,
        facts: list[dict[str, Any]],
    ) -> None:
        if not done.cancelled() and done.exception() is None:
            taken = self._read(done.result(), holders, lease, keys, facts)
            if isinstance(taken, SharedReservation):
                taken.release()

    def _renew_later(self) -> None:
        if self._renewing is None:
            loop = asyncio.get_running_loop()
            self._renewing = loop.call_later(self._lease_ms / 1000 / _RENEWALS, self._renew)

    def _renew(self) -> None:
        """One timer for all that is open, as long as anything is."""
        self._renewing = None
        for reservation in self._open:
            members = [member["member"] for member in reservation.members]
            self.wire.tell(_RENEW, reservation.keys, _encode({"members": members, "lease_ms": self._lease_ms}))
        if self._open:
            self._renew_later()


def _has_budget(holder: Holder) -> bool:
    return holder.has_day or holder.has_month


def _keys(holders: tuple[Holder, ...], wall: float) -> Keys:
    """Four keys a holder. All of one user's have the same hash tag, so that a Redis Cluster keeps them together."""
    keys = []
    for holder in holders:
        days = today(holder.zone, wall)
        keys += [
            f"tumbler:{{u{holder.user_id}}}:{holder.key}:windows",
            f"tumbler:{{u{holder.user_id}}}:{holder.key}:leases",
            _budget_key(holder, "d", days.day),
            _budget_key(holder, "m", days.month),
        ]
    return keys


def _budget_key(holder: Holder, kind: Literal["d", "m"], period: str) -> str:
    return f"tumbler:{{u{holder.user_id}}}:{holder.key}:{kind}:{period}"


def _facts(holder: Holder, wall: float) -> dict[str, Any]:
    """The holder as the scripts want it: no member where there is no limit."""
    days = today(holder.zone, wall)
    facts = {name: limit for name in _LIMITS if (limit := getattr(holder, name)) is not None}
    if holder.has_day:
        facts["day"] = days.day
    if holder.has_month:
        facts["month"] = days.month
    return facts


_LIMITS = ("rpm", "tpm", "rpd", "max_parallel", "daily_tokens", "monthly_tokens", "daily_cost", "monthly_cost")


def _standings(holders: tuple[Holder, ...], answer: list[list[list[Any]]]) -> tuple[Standing, ...]:
    return tuple(
        Standing(holder.kind, name, getattr(holder, name), used, reset_ms / 1000)
        for holder, rows in zip(holders, answer, strict=False)
        for name, used, reset_ms in rows
    )


def _headroom(holders: tuple[Holder, ...], answer: list[list[list[Any]]]) -> Headroom:
    standings = _standings(holders, answer)
    requests, tokens = (
        min(((one.limit - one.used, one.limit, one.reset) for one in standings if one.name in names), default=None)
        for names in (("rpm", "rpd"), ("tpm",))
    )
    return requests, tokens


def _looked(holder: Holder, row: list[Any], wall: float) -> list[Standing]:
    windows, running, day_tokens, day_cost, month_tokens, month_cost = row
    days = today(holder.zone, wall)
    found = list(_standings((holder,), [windows]))
    for name, used, reset in (
        ("max_parallel", running, 0.0),
        ("daily_tokens", day_tokens, days.day_end - wall),
        ("monthly_tokens", month_tokens, days.month_end - wall),
        ("daily_cost", day_cost, days.day_end - wall),
        ("monthly_cost", month_cost, days.month_end - wall),
    ):
        limit = getattr(holder, name)
        if limit is not None:
            found.append(Standing(holder.kind, name, limit, used, reset))
    return found

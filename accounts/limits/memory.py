"""The limits of one process: plain acts in memory, none of which waits."""

import math
import time

from accounts.limits.account import Account, Terms
from accounts.limits.asking import Ask, Past, Refusal, Standing, Unseeded
from accounts.limits.holders import Holder
from accounts.limits.periods import today
from accounts.limits.windows import Part

# A reservation is settled in every ending of its request; should one be forgotten, it is free again after this.
LEASE_SECONDS = 60 * 60.0
# When so many holders are known, those at rest are forgotten: the database can tell of them again.
ACCOUNTS_AT_MOST = 20_000
_AT_REST_SECONDS = 10 * 60.0


class Reservation:
    """What one admitted request holds until it is settled or released; a second end is nothing."""

    __slots__ = ("_all_terms", "_open", "_parts", "cost", "expires", "tokens")

    def __init__(
        self, held_open: "Open", all_terms: list[Terms], parts: list[list[Part]], tokens: int, cost: int, expires: float
    ) -> None:
        self._open = held_open
        self._all_terms = all_terms
        self._parts = parts
        """What was taken by each of the terms."""
        self.tokens = tokens
        self.cost = cost
        self.expires = expires

    def settle(self, tokens: int, cost: int) -> None:
        """Put the true tokens and nanodollars in place of what was reserved."""
        if self in self._open:
            del self._open[self]
            reserved = self.tokens, self.cost
            for terms, parts in zip(self._all_terms, self._parts, strict=True):
                terms.close(parts, reserved, tokens, cost)

    def release(self) -> None:
        """Give everything back: the request never reached the upstream."""
        if self in self._open:
            for terms, parts in zip(self._all_terms, self._parts, strict=True):
                terms.give_back(parts)
            self.settle(0, 0)

    def standings(self) -> tuple[Standing, ...]:
        """How the limits of requests and tokens stand now."""
        return _of_windows(self._all_terms, time.monotonic())


Open = dict[Reservation, None]
"""Those that were not settled yet, the oldest first."""


class MemoryStore:
    """The accounts of all holders. `now` is monotonic, `wall` Unix time.

    With `share` > 1 this is one of so many processes that cannot count together: each has its part of every limit.
    """

    def __init__(self, share: int = 1, *, lease_seconds: float = LEASE_SECONDS) -> None:
        self.share = share
        self._lease_seconds = lease_seconds
        self._accounts: dict[str, Account] = {}
        self._open: Open = {}
        self._expires_at = -math.inf
        """Before this time no reservation expires."""
        self._divided: dict[Holder, Holder] = {}
        self._next_sweep = 0.0

    def reserve(
        self, holders: tuple[Holder, ...], ask: Ask, now: float, wall: float
    ) -> Reservation | Refusal | Unseeded:
        """Take one request and its tokens from every holder, or nothing at all."""
        if now >= self._expires_at:
            self._drop_expired(now)
        if self.share > 1:
            holders = tuple(self._part(holder) for holder in holders)
        all_terms = []
        for holder in holders:
            terms = self._account(holder, now).terms(holder, wall)
            if terms is None:
                return Unseeded(holders)
            all_terms.append(terms)
        room = ask.most, ask.most_cost
        for terms in all_terms:
            found = terms.room(ask, room, now)
            if isinstance(found, Refusal):
                return found._replace(standings=_of_windows(all_terms, now))
            room = found
        tokens, cost = room
        parts = [terms.take(tokens, cost, now) for terms in all_terms]
        reservation = Reservation(self._open, all_terms, parts, tokens, cost, now + self._lease_seconds)
        self._open[reservation] = None
        return reservation

    def learn(self, holder: Holder, past: Past, now: float) -> None:
        """Take over what the database says of a holder."""
        if past.requests is not None and self.share > 1:
            # The limit of a day is divided here, so what was used of it is divided as well.
            past = past._replace(requests=tuple((age, -(-count // self.share)) for age, count in past.requests))
        self._account(holder, now).learn(past, now)

    def is_stale(self, holder: Holder, seconds: float, now: float) -> bool:
        """True when the budgets of a holder were not compared with the database for so long."""
        return (holder.has_day or holder.has_month) and now - self._account(holder, now).learned > seconds

    def standings(self, holders: tuple[Holder, ...], now: float, wall: float) -> tuple[Standing, ...] | Unseeded:
        """How every limit stands."""
        self._drop_expired(now)
        found = []
        for holder in (self._part(holder) for holder in holders):
            terms = self._account(holder, now).terms(holder, wall)
            if terms is None:
                return Unseeded(holders)
            found += terms.of_windows(now) + terms.of_budgets(today(holder.zone, wall), wall)
        return tuple(found)

    def _account(self, holder: Holder, now: float) -> Account:
        account = self._accounts.get(holder.key)
        if account is None:
            if len(self._accounts) >= ACCOUNTS_AT_MOST and now >= self._next_sweep:
                self._forget_resting(now)
            account = self._accounts[holder.key] = Account(now, self.share)
        return account

    def _part(self, holder: Holder) -> Holder:
        if self.share == 1:
            return holder
        if len(self._divided) > ACCOUNTS_AT_MOST:
            self._divided.clear()
        return self._divided.get(holder) or self._divided.setdefault(holder, holder.divided(self.share))

    def _drop_expired(self, now: float) -> None:
        """End reservations that nobody settled; the oldest comes first."""
        # Whatever is reserved from now on expires later than this.
        self._expires_at = now + self._lease_seconds
        while self._open:
            oldest = next(iter(self._open))
            if oldest.expires > now:
                self._expires_at = oldest.expires
                return
            oldest.settle(0, 0)

    def _forget_resting(self, now: float) -> None:
        self._next_sweep = now + _AT_REST_SECONDS
        for key, account in list(self._accounts.items()):
            if not account.parallel and now - account.used > _AT_REST_SECONDS:
                del self._accounts[key]


def _of_windows(all_terms: list[Terms], now: float) -> tuple[Standing, ...]:
    found: list[Standing] = []
    for terms in all_terms:
        found += terms.of_windows(now)
    return tuple(found)

"""The limits of one process: plain acts in memory, none of which waits."""

import time

from accounts.limits.account import Account, Taken
from accounts.limits.asking import Ask, Past, Refusal, Standing, Unseeded
from accounts.limits.holders import Holder
from accounts.limits.periods import today

# A reservation is settled in every ending of its request; should one be forgotten, it is free again after this.
LEASE_SECONDS = 60 * 60.0
# When so many holders are known, those at rest are forgotten: the database can tell of them again.
ACCOUNTS_AT_MOST = 20_000
_AT_REST_SECONDS = 10 * 60.0


class Reservation:
    """What one admitted request holds until it is settled or released; a second end is nothing."""

    __slots__ = ("_holders", "_store", "cost", "expires", "taken", "tokens")

    def __init__(
        self, store: "MemoryStore", holders: tuple[Holder, ...], tokens: int, cost: int, expires: float
    ) -> None:
        self._store = store
        self._holders = holders
        self.tokens = tokens
        self.cost = cost
        self.expires = expires
        self.taken: list[Taken] = []

    def settle(self, tokens: int, cost: int) -> None:
        """Put the true tokens and nanodollars in place of what was reserved."""
        self._store.settle(self, tokens, cost)

    def release(self) -> None:
        """Give everything back: the request never reached the upstream."""
        self._store.release(self)

    def standings(self) -> tuple[Standing, ...]:
        """How the limits of requests and tokens stand now."""
        return self._store.windows_of(self._holders, time.monotonic())


class MemoryStore:
    """The accounts of all holders. `now` is monotonic, `wall` Unix time.

    With `share` > 1 this is one of so many processes that cannot count together: each has its part of every limit.
    """

    def __init__(self, share: int = 1, *, lease_seconds: float = LEASE_SECONDS) -> None:
        self.share = share
        self._lease_seconds = lease_seconds
        self._accounts: dict[str, Account] = {}
        self._open: dict[int, Reservation] = {}
        self._divided: dict[Holder, Holder] = {}
        self._next_sweep = 0.0

    def reserve(
        self, holders: tuple[Holder, ...], ask: Ask, now: float, wall: float
    ) -> Reservation | Refusal | Unseeded:
        """Take one request and its tokens from every holder, or nothing at all."""
        if self._open:
            self._drop_expired(now)
        if self.share > 1:
            holders = tuple(self._part(holder) for holder in holders)
        known = [(holder, self._account(holder, now)) for holder in holders]
        for holder, account in known:
            if account.is_unseeded(holder, today(holder.zone, wall)):
                return Unseeded(holders)
        room = (ask.most, ask.most_cost)
        for holder, account in known:
            account.open_windows(holder, now)
            found = account.refuses_now(holder, ask.least, now) or account.room(holder, ask, room, self.share)
            if isinstance(found, Refusal):
                return found._replace(standings=self.windows_of(holders, now))
            room = found
        reservation = Reservation(self, holders, *room, now + self._lease_seconds)
        reservation.taken = [account.take(*room, now) for _, account in known]
        self._open[id(reservation)] = reservation
        return reservation

    def settle(self, reservation: Reservation, tokens: int, cost: int) -> None:
        """See Reservation.settle."""
        if self._open.pop(id(reservation), None) is not None:
            for taken in reservation.taken:
                taken.account.close(taken, (reservation.tokens, reservation.cost), tokens, cost)

    def release(self, reservation: Reservation) -> None:
        """See Reservation.release."""
        if id(reservation) in self._open:
            for taken in reservation.taken:
                taken.account.give_back(taken)
            self.settle(reservation, 0, 0)

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
            account = self._account(holder, now)
            if account.is_unseeded(holder, today(holder.zone, wall)):
                return Unseeded(holders)
            account.open_windows(holder, now)
            found += account.of_windows(holder, now) + account.of_budgets(holder, today(holder.zone, wall), wall)
        return tuple(found)

    def windows_of(self, holders: tuple[Holder, ...], now: float) -> tuple[Standing, ...]:
        """How the limits of requests and tokens stand."""
        found: list[Standing] = []
        for holder in holders:
            account = self._account(holder, now)
            account.open_windows(holder, now)
            found += account.of_windows(holder, now)
        return tuple(found)

    def _account(self, holder: Holder, now: float) -> Account:
        account = self._accounts.get(holder.key)
        if account is None:
            if len(self._accounts) >= ACCOUNTS_AT_MOST and now >= self._next_sweep:
                self._forget_resting(now)
            account = self._accounts[holder.key] = Account(now)
        return account

    def _part(self, holder: Holder) -> Holder:
        if self.share == 1:
            return holder
        if len(self._divided) > ACCOUNTS_AT_MOST:
            self._divided.clear()
        return self._divided.get(holder) or self._divided.setdefault(holder, holder.divided(self.share))

    def _drop_expired(self, now: float) -> None:
        """End reservations that nobody settled; the oldest comes first, and mostly it is young."""
        while self._open:
            oldest = next(iter(self._open.values()))
            if oldest.expires > now:
                return
            self.settle(oldest, 0, 0)

    def _forget_resting(self, now: float) -> None:
        self._next_sweep = now + _AT_REST_SECONDS
        for key, account in list(self._accounts.items()):
            if not account.parallel and now - account.used > _AT_REST_SECONDS:
                del self._accounts[key]

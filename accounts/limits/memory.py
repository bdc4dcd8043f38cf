"""The limits of one process: plain acts in memory, none of which waits."""

import math

from accounts.limits.account import Account
from accounts.limits.asking import Ask, Compare, Past, Refusal, Standing, Unseeded
from accounts.limits.holders import Holder
from accounts.limits.terms import Open, Reservation, Terms, headroom_of

# A reservation is settled in every ending of its request; should one be forgotten, it is free again after this.
LEASE_SECONDS = 60 * 60.0
# When so many holders are known, those at rest are forgotten: the database can tell of them again.
ACCOUNTS_AT_MOST = 20_000
_AT_REST_SECONDS = 10 * 60.0


class MemoryStore:
    """The accounts of all holders. `now` is monotonic, `wall` Unix time.

    With `share` > 1 this is one of so many processes that cannot count together: each has its part of every limit.
    """

    def __init__(
        self, share: int = 1, *, lease_seconds: float = LEASE_SECONDS, compare: Compare = lambda store, holder: None
    ) -> None:
        self.share = share
        self._compare = compare
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
        all_terms = self._all_terms(holders, now, wall)
        if all_terms is None:
            return Unseeded(holders)
        reservation = Reservation(self._open, all_terms, now, ask.most, ask.most_cost)
        for terms in all_terms:
            refusal = terms.narrow(reservation, ask)
            if refusal is not None:
                return refusal._replace(headroom=headroom_of(all_terms, now))
        for terms in all_terms:
            terms.take(reservation)
            if now >= terms.compare_at:
                self._compare(self, terms.holder)
        self._open[reservation] = None
        return reservation

    def learn(self, holder: Holder, past: Past, now: float) -> None:
        """Take over what the database says of a holder."""
        if past.requests is not None and self.share > 1:
            # The limit of a day is divided here, so what was used of it is divided as well.
            past = past._replace(requests=tuple((age, -(-count // self.share)) for age, count in past.requests))
        account = self._accounts.get(holder.key) or self._begin(holder, now)
        account.learn(holder, past, now)

    def is_stale(self, holder: Holder, now: float) -> bool:
        """True when the budgets of a holder that is known were not compared with the database for long."""
        account = self._accounts.get(holder.key)
        return account is not None and now >= account.compare_at

    def standings(self, holders: tuple[Holder, ...], now: float, wall: float) -> tuple[Standing, ...] | Unseeded:
        """How every limit stands."""
        self._drop_expired(now)
        all_terms = self._all_terms(holders, now, wall)
        if all_terms is None:
            return Unseeded(holders)
        return tuple(standing for terms in all_terms for standing in terms.standings(now, wall))

    def _all_terms(self, holders: tuple[Holder, ...], now: float, wall: float) -> list[Terms] | None:
        """The terms of each; None while the database must tell first what one of them has used."""
        if self.share > 1:
            holders = self._parts(holders)
        found = []
        for holder in holders:
            account = self._accounts.get(holder.key) or self._begin(holder, now)
            account.used = now
            terms = account.terms(holder, wall)
            if terms is None:
                return None
            found.append(terms)
        return found

    def _begin(self, holder: Holder, now: float) -> Account:
        if len(self._accounts) >= ACCOUNTS_AT_MOST and now >= self._next_sweep:
            self._forget_resting(now)
        account = self._accounts[holder.key] = Account(now, self.share)
        return account

    def _parts(self, holders: tuple[Holder, ...]) -> tuple[Holder, ...]:
        """The holders with their limits divided; the same objects each time, as terms are kept for them."""
        if len(self._divided) > ACCOUNTS_AT_MOST:
            self._divided.clear()
        return tuple(
            self._divided.get(holder) or self._divided.setdefault(holder, holder.divided(self.share))
            for holder in holders
        )

    def _drop_expired(self, now: float) -> None:
        """End reservations that nobody settled; the oldest comes first."""
        # Whatever is reserved from now on expires later than this.
        self._expires_at = now + self._lease_seconds
        while self._open:
            oldest = next(iter(self._open))
            expires_at = oldest.at + self._lease_seconds
            if expires_at > now:
                self._expires_at = expires_at
                return
            oldest.settle(0, 0)

    def _forget_resting(self, now: float) -> None:
        self._next_sweep = now + _AT_REST_SECONDS
        for key, account in list(self._accounts.items()):
            if not account.running.count and now - account.used > _AT_REST_SECONDS:
                del self._accounts[key]

"""Every place of a pool, a quota domain with a model: its ledger, and what is known of its limits, its use and its rests."""

from collections.abc import Callable, Iterable

from accounts.pool import clock
from accounts.pool.facts import Domain, PooledKey
from accounts.pool.ledger import Ledger
from accounts.pool.news import Place, Rest, State
from accounts.pool.pacific import quota_day
from accounts.pool.quotas import NO_QUOTA, Quota


class Places:
    """The quota domains and their ledgers. A ledger is made when a place is first looked at, and stays."""

    def __init__(self, assumed: Callable[[str, bool], Quota]) -> None:
        self._assumed = assumed
        """(model, paid) → the limits of a place of which none is known."""
        self.domains: dict[str, Domain] = {}
        """Every quota domain that has a key here."""
        self.size = 0
        """How many keys may be leased, resting ones included."""
        self.ledgers: dict[Place, Ledger] = {}
        self.parts = 1
        """Of how many equal parts of every quota one is kept to."""
        self._quotas: dict[Place, Quota] = {}
        """Limits that were learned."""
        self._used: dict[Place, tuple[int, int]] = {}
        """(day, requests) as the database knows them."""
        self._rests: dict[str, Rest] = {}
        """Of all models of a domain, also those that nobody asked yet."""

    def ledger(self, domain: str, model: str) -> Ledger:
        """The ledger of a place, made with all that is known of it."""
        place = (domain, model)
        ledger = self.ledgers.get(place)
        if ledger is None:
            ledger = self.ledgers[place] = Ledger(self._quota(place), self.parts, place)
            if place in self._used:
                ledger.start_day(*self._used[place])
            if domain in self._rests:
                ledger.rest(*self._rests[domain])
        return ledger

    def replace_keys(self, keys: Iterable[PooledKey]) -> None:
        """Take the keys that may be leased from now on; ledgers stay."""
        by_domain: dict[str, list[PooledKey]] = {}
        for key in keys:
            by_domain.setdefault(key.domain, []).append(key)
        # In order of their names: every process counts them in the same order, and so finds a conversation's favourite.
        self.domains = {name: Domain(name, by_domain[name]) for name in sorted(by_domain)}
        self.size = sum(len(members) for members in by_domain.values())
        self._apply_quotas()

    def known_quota(self, place: Place, *, paid: bool) -> Quota:
        """The whole quota of a place: as learned, else as assumed."""
        return self._quotas.get(place) or self._assumed(place[1], paid)

    def set_quota(self, place: Place, quota: Quota) -> None:
        """The quota of a place was learned."""
        self._quotas[place] = quota
        self.ledgers[place].keep_to(self._quota(place))

    def learn_quotas(self, quotas: dict[Place, Quota], *, assumptions_changed: bool) -> bool:
        """All quotas that were learned, here or by other processes; True when that, or what is assumed, is another now."""
        known, self._quotas = self._quotas, quotas
        if known == quotas and not assumptions_changed:
            return False
        for place, ledger in self.ledgers.items():
            if known.get(place) != quotas.get(place):
                # Another process found it: this one shall not raise it as well.
                ledger.learned_at, ledger.answers = clock.now(), 0
        self._apply_quotas()
        return True

    def learn_usage(self, used: dict[Place, int], now: float) -> None:
        """What other processes, or this one before a restart, have used today of each place."""
        today = quota_day(now)
        for place, count in used.items():
            self._used[place] = (today, count)
            ledger = self.ledgers.get(place)
            if ledger is not None and (ledger.day != today or ledger.used_today < count):
                ledger.start_day(today, count)

    def used_today(self, place: Place, now: float) -> int:
        """The requests of today that the database knows of."""
        day, used = self._used.get(place, (0, 0))
        return used if day == quota_day(now) else 0

    def rest(self, place: Place, rest: Rest) -> bool:
        """Let a place rest, or all models of a domain; False when the domain rests for longer already."""
        domain, model = place
        if model:
            self.ledger(domain, model).rest(*rest)
            return True
        known = self._rests.get(domain)
        if known is not None and known.until >= rest.until:
            return False
        self._rests[domain] = rest
        for ledger in self._ledgers_of(domain):
            ledger.rest(*rest)
        return True

    def wake(self, domain: str) -> None:
        """End every rest of a domain."""
        self._rests.pop(domain, None)
        for ledger in self._ledgers_of(domain):
            ledger.wake()

    def restore(self, states: dict[Place, State], now: float) -> None:
        """Take over what an earlier process knew."""
        for (domain, model), state in states.items():
            if domain in self.domains:
                self.ledger(domain, model).restore(state, now)

    def divide(self, parts: int, now: float) -> None:
        """Keep to one of so many equal parts of every quota; 1 is all."""
        self.parts = parts
        self._apply_quotas()
        for ledger in self.ledgers.values():
            ledger.divide(parts, now)

    def _quota(self, place: Place) -> Quota:
        """What a ledger has to keep to."""
        domain = self.domains.get(place[0])
        if domain is None:
            return NO_QUOTA
        return self.known_quota(place, paid=domain.paid).kept(domain.keep_share).divided(self.parts)

    def _apply_quotas(self) -> None:
        for place, ledger in self.ledgers.items():
            ledger.keep_to(self._quota(place))

    def _ledgers_of(self, domain: str) -> list[Ledger]:
        return [ledger for (name, _), ledger in self.ledgers.items() if name == domain]

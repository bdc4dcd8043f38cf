"""The pool of one process: its keys by quota domain, a ledger a domain and model, and what is still to be written down."""

import random
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable
from datetime import date
from typing import NamedTuple
from uuid import UUID

from accounts.pool import clock
from accounts.pool.board import Board, Chosen
from accounts.pool.facts import Domain, Exhausted, Lease, PooledKey
from accounts.pool.health import Breaker, ModelHealth
from accounts.pool.ledger import Ledger
from accounts.pool.pacific import pacific_day, pacific_day_number
from accounts.pool.quotas import NO_QUOTA, Quota, crept, learned

Place = tuple[str, str]
"""A quota domain and a model; "" stands for all models."""

_CREEP_AFTER = 3600.0
_BOARDS_AT_MOST = 64


class Rest(NamedTuple):
    """A place that rests until a Unix time."""

    until: float
    reason: str


class DayCounts:
    """What one key did for one model on one Pacific day, since it was last written down."""

    __slots__ = ("completion_tokens", "last_refusal", "last_used", "prompt_tokens", "refusals", "requests")

    def __init__(self) -> None:
        self.requests = self.refusals = self.prompt_tokens = self.completion_tokens = 0
        self.last_refusal = ""
        self.last_used = 0.0

    def add(self, other: "DayCounts") -> None:
        """Put other counts of the same place to these."""
        self.requests += other.requests
        self.refusals += other.refusals
        self.prompt_tokens += other.prompt_tokens
        self.completion_tokens += other.completion_tokens
        self.last_refusal = self.last_refusal or other.last_refusal
        self.last_used = max(self.last_used, other.last_used)


class Pool:
    """Leases keys inside their quotas and learns from what comes of it. Plain acts, none of which waits."""

    def __init__(self, rng: random.Random | None = None, assumed: "Callable[[str, bool], Quota] | None" = None) -> None:
        self._rng = rng or random.Random()  # noqa: S311 (spreads load, guards nothing)
        self._assumed = assumed or (lambda model, paid: NO_QUOTA)
        self._domains: dict[str, Domain] = {}
        self._boards: dict[str, Board] = {}
        self._ledgers: dict[Place, Ledger] = {}
        self._quotas: dict[Place, Quota] = {}
        self._used: dict[Place, tuple[int, int]] = {}
        self._rests: dict[str, Rest] = {}
        self._models: defaultdict[str, ModelHealth] = defaultdict(ModelHealth)
        self._breaker = Breaker()
        self._parts = 1
        self.size = 0
        """How many keys may be leased, resting ones included."""
        self.has_paid = False
        """True when a key of a paid project is among them."""
        self.unwritten_rests: dict[Place, Rest] = {}
        self.unwritten_quotas: dict[Place, Quota] = {}
        self.unwritten_days: dict[tuple[UUID, str, date], DayCounts] = defaultdict(DayCounts)

    def lease(
        self, model: str, tried: Collection[PooledKey], now: float, tokens: int = 0, affinity: int | None = None
    ) -> Lease | Exhausted:
        """Reserve one request and so many input tokens with a key, none of `tried`."""
        if self._breaker.open_until > now:
            return Exhausted(self._breaker.open_until - now)
        board = self._board(model)
        chosen = board.choose(tried, tokens, now, self._rng, affinity)
        if chosen is None:
            return Exhausted(board.soonest(tokens, now))
        return self.take(chosen, model, tokens, now)

    def candidates(
        self, model: str, tried: Collection[PooledKey], now: float, tokens: int, affinity: int | None, count: int
    ) -> list[Chosen] | Exhausted:
        """Up to so many keys of different domains that have room as far as is known here, the best first."""
        if self._breaker.open_until > now:
            return Exhausted(self._breaker.open_until - now)
        board, passed = self._board(model), set(tried)
        found: list[Chosen] = []
        while len(found) < count and (chosen := board.choose(passed, tokens, now, self._rng, affinity)):
            found.append(chosen)
            passed.update(chosen.domain.keys)
        return found or Exhausted(board.soonest(tokens, now))

    def take(self, chosen: Chosen, model: str, tokens: int, now: float, lease_id: str = "") -> Lease:
        """Reserve with a key that was chosen."""
        chosen.ledger.reserve(tokens, now, lease_id)
        return Lease(chosen.key, model, tokens, now, lease_id)

    def give_back(self, lease: Lease, now: float, prompt_tokens: int, completion_tokens: int) -> None:
        """The end of an attempt that brought an answer, with the tokens as Gemini reports them."""
        ledger = self._ledger(lease.key.domain, lease.model)
        if prompt_tokens:
            ledger.settle(lease.at, lease.tokens, prompt_tokens, lease.id)
        ledger.went_well(now - lease.at)
        self._models[lease.model].went_well()
        counts = self._day(lease, now)
        counts.requests += 1
        counts.prompt_tokens += prompt_tokens
        counts.completion_tokens += completion_tokens
        self._creep(lease, ledger, now)

    def refund(self, lease: Lease) -> None:
        """The end of an attempt that never reached the upstream."""
        self._ledger(lease.key.domain, lease.model).refund(lease.at, lease.tokens, lease.id)

    def refuse(self, lease: Lease, now: float, reason: str, *, model_at_fault: bool) -> None:
        """The end of an attempt that failed. Where the model is at fault, the key's ledger is not hurt."""
        if model_at_fault:
            self._models[lease.model].went_wrong(now)
        else:
            self._ledger(lease.key.domain, lease.model).went_wrong()
        counts = self._day(lease, now)
        counts.requests += 1
        counts.refusals += 1
        counts.last_refusal = reason

    def cool_down(self, lease: Lease, until: float, reason: str, *, all_models: bool = False) -> None:
        """Let the key's quota domain rest for this model, or for all, until a Unix time; a longer rest stays."""
        self._rest((lease.key.domain, "" if all_models else lease.model), Rest(until, reason), written=False)

    def learn_quota(self, lease: Lease, quota_ids: tuple[str, ...], value: int | None, now: float) -> None:
        """Take over a limit that the upstream named in a refusal."""
        place = (lease.key.domain, lease.model)
        ledger = self._ledger(*place)
        ledger.learned_at = now
        quota = learned(self._quotas.get(place) or self._assumed(lease.model, lease.key.paid), quota_ids, value)
        self._set_quota(place, quota)

    def bare_refusal(self, lease: Lease, now: float) -> bool:
        """Note a refusal that names no quota; True when several domains were refused so at once: all rest a little."""
        return self._breaker.refused(lease.key.domain, now)

    def model_rests(self, model: str, now: float) -> bool:
        """True while a model that failed several times in a row is left alone."""
        return self._models[model].rests_until > now

    def drop(self, key: PooledKey, *, whole_domain: bool = False) -> list[UUID]:
        """Lease this key (or every key of its quota domain) no more; the ids of those that are out now."""
        domain = self._domains.get(key.domain)
        gone = [other for other in domain.keys if whole_domain or other.id == key.id] if domain else []
        self.replace_keys([other for other in self._all_keys() if other not in gone])
        return [other.id for other in gone]

    def replace_keys(self, keys: Iterable[PooledKey]) -> None:
        """Take the keys that may be leased from now on; ledgers stay."""
        by_domain: dict[str, list[PooledKey]] = {}
        for key in keys:
            by_domain.setdefault(key.domain, []).append(key)
        # In order of their names: every process counts them in the same order, and so finds a conversation's favourite.
        self._domains = {name: Domain(name, by_domain[name]) for name in sorted(by_domain)}
        self.size = sum(len(members) for members in by_domain.values())
        self.has_paid = any(domain.paid for domain in self._domains.values())
        self._boards.clear()
        self._apply_quotas()

    def learn_quotas(self, quotas: dict[Place, Quota]) -> None:
        """Limits that were learned before, or by other processes."""
        known, self._quotas = self._quotas, {**quotas, **self.unwritten_quotas}
        for place, ledger in self._ledgers.items():
            if known.get(place) != self._quotas.get(place):
                ledger.learned_at = clock.now()  # another process found it: this one shall not raise it as well
        self._apply_quotas()

    def learn_usage(self, used: dict[Place, int], now: float) -> None:
        """What other processes, or this one before a restart, have used today of each place."""
        today = pacific_day_number(now)
        for place, count in used.items():
            self._used[place] = (today, count)
            ledger = self._ledgers.get(place)
            if ledger is not None and (ledger.day != today or ledger.used_today < count):
                ledger.start_day(today, count)

    def learn_rests(self, rests: dict[Place, Rest], cleared: Iterable[str]) -> None:
        """Rests that other processes found, and domains whose rests a person has ended."""
        for domain in cleared:
            self._rests.pop(domain, None)
            for (name, _), ledger in self._ledgers.items():
                if name == domain:
                    ledger.wake()
        for place, rest in rests.items():
            self._rest(place, rest, written=True)
        if cleared:
            self._boards.clear()

    def divide(self, parts: int, now: float) -> None:
        """Keep to one of so many equal parts of every quota, while the processes can not count together; 1 is all."""
        if parts == self._parts:
            return
        self._parts = parts
        self._apply_quotas()
        for ledger in self._ledgers.values():
            ledger.divide(parts, now)
        self._boards.clear()

    def used_today(self, place: Place, now: float) -> int:
        """The requests of today that the database knows of."""
        day, used = self._used.get(place, (0, 0))
        return used if day == pacific_day_number(now) else 0

    def ledgers(self) -> dict[Place, Ledger]:
        """Every ledger, by quota domain and model: for forecasts."""
        return self._ledgers

    def domains(self) -> dict[str, Domain]:
        """Every quota domain that has a key here."""
        return self._domains

    def _board(self, model: str) -> Board:
        board = self._boards.get(model)
        if board is None:
            if len(self._boards) >= _BOARDS_AT_MOST:
                # Clients may make model names up: boards are cheap to make anew, ledgers stay.
                self._boards.clear()
            board = self._boards[model] = Board(model, self._domains.values(), self._ledger)
        return board

    def _ledger(self, domain: str, model: str) -> Ledger:
        place = (domain, model)
        ledger = self._ledgers.get(place)
        if ledger is None:
            ledger = self._ledgers[place] = Ledger(self._quota(place), self._parts)
            if place in self._used:
                ledger.start_day(*self._used[place])
            if domain in self._rests:
                ledger.rest(*self._rests[domain])
        return ledger

    def _quota(self, place: Place) -> Quota:
        domain = self._domains.get(place[0])
        if domain is None:
            return NO_QUOTA
        quota = self._quotas.get(place) or self._assumed(place[1], domain.paid)
        return quota.kept(domain.keep_share).divided(self._parts)

    def _apply_quotas(self) -> None:
        for place, ledger in self._ledgers.items():
            ledger.quota = self._quota(place)

    def _set_quota(self, place: Place, quota: Quota) -> None:
        self._quotas[place] = quota
        self.unwritten_quotas[place] = quota
        self._ledgers[place].quota = self._quota(place)

    def _creep(self, lease: Lease, ledger: Ledger, now: float) -> None:
        """Raise a limit a little once its window is used up and nothing was refused for long."""
        quota = ledger.quota
        if quota is NO_QUOTA or self._parts > 1:
            return
        # The hour begins with the first answer: a limit that was only assumed shall hold that long.
        ledger.learned_at = ledger.learned_at or now
        if now - ledger.learned_at < _CREEP_AFTER:
            return
        if ledger.headroom(now) > 0 and not ledger.filled:
            return
        ledger.learned_at, ledger.filled = now, False
        place = (lease.key.domain, lease.model)
        full_day = quota.rpd is not None and ledger.used_today >= quota.rpd
        self._set_quota(
            place, crept(self._quotas.get(place) or self._assumed(lease.model, lease.key.paid), minute=not full_day)
        )

    def _rest(self, place: Place, rest: Rest, *, written: bool) -> None:
        domain, model = place
        if model:
            self._ledger(domain, model).rest(*rest)
        else:
            known = self._rests.get(domain)
            if known is not None and known.until >= rest.until:
                return
            self._rests[domain] = rest
            for (name, _), ledger in self._ledgers.items():
                if name == domain:
                    ledger.rest(*rest)
        if not written:
            self.unwritten_rests[place] = rest

    def _all_keys(self) -> list[PooledKey]:
        return [key for domain in self._domains.values() for key in domain.keys]

    def _day(self, lease: Lease, now: float) -> DayCounts:
        counts = self.unwritten_days[lease.key.id, lease.model, pacific_day(now)]
        # To the hour: beside a usage record's exact time, a finer one would tell whose request a key answered.
        counts.last_used = now - now % 3600
        return counts

"""The pool of one process among several: chosen here, reserved in the ledgers of all, and alone while Redis is away."""

from collections.abc import Callable, Collection, Sequence

from accounts.pool.board import Chosen
from accounts.pool.clock import now
from accounts.pool.facts import Exhausted, Lease, PooledKey
from accounts.pool.news import Rest
from accounts.pool.pacific import quota_day
from accounts.pool.shared import FORGOTTEN, FULL, Answer, SharedLedgers
from accounts.pool.state import Pool
from accounts.shared_store import Away

# How many places are asked for at once, round by round: mostly the first has room.
_ROUNDS = (1, 4, 16, 64, 64, 64, 64)
_LOOK_AGAIN_SECONDS = 0.05


class Together:
    """Leases from a pool whose quotas other processes use as well. `heed` is called when the database has news."""

    def __init__(
        self,
        pool: Pool,
        ledgers: SharedLedgers,
        processes: int,
        heed: Callable[[], None] = lambda: None,
    ) -> None:
        self.pool = pool
        self.ledgers = ledgers
        self._processes = processes
        self._heed = heed
        self._version: int | None = None

    async def lease(
        self,
        model: str,
        tried: Collection[PooledKey],
        tokens: int = 0,
        affinity: int | None = None,
        *,
        spare: bool = False,
        holders: Sequence[str] = (),
    ) -> Lease | Exhausted:
        """As Pool.lease, for all processes; while Redis is away this one keeps to its part of every quota."""
        wire = self.ledgers.wire
        if not wire.away:
            if wire.is_well:
                self.pool.divide(1, now())
            try:
                return await self._lease_together(model, tried, tokens, affinity, spare=spare, holders=holders)
            except Away:
                pass
        self.pool.divide(self._processes, now())
        return self._lease_alone(model, tried, tokens, affinity, spare=spare, holders=holders)

    def answered(self, lease: Lease, now: float) -> None:
        """As Pool.answered."""
        is_first = lease.ledger.half_open
        self.pool.answered(lease, now)
        if lease.id and is_first:
            self.ledgers.settle(lease, lease.tokens, is_first=True)

    def give_back(self, lease: Lease, now: float, prompt_tokens: int, completion_tokens: int) -> None:
        """As Pool.give_back."""
        self.pool.give_back(lease, now, prompt_tokens, completion_tokens)
        if lease.id:
            self.ledgers.settle(lease, prompt_tokens or lease.tokens, is_first=False)

    def refund(self, lease: Lease) -> None:
        """As Pool.refund."""
        self.pool.refund(lease)
        lease.ledger.others_fill(0.0)
        if lease.id:
            self.ledgers.refund(lease)

    def cool_down(self, lease: Lease, until: float, reason: str, *, all_models: bool = False) -> None:
        """As Pool.cool_down."""
        domain = lease.key.domain
        self.pool.cool_down(lease, until, reason, all_models=all_models)
        models = self._models_of(domain) if all_models else {lease.model}
        self.ledgers.rest(domain, models, Rest(until, reason), all_models=all_models)

    def wake(self, domain: str, at: float) -> None:
        """A person ended the rests of a quota domain at a Unix time."""
        self.ledgers.wake(domain, self._models_of(domain), at)

    async def _lease_together(
        self,
        model: str,
        tried: Collection[PooledKey],
        tokens: int,
        affinity: int | None,
        *,
        spare: bool,
        holders: Sequence[str],
    ) -> Lease | Exhausted:
        passed = set(tried)
        waits: list[float] = []
        for count in _ROUNDS:
            found = self.pool.candidates(model, passed, now(), tokens, affinity, count, spare=spare, holders=holders)
            if isinstance(found, Exhausted):
                return Exhausted(min([*waits, *([] if found.wait is None else [found.wait])], default=None))
            lease_id = self.ledgers.new_lease_id()
            answer = await self._reserve(lease_id, model, found, tokens)
            self._learn(found, answer)
            if answer.place > FULL:
                return self._take(found[answer.place - 1], lease_id, model, tokens, answer)
            waits += [refused.wait for refused in answer.refusals]
            for chosen in found:
                passed.update(chosen.domain.keys)
        return Exhausted(_LOOK_AGAIN_SECONDS)

    async def _reserve(self, lease_id: str, model: str, found: list[Chosen], tokens: int) -> Answer:
        at = now()
        known = [self.pool.places.used_today((chosen.domain.name, model), at) for chosen in found]
        answer = await self.ledgers.reserve(lease_id, model, found, known, tokens, at)
        if answer.place == FORGOTTEN:
            self._record()
            answer = await self.ledgers.reserve(lease_id, model, found, known, tokens, at)
        if answer.place == FORGOTTEN:
            raise Away
        if self._version is not None and answer.version != self._version:
            self._heed()
        self._version = answer.version
        return answer

    def _take(self, chosen: Chosen, lease_id: str, model: str, tokens: int, answer: Answer) -> Lease:
        at, ledger = now(), chosen.ledger
        ledger.half_open = answer.is_first
        if chosen.within == ledger.quota:
            ledger.filled = ledger.filled or answer.filled
        lease = self.pool.take(chosen, model, tokens, at, lease_id)
        ledger.start_day(quota_day(at), answer.used_today)
        return lease

    def _learn(self, found: list[Chosen], answer: Answer) -> None:
        """Take over why places have no room, so that they are not asked again before they have."""
        at = now()
        for chosen, refused in zip(found, answer.refusals, strict=False):
            ledger = chosen.ledger
            ledger.start_day(quota_day(at), refused.used_today)
            rpd = ledger.quota.rpd
            if refused.reason:
                ledger.rest(at + refused.wait, refused.reason)
            elif chosen.within == ledger.quota and (rpd is None or refused.used_today < rpd):
                ledger.others_fill(at + refused.least)

    def _lease_alone(
        self,
        model: str,
        tried: Collection[PooledKey],
        tokens: int,
        affinity: int | None,
        *,
        spare: bool,
        holders: Sequence[str],
    ) -> Lease | Exhausted:
        at = now()
        found = self.pool.candidates(model, tried, at, tokens, affinity, 1, spare=spare, holders=holders)
        if isinstance(found, Exhausted):
            return found
        lease = self.pool.take(found[0], model, tokens, at, self.ledgers.new_lease_id())
        self.ledgers.record((lease.key.domain, model), [lease.sent])
        return lease

    def _record(self) -> None:
        """Tell a Redis that has forgotten what this process sent within the minute."""
        at = now()
        for place, ledger in self.pool.places.ledgers.items():
            sent = [request for request in ledger.minute(at) if request.lease_id]
            if sent:
                self.ledgers.record(place, sent)

    def _models_of(self, domain: str) -> set[str]:
        return {model for name, model in self.pool.places.ledgers if name == domain}

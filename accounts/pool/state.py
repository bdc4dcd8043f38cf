"""The pool of one process: it leases keys, learns from what comes of them, and keeps what is still to be written down."""

import random
from collections.abc import Callable, Collection, Iterable, Sequence
from uuid import UUID

from accounts.pool.board import Asking, Board, Chosen
from accounts.pool.facts import Exhausted, Lease, PooledKey
from accounts.pool.health import Gates, RetryBudget
from accounts.pool.ledger import Ledger
from accounts.pool.news import DayCounts, Overrun, Place, Rest, Unwritten
from accounts.pool.pacific import next_quota_day, quota_day
from accounts.pool.places import Places
from accounts.pool.quotas import NO_QUOTA, Quota, crept, learned, limit_of

# A limit that holds is tried at most once a day, and so seldom that at most one request in two hundred is refused for it.
_CREEP_AFTER = 24 * 3600.0
_CREEP_AFTER_ANSWERS = 200
# Our clock may be ahead: what is refused in the first minutes of a day may be refused for the day before.
_DAY_IS_NEW = 300.0
_OLD_DAY_RESTS = 60.0
_BOARDS_AT_MOST = 64
_SHORT_REST = 30.0
_LONGEST_SHORT_REST = 960.0
_DOUBLINGS = 16


class Pool:
    """Leases keys inside their quotas and learns from what comes of it. Plain acts, none of which waits."""

    def __init__(self, rng: random.Random | None = None, assumed: "Callable[[str, bool], Quota] | None" = None) -> None:
        self._rng = rng or random.Random()  # noqa: S311 (spreads load, guards nothing)
        self.places = Places(assumed or (lambda model, paid: NO_QUOTA))
        self._boards: dict[str, Board] = {}
        self.gates = Gates()
        self.retries = RetryBudget()
        self.unwritten = Unwritten()
        self._touched: set[Ledger] = set()
        """Whose ledgers have changed since their states were taken."""

    def lease(
        self,
        model: str,
        tried: Collection[PooledKey],
        now: float,
        tokens: int = 0,
        affinity: int | None = None,
        spare: bool = False,
        holders: Sequence[str] = (),
    ) -> Lease | Exhausted:
        """Reserve one request and so many input tokens with a key, none of `tried`.

        `spare`: from what nobody else needs; `holders`: domains that come first while they have room.
        """
        if self.gates.in_trouble and (wait := self.gates.wait(model, now)) > 0:
            return Exhausted(wait)
        board = self._boards.get(model) or self._new_board(model)
        chosen = board.choose(Asking(model, tokens, tried, now, affinity, spare, holders))
        if chosen is None:
            return Exhausted(board.soonest(tokens, now))
        return self.take(chosen, model, tokens, now)

    def candidates(
        self,
        model: str,
        tried: Collection[PooledKey],
        now: float,
        tokens: int,
        affinity: int | None,
        count: int,
        *,
        spare: bool = False,
        holders: Sequence[str] = (),
    ) -> list[Chosen] | Exhausted:
        """Up to so many keys of different domains that have room as far as is known here, the best first."""
        if self.gates.in_trouble and (wait := self.gates.wait(model, now)) > 0:
            return Exhausted(wait)
        board, passed = self._boards.get(model) or self._new_board(model), set(tried)
        asking = Asking(model, tokens, passed, now, affinity, spare, holders)
        found: list[Chosen] = []
        while len(found) < count and (chosen := board.choose(asking)):
            found.append(chosen)
            passed.update(chosen.domain.keys)
        return found or Exhausted(board.soonest(tokens, now))

    def soonest(self, model: str, tokens: int, now: float) -> float | None:
        """Seconds until some key may be leased for the model; None when none ever will by itself."""
        board = self._boards.get(model) or self._new_board(model)
        wait = board.soonest(tokens, now)
        return None if wait is None else max(wait, self.gates.wait(model, now))

    def take(self, chosen: Chosen, model: str, tokens: int, now: float, lease_id: str = "") -> Lease:
        """Reserve with a key that was chosen."""
        ledger = chosen.ledger
        sent = ledger.reserve(tokens, now, lease_id)
        self._touched.add(ledger)
        if self.gates.in_trouble:
            self.gates.passes(model, now)
        return Lease(chosen.key, model, tokens, now, ledger.day, lease_id, ledger, sent)

    def answered(self, lease: Lease, now: float) -> None:
        """An answer began: the quota domain, the model and our address are well."""
        ledger = lease.ledger
        is_first = ledger.half_open
        ledger.went_well(now - lease.at)
        self._touched.add(ledger)
        if is_first:
            self.unwritten.recoveries.add(ledger.place)
            self._wake(*ledger.place)
        if self.gates.in_trouble:
            self.gates.answered(lease.model)
        self.retries.answered()

    def give_back(self, lease: Lease, now: float, prompt_tokens: int, completion_tokens: int) -> None:
        """The end of an attempt that used quota, with the tokens as Gemini reports them (0: it did not)."""
        ledger = lease.ledger
        if prompt_tokens:
            ledger.settle(lease.sent, prompt_tokens)
        counts = self._day(lease, now)
        counts.requests += 1
        counts.prompt_tokens += prompt_tokens
        counts.completion_tokens += completion_tokens
        ledger.answers += 1
        if ledger.answers >= _CREEP_AFTER_ANSWERS and now - ledger.learned_at >= _CREEP_AFTER:
            self._creep(lease, now)

    def refund(self, lease: Lease) -> None:
        """An attempt used no quota: it never reached the upstream, or was refused."""
        lease.ledger.refund(lease.sent)
        self._wake(lease.key.domain, lease.model)

    def refuse(self, lease: Lease, now: float, reason: str, *, model_at_fault: bool) -> None:
        """The end of an attempt that failed. Where the model is at fault, the key's ledger is not hurt."""
        if model_at_fault:
            self.gates.model_failed(lease.model, now)
        else:
            lease.ledger.went_wrong()
            self._touched.add(lease.ledger)
        counts = self._day(lease, now)
        counts.requests += 1
        counts.refusals += 1
        counts.last_refusal = reason

    def cool_down(self, lease: Lease, until: float, reason: str, *, all_models: bool = False) -> None:
        """Let the key's quota domain rest for this model, or for all, until a Unix time; a longer rest stays."""
        place, rest = (lease.key.domain, "" if all_models else lease.model), Rest(until, reason)
        if self.places.rest(place, rest):
            self.unwritten.rests[place] = rest

    def learn_quota(self, lease: Lease, violations: Collection[tuple[str, int | None]], now: float) -> bool:
        """Take over the limits that the upstream named in a refusal: (quotaId, quotaValue) each.

        True when with them the ledger would have refused the request as well: then it knows best when there is room again.
        """
        place = (lease.key.domain, lease.model)
        ledger = lease.ledger
        ledger.learned_at, ledger.answers = now, 0
        known = self.places.known_quota(place, paid=lease.key.paid)
        quota = learned(known, violations)
        if quota != known:
            self._set_quota(place, quota)
        if ledger.free_at(lease.tokens, now) > now:
            return True
        self._note_overruns(lease, ledger, quota, violations, now)
        return False

    def day_rest(self, lease: Lease, now: float) -> float:
        """The Unix time until which a quota domain rests whose requests of the day are used up.

        The day is the one in which the request was sent, however late the refusal came.
        """
        until = next_quota_day(lease.at)
        return until if quota_day(now - _DAY_IS_NEW) == quota_day(now) else min(until, now + _OLD_DAY_RESTS)

    def disable(self, lease: Lease, reason: str, *, whole_domain: bool = False) -> None:
        """Take a key, or every key of its quota domain, out until a person enables it."""
        self.unwritten.disabled |= dict.fromkeys(self._drop(lease.key, whole_domain=whole_domain), reason)

    def suspect(self, lease: Lease, reason: str) -> None:
        """Take a key out until it is known whether the upstream takes it."""
        self.unwritten.suspected |= dict.fromkeys(self._drop(lease.key), reason)

    def replace_keys(self, keys: Iterable[PooledKey]) -> None:
        """Take the keys that may be leased from now on, but for those that were taken out and are known here alone."""
        out = {*self.unwritten.disabled, *self.unwritten.suspected}
        self.places.replace_keys(key for key in keys if key.id not in out)
        self._boards.clear()

    def learn_quotas(self, quotas: dict[Place, Quota], *, assumptions_changed: bool = False) -> None:
        """Limits that were learned before, or by other processes."""
        if self.places.learn_quotas({**quotas, **self.unwritten.quotas}, assumptions_changed=assumptions_changed):
            self._boards.clear()

    def learn_rests(self, rests: dict[Place, Rest], cleared: Collection[str]) -> None:
        """Rests that other processes found, and domains whose rests a person has ended."""
        for domain in cleared:
            self.places.wake(domain)
        for place, rest in rests.items():
            self.places.rest(place, rest)
        if cleared:
            self._boards.clear()

    def divide(self, parts: int, now: float) -> None:
        """Keep to one of so many equal parts of every quota, while the processes can not count together; 1 is all."""
        if self.places.parts != parts:
            self.places.divide(parts, now)
            self._boards.clear()

    def take_unwritten(self, now: float) -> Unwritten:
        """What was found out since it was taken last; whoever cannot write it down puts it back."""
        taken, self.unwritten = self.unwritten, Unwritten()
        taken.states = {ledger.place: ledger.state(now) for ledger in self._touched}
        self._touched.clear()
        return taken

    def put_back(self, unwritten: Unwritten) -> None:
        """Tell this again next time."""
        self.unwritten.put_back(unwritten)
        ledgers = self.places.ledgers
        self._touched.update(ledgers[place] for place in unwritten.states if place in ledgers)

    def short_rest(self, lease: Lease) -> float:
        """Seconds for which a quota domain rests that was refused without a reason: twice as long each time in a row."""
        failures = lease.ledger.failures_in_a_row
        # Some thousand failures on, two to their power is no number any more.
        return min(_LONGEST_SHORT_REST, _SHORT_REST * 2.0 ** min(max(0, failures - 1), _DOUBLINGS))

    def _new_board(self, model: str) -> Board:
        if len(self._boards) >= _BOARDS_AT_MOST:
            # Clients may make model names up: boards are cheap to make anew, ledgers stay.
            self._boards.clear()
        board = self._boards[model] = Board(model, self.places.domains.values(), self.places.ledger, self._rng)
        return board

    def _set_quota(self, place: Place, quota: Quota) -> None:
        self.places.set_quota(place, quota)
        self.unwritten.quotas[place] = quota
        self._wake(*place)

    def _wake(self, domain: str, model: str) -> None:
        """A quota domain may have room earlier than was thought."""
        if model in self._boards:
            self._boards[model].wake(domain)

    def _creep(self, lease: Lease, now: float) -> None:
        """Raise a limit a little once it is used up and nothing was refused for long; and further, until it is refused."""
        ledger = lease.ledger
        if ledger.quota is NO_QUOTA or self.places.parts > 1:
            return
        if lease.at < ledger.crept_at:
            return  # it was sent before the last step: that one is not proved yet
        full, ledger.filled = ledger.full(now), ""
        if full:
            ledger.crept_at = now
            place = (lease.key.domain, lease.model)
            known = self.places.known_quota(place, paid=lease.key.paid)
            self._set_quota(place, crept(known, full))

    def _note_overruns(
        self, lease: Lease, ledger: Ledger, quota: Quota, violations: Collection[tuple[str, int | None]], now: float
    ) -> None:
        """Note the limits that were exceeded though less went through here: another key may be of the same project."""
        is_new_day = quota_day(now - _DAY_IS_NEW) != quota_day(now)
        for name in {limit_of(quota_id) for quota_id, value in violations if value != 0} - {""}:
            allowed = getattr(quota, name)
            if allowed is not None and not (name == "rpd" and is_new_day):
                # Without the request that was refused.
                used = ledger.used(name, now) - (lease.tokens if name == "tpm" else 1)
                place = (lease.key.domain, lease.model)
                self.unwritten.overruns.append(Overrun(place, name, now, max(0, used), allowed))

    def _drop(self, key: PooledKey, *, whole_domain: bool = False) -> list[UUID]:
        """The ids of the keys that are out now."""
        keys = [key for domain in self.places.domains.values() for key in domain.keys]
        gone = [other for other in keys if other == key or (whole_domain and other.domain == key.domain)]
        self.replace_keys([other for other in keys if other not in gone])
        return [other.id for other in gone]

    def _day(self, lease: Lease, now: float) -> DayCounts:
        # The day it was sent in, for it used the quota of that one.
        counts = self.unwritten.days[lease.key.id, lease.model, lease.day]
        # To the hour: beside a usage record's exact time, a finer one would tell whose request a key answered.
        counts.last_used = now - now % 3600
        return counts

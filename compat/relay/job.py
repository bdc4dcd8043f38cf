"""One client's request on its way: what is to be asked, and the account of it."""

import time
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from msgspec.structs import replace

from accounts import limits, metering, pool, pricing
from accounts.callers import Caller
from accounts.limits import NO_HEADROOM, AnyReservation, Headroom, Refusal
from accounts.live.traffic import traffic
from accounts.metering import NO_COUNTS, Admission, TokenCounts, Tried
from accounts.models import StoredFile, UsageRecord
from accounts.pool import Lease
from compat import metrics
from compat.errors import CompatError, StorageUnavailable
from compat.relay.reserving import to_ask, to_error
from compat.relay.spare import spare_slot
from compat.schemas.gemini import Reply
from compat.translation.families import family_of
from compat.translation.substance import says_something
from compat.translation.usage import Usage, estimate_tokens

CLIENT_LEFT = 499
# A long stream's counts are kept now and then: they are charged should the process be killed.
_CHECKPOINT_SECONDS = 2.0
# A request that a pool full of spent keys refuses may make hundreds of attempts.
_MOST_TRIED = 40
ANSWERED = "answered"
_UPSTREAM, _ESTIMATED = UsageRecord.CountsFrom.UPSTREAM.value, UsageRecord.CountsFrom.ESTIMATED.value
NO_FILES: Mapping[str, StoredFile] = MappingProxyType({})


ToBody = Callable[[str, int], dict[str, Any]]
"""(Gemini model, candidates) → the request's body."""


ToShorter = Callable[[str, int, float], dict[str, Any] | None]
"""(Gemini model, candidates, share of the prompt's tokens that is to be left) → the body; None where nothing may be left out."""


class Call(NamedTuple):
    """One call to Gemini among those that a request needs."""

    first_choice: int
    """The number of its first candidate among the choices of the answer."""
    candidates: int
    to_body: ToBody
    affinity: Callable[[], int | None] = lambda: None
    """A number that is the same for the same beginning of a conversation."""
    may_be_logged: bool = True
    """Whether Gemini logs it unless told not to. Requests for embeddings know no such member, and are refused with it."""


def plan(
    n: int, targets: tuple[str, ...], to_bodies: list[ToBody], affinity: Callable[[], int | None] = lambda: None
) -> tuple[Call, ...]:
    """The calls for `n` choices of each prompt: as many candidates a call as every target can give."""
    if n == 1 and len(to_bodies) == 1:
        return (Call(0, 1, to_bodies[0], affinity),)
    each = min(n, *(family_of(target).candidates for target in targets))
    return tuple(
        Call(prompt * n + first, min(each, n - first), to_body, affinity)
        for prompt, to_body in enumerate(to_bodies)
        for first in range(0, n, each)
    )


class Job:
    """A request with its targets and its account. `admit` comes before the first call, `settle` exactly once after."""

    blocked = ("messages", "content_filter")
    """`param` and code of the error for a prompt that Gemini blocks."""
    prompt_tokens = 0
    """An estimate, for whoever must know before Gemini has counted, or counts what Gemini did not."""
    to_shorter: ToShorter | None = None
    """Makes what is too long for a model shorter, where the client allows it."""
    files = NO_FILES
    """Stored files, by their ids, that the bodies name: they go to Gemini before each call, see relay/copies.py."""
    sub_user = ""
    """A keyed hash of whom the client named."""
    id = ""
    """The id of its usage record, hex; "" until it is admitted."""
    attempts = 0
    tried: tuple[Tried, ...] = ()
    """How the attempts went, where their number and the record's own columns do not tell it."""
    model = ""
    """The Gemini model that answered; the last one asked while none has."""
    counts = NO_COUNTS
    """What its usage record has once it is settled."""
    _called = 0.0
    _first_byte = 0.0
    _kept_until = 0.0
    _admission: Admission | None = None
    _reservation: AnyReservation | None = None
    _refused: Refusal | None = None
    _held: Lease | None = None

    def __init__(
        self,
        caller: Caller,
        endpoint: str,
        asked: str,
        targets: tuple[str, ...],
        calls: tuple[Call, ...],
        *,
        stream: bool,
    ) -> None:
        self.caller = caller
        self.endpoint = endpoint
        self.asked = asked
        self.targets = targets
        self.calls = calls
        self.stream = stream
        self.says_something: Callable[[Reply], bool] = says_something
        """Whether a reply holds what this client can use."""
        self._began = time.monotonic()
        self._heard: dict[int, tuple[Usage, str, bool]] = {}
        """What came of each call, by its first choice: its counts, the model that answered, and whether a paid key did."""

    async def admit(self, answers: int, longest: int | None = None) -> None:
        """Reserve what the request may use and write its admission down.

        It is to bring so many answers, each of `longest` tokens at most where the client said so. Raises RateLimited,
        QuotaSpent or StorageUnavailable (the client's errors): nothing may be sent upstream then.
        """
        await pricing.ready()
        if self.caller.in_batch:
            # First, for its limits are not to be held while it waits.
            self._held = await spare_slot(self.targets, self.prompt_tokens, self.files)
        try:
            if self.caller.holders:
                await self._reserve(answers, longest)
            self._write_down()
        except BaseException:
            self._let_go()
            raise

    def _write_down(self) -> None:
        caller = self.caller
        admission = metering.admission(
            caller.user_id, caller.token_id, self.endpoint, self.asked, self.stream, self.sub_user, self.prompt_tokens
        )
        try:
            metering.admit(admission)
        except metering.StorageUnavailable:
            if self._reservation is not None:
                self._reservation.release()
            raise StorageUnavailable("Usage cannot be recorded at the moment: try again in a few seconds.", 5) from None
        self._admission, self.id = admission, admission.id
        traffic.began(admission, self)

    def take_lease(self) -> Lease | None:
        """The lease that its admission brought, once: for the first attempt of a request that nobody waits for."""
        lease, self._held = self._held, None
        return lease

    def _let_go(self) -> None:
        if self._held is not None:
            pool.refund(self._held)
            self._held = None

    async def _reserve(self, answers: int, longest: int | None) -> None:
        holders, prompt = self.caller.holders, self.prompt_tokens
        if len(self.calls) > 1:
            # Gemini counts the prompt for each of the calls that a prompt needs.
            prompt *= len(self.calls) // len({id(call.to_body) for call in self.calls})
        found = await limits.reserve(holders, to_ask(holders, self.targets, prompt, answers, longest))
        if isinstance(found, Refusal):
            self._refused = found
            raise to_error(found, self.asked)
        self._reservation = found

    @property
    def headroom(self) -> Headroom:
        """What the limits of requests and of tokens a minute leave; nothing where there is no such limit."""
        if self._refused is not None:
            return self._refused.headroom
        return self._reservation.headroom() if self._reservation is not None else NO_HEADROOM

    def calling(self, model: str) -> float:
        """An attempt begins, at the monotonic time that is returned."""
        now = time.monotonic()
        self.attempts += 1
        self.model = model
        self._called = self._called or now
        return now

    def attempted(self, model: str, verdict: str, began: float) -> None:
        """Note how the attempt ended that began then. One that answered alone needs no note."""
        if len(self.tried) < _MOST_TRIED and (verdict != ANSWERED or self.attempts > 1 or len(self.calls) > 1):
            start, end = _ms(self._began, began), _ms(self._began, time.monotonic())
            self.tried += ((model, verdict, _coarse(start), _coarse(end) - _coarse(start)),)

    def heard(self, call: Call, usage: Usage, lease: Lease) -> None:
        """Counts of a call came; they replace what it told before. Of the key only matters whether it costs its owner."""
        now = time.monotonic()
        self._first_byte = self._first_byte or now
        self._heard[call.first_choice] = usage, lease.model, lease.key.paid
        if now - self._first_byte > self._kept_until + _CHECKPOINT_SECONDS and self._admission is not None:
            self._kept_until = now - self._first_byte
            metering.checkpoint(self._admission, _counts(self.usage))

    @property
    def usage(self) -> Usage:
        """The counts of all calls together."""
        if not self._heard:
            return Usage()
        (usage, _, _), *others = self._heard.values()
        for other, _, _ in others:
            usage += other
        return usage

    @property
    def tokens(self) -> int:
        """Every token counted up to now."""
        return self.usage.total

    def estimated(self, completion_characters: int) -> Usage:
        """The usage, with estimates for what Gemini did not count."""
        usage = self.usage
        if not usage.prompt:
            usage = replace(usage, prompt=self.prompt_tokens)
        if not usage.completion and completion_characters:
            usage = replace(usage, completion=estimate_tokens(completion_characters))
        return usage

    @property
    def request_id(self) -> str:
        """How the client names it: `req_` and the id of its usage record."""
        return f"req_{self.id}"

    def settle(self, status: int = 200, error: CompatError | None = None, *, characters: int = 0) -> None:
        """Write the end down, whichever it is; a second time is nothing. `characters` were sent, should counts be missing."""
        self._let_go()
        admission, self._admission = self._admission, None
        if admission is None:
            return
        usage = self.usage
        exact = usage.known and (usage.completion > 0 or not characters)
        # Nothing was generated unless an attempt brought something: a refused request costs nothing.
        if not exact and (characters or self._heard):
            usage = self.estimated(characters)
        counts = self.counts = _counts(usage)
        cost, paid = self._costs(usage, exact=exact) if self._heard else (0, 0)
        if self._reservation is not None and self.attempts:
            self._reservation.settle(counts.total, cost)
        elif self._reservation is not None:
            self._reservation.release()
        ended = time.monotonic()
        status = error.status if error else status
        settlement = metering.settlement(
            admission,
            status=status,
            error_code=(error.code or error.type) if error else ("client_closed" if status == CLIENT_LEFT else ""),
            gemini_model=self.model,
            attempts=self.attempts,
            counts=counts,
            counts_from=_UPSTREAM if exact or not counts.total else _ESTIMATED,
            queue_ms=_ms(self._began, self._called or ended),
            first_byte_ms=_ms(self._began, self._first_byte or ended),
            total_ms=_ms(self._began, ended),
            cost=cost,
            paid=paid,
            tried=self.tried,
        )
        metrics.ended(self.endpoint, settlement)
        metering.settle(admission, settlement)

    def _costs(self, usage: Usage, *, exact: bool) -> tuple[int, int]:
        """Nanodollars: of each call, or of all that is estimated together; and what of it a paid key answered."""
        (_, model, is_paid), *others = self._heard.values()
        if exact and others:
            costs = [(_price(model, counted), paid) for counted, model, paid in self._heard.values()]
            return sum(cost for cost, _ in costs), sum(cost for cost, paid in costs if paid)
        cost = _price(model, usage)
        return cost, cost if is_paid or any(paid for _, _, paid in others) else 0


def _price(model: str, usage: Usage) -> int:
    price = pricing.price_of(model, usage.tier)
    return price.cost(usage.prompt_total, usage.completion_total, cached=usage.cached, audio=usage.audio_in)


def _counts(usage: Usage) -> TokenCounts:
    prompt, completion = usage.prompt_total, usage.completion_total
    return TokenCounts(prompt, usage.cached, usage.tool_prompt, completion, usage.reasoning, prompt + completion)


def _ms(start: float, end: float) -> int:
    return round((end - start) * 1000)


def _coarse(ms: int) -> int:
    """To 10 ms: enough for a person, too little to find the same moment in another log."""
    return ms // 10 * 10

"""One client's request on its way: let in before the first call, and settled in every ending."""

import time
from collections.abc import Callable, Mapping
from types import MappingProxyType

from msgspec.structs import replace

from accounts import limits, metering, pool, pricing
from accounts.callers import Caller
from accounts.limits import NO_HEADROOM, AnyReservation, Headroom, Refusal
from accounts.live.traffic import traffic
from accounts.metering import NO_COUNTS, Admission, Tried
from accounts.models import StoredFile
from accounts.pool import Lease
from compat.errors import CompatError, StorageUnavailable
from compat.relay.calls import Call, ToShorter
from compat.relay.charge import Charge, Heard, charge_of, to_counts
from compat.relay.reserving import to_ask, to_error
from compat.relay.spare import spare_slot
from compat.schemas.gemini import Reply
from compat.translation.substance import says_something
from compat.translation.usage import NO_USAGE, Usage, estimate_tokens
from compat.turns import put_off

CLIENT_LEFT = 499
# Moments are nanoseconds of the monotonic clock.
_MS = 1_000_000
# A long stream's counts are kept now and then: they are charged should the process be killed.
_CHECKPOINT = 2_000 * _MS
# A request that a pool full of spent keys refuses may make hundreds of attempts.
_MOST_TRIED = 40
ANSWERED = "answered"
NO_FILES: Mapping[str, StoredFile] = MappingProxyType({})


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
    _called = 0
    _first_byte = 0
    _kept = 0
    """When its counts were kept last."""
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
        self._began = time.monotonic_ns()
        self._heard: dict[int, Heard] = {}
        """What came of each call, by its first choice."""
        self._usage: Usage | None = NO_USAGE
        """The counts of all calls together; None until they are added up again."""

    async def admit(self, answers: int, longest: int | None = None) -> None:
        """Reserve what the request may use and write its admission down.

        It is to bring so many answers, each of `longest` tokens at most where the client said so. Raises RateLimited,
        QuotaSpent or StorageUnavailable (the client's errors): nothing may be sent upstream then.
        """
        if not pricing.at_hand():
            await pricing.load()
        if self.caller.in_batch:
            # First, for its limits are not to be held while it waits.
            self._held = await spare_slot(self.targets, self.prompt_tokens, self.files)
        try:
            if holders := self.caller.holders:
                ask = to_ask(holders, self.targets, self._prompts(), answers, longest)
                self._take(limits.reserve_at_once(holders, ask) or await limits.reserve(holders, ask))
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

    def _prompts(self) -> int:
        """The tokens of the prompt, as often as Gemini counts them: for each of the calls that a prompt needs."""
        if len(self.calls) == 1:
            return self.prompt_tokens
        return self.prompt_tokens * (len(self.calls) // len({id(call.to_body) for call in self.calls}))

    def _take(self, found: AnyReservation | Refusal) -> None:
        if isinstance(found, Refusal):
            self._refused = found
            raise to_error(found, self.asked)
        self._reservation = found

    @property
    def headroom(self) -> Headroom:
        """What the tightest limits of requests and of tokens a minute leave; nothing where there is no such limit."""
        if self._refused is not None:
            return self._refused.headroom
        return self._reservation.headroom() if self._reservation is not None else NO_HEADROOM

    def calling(self, model: str) -> int:
        """An attempt begins, at the moment that is returned."""
        now = time.monotonic_ns()
        self.attempts += 1
        self.model = model
        self._called = self._called or now
        return now

    def attempted(self, model: str, verdict: str, began: int) -> None:
        """Note how the attempt ended that began then. One that answered alone needs no note."""
        is_alone = self.attempts == 1 and len(self.calls) == 1
        if (is_alone and verdict == ANSWERED) or len(self.tried) >= _MOST_TRIED:
            return
        start, end = _coarse(began - self._began), _coarse(time.monotonic_ns() - self._began)
        self.tried += ((model, verdict, start, end - start),)

    def heard(self, call: Call, usage: Usage, lease: Lease) -> None:
        """Counts of a call came; they replace what it told before. Of the key only matters whether it costs its owner."""
        self._heard[call.first_choice] = usage, lease.model, lease.key.paid
        self._usage = usage if len(self.calls) == 1 else None
        now = time.monotonic_ns()
        if not self._first_byte:
            self._first_byte = self._kept = now
        elif now - self._kept > _CHECKPOINT and self._admission is not None:
            self._kept = now
            metering.checkpoint(self._admission, to_counts(self.usage))

    @property
    def usage(self) -> Usage:
        """The counts of all calls together."""
        if self._usage is None:
            (self._usage, _, _), *others = self._heard.values()
            for other, _, _ in others:
                self._usage += other
        return self._usage

    @property
    def tokens(self) -> int:
        """Every token counted up to now."""
        return sum(self.usage.totals())

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
        charge = self._charge(characters)
        self.counts = charge.counts
        if self._reservation is not None and self.attempts:
            self._reservation.settle(charge.counts.total, charge.cost)
        elif self._reservation is not None:
            self._reservation.release()
        if error is not None:
            self._record(admission, charge, error.status, error.code or error.type)
        else:
            self._record(admission, charge, status, "client_closed" if status == CLIENT_LEFT else "")

    def _charge(self, characters: int) -> Charge:
        usage = self.usage
        exact = usage.known and (usage.completion > 0 or not characters)
        # Nothing was generated unless an attempt brought something: a refused request costs nothing.
        if not exact and (characters or self._heard):
            usage = self.estimated(characters)
        return charge_of(self._heard.values(), usage, exact=exact)

    def _record(self, admission: Admission, charge: Charge, status: int, error_code: str) -> None:
        began, ended = self._began, time.monotonic_ns()
        settlement = metering.settlement(
            admission,
            status=status,
            error_code=error_code,
            gemini_model=self.model,
            attempts=self.attempts,
            counts=charge.counts,
            counts_from=charge.counts_from,
            cost=charge.cost,
            paid=charge.paid,
            queue_ms=((self._called or ended) - began) // _MS,
            first_byte_ms=((self._first_byte or ended) - began) // _MS,
            total_ms=(ended - began) // _MS,
            tried=self.tried,
        )
        metering.settle(admission, settlement, put_off)


def _coarse(nanoseconds: int) -> int:
    """Milliseconds, to 10 of them: enough for a person, too little to find the same moment in another log."""
    return nanoseconds // (10 * _MS) * 10

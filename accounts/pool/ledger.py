"""The account of one quota domain with one model: what was used of its windows, how it fares, when it is free again."""

import math

import msgspec

from accounts.pool.news import Place, State
from accounts.pool.pacific import end_of_quota_day, next_quota_day, quota_day
from accounts.pool.quotas import NO_QUOTA, USUAL_RPM, Quota

WINDOW = 60.5
"""Seconds that a request counts: Gemini's minute, and as much as the way there may take longer for one than for the next."""
PROBE_SECONDS = 3.0
"""How long one request tries alone after a rest. Refusals come quicker; answers may take minutes, and nobody waits for them."""
_MINUTE, _DAY = 60.0, 24 * 3600.0
# What these were for is over with the minute or the day, so the first request after them is like any other.
BY_THE_CLOCK = frozenset({"quota_minute", "quota_day"})
_LOOK_AGAIN_SECONDS = 1.0
_SMOOTHING = 0.2
_MUCH_LARGER = 1.5
_HALF_LIFE = 60.0
_LONG_AGO = -math.inf
# Of two ledgers their strain decides only where they have as much headroom.
_BEYOND_STRAIN = 1e8
# Minutes by which a clock that was set back may be behind what was noted: of more, two to their power is no number.
_CLOCK_BACK = 1_000.0
# Minutes at full speed, more of which make no difference: nobody keeps a whole pool that busy.
_PLENTY = 120.0


class Sent(msgspec.Struct, eq=False, gc=False):
    """A request of the running minute."""

    at: float
    tokens: int
    lease_id: str


class Ledger:
    """Reserves requests and input tokens in sliding minutes and Pacific days. Times are Unix seconds."""

    __slots__ = (
        "_day_ends",
        "_first",
        "_minute",
        "_over",
        "_parts",
        "_probe_until",
        "_rank",
        "_rank_until",
        "_slides_at",
        "_strain",
        "_today_alone",
        "_tokens",
        "answers",
        "crept_at",
        "day",
        "errors",
        "failures_in_a_row",
        "filled",
        "full_until",
        "half_open",
        "latency",
        "learned_at",
        "place",
        "quota",
        "reason",
        "rests_until",
        "used_today",
    )

    def __init__(self, quota: Quota = NO_QUOTA, parts: int = 1, place: Place = ("", "")) -> None:
        self.place = place
        self.quota = quota
        self.day = 0
        self.used_today = 0
        self.rests_until = 0.0
        self.reason = ""
        self.half_open = False
        self.learned_at = 0.0
        """When its quota was learned last, from a refusal or from others; before the first time, when it was asked first."""
        self.answers = 0
        """How many answers came since then."""
        self.crept_at = 0.0
        """When a limit of it was raised last without being told."""
        self.errors = 0.0
        """Moving average of failures, 0 to 1."""
        self.failures_in_a_row = 0
        self.latency = 0.0
        """Moving average of the seconds to an answer."""
        self.full_until = 0.0
        """The time until which other processes have used it up."""
        self.filled = ""
        """The name of the limit that all processes together used up, where this one alone did not."""
        # A list, for a deque takes half a kilobyte; what lies before `_first` is over.
        self._minute: list[Sent] = []
        self._first = 0
        self._slides_at = math.inf
        """When the first of the minute leaves it."""
        self._over = -math.inf
        """What was sent until then has left it."""
        self._day_ends = -math.inf
        self._tokens = 0
        self._probe_until = 0.0
        self._parts = parts
        self._today_alone = math.inf
        """What is left of this process's part of the day while it can not count together with the others."""
        self._strain = 0.0
        """How much was asked of it of late: minutes, since 1970 and more for more requests. The greater one of two ledgers'
        stays the greater one, whenever they are compared."""
        self._rank = 0.0
        self._rank_until = _LONG_AGO
        """The rank that was found last holds until then, unless something is reserved, settled or learned before."""

    def free_at(self, tokens: int, now: float, within: Quota | None = None) -> float:
        """The Unix time from which a request of so many input tokens may be sent; `now` or earlier: at once.

        `within` is a part of the quota that it has to keep to. Infinite for a prompt that is larger than the minute's quota
        ever was.
        """
        if self.rests_until > now or self.half_open or self.full_until > now:
            shut_until = self._shut_until(now)
            if shut_until > now:
                return shut_until
        rpm, tpm, rpd = within or self.quota
        if rpd is not None:
            if now >= self._day_ends:
                self._turn_day(now)
            if self.used_today >= rpd or self._today_alone <= 0:
                return next_quota_day(now)
        if now >= self._slides_at:
            self._slide(now)
        if (not rpm or len(self._minute) - self._first < rpm) and (tpm is None or self._tokens + tokens <= tpm):
            return now
        return max(now, self._room_for_request(rpm), self._room_for_tokens(tpm, tokens))

    def _shut_until(self, now: float) -> float:
        """The time until which nothing is sent, whatever its quota."""
        if self.rests_until > now:
            return self.rests_until
        if self.half_open and self._probe_until > now:
            # It may end at any moment: whoever waits shall look again soon.
            return min(self._probe_until, now + _LOOK_AGAIN_SECONDS)
        return self.full_until

    def spare(self, tokens: int, now: float, *, paid: bool) -> Quota:
        """What of the quota a request may count on that nobody waits for."""
        return self.quota.spare(tokens, min(1.0, (next_quota_day(now) - now) / _DAY), paid=paid)

    def is_quiet(self, now: float, within: Quota) -> bool:
        """True when the last request is so long ago that such ones fill no more than their part, evenly over the minute.

        So never many of them leave the minute together, and whoever finds it full all the same waits for seconds.
        """
        return not within.rpm or not self._minute or now - self._minute[-1].at >= _MINUTE / within.rpm

    def reserve(self, tokens: int, now: float, lease_id: str = "") -> Sent:
        """Take one request and its tokens; see free_at for whether there is room."""
        if now >= self._day_ends:
            self._turn_day(now)
        if now >= self._slides_at:
            self._slide(now)
        self.used_today += 1
        if self._parts > 1:
            self._today_alone -= 1
        self._rank_until = _LONG_AGO
        # The requests so far, each counting half as much a minute later, and this one: as a logarithm, from which time takes
        # one a minute in every ledger alike.
        minutes = now / _HALF_LIFE
        self._strain = minutes + math.log2(1 + 2.0 ** min(self._strain - minutes, _CLOCK_BACK))
        if self.half_open:
            self._probe_until = now + PROBE_SECONDS
        # Without a limit too: one that is learned counts what was sent before.
        sent = Sent(now, tokens, lease_id)
        if not self._minute:
            self._slides_at = now + WINDOW
        self._minute.append(sent)
        self._tokens += tokens
        return sent

    def settle(self, sent: Sent, tokens: int) -> None:
        """Put the true input tokens in place of those reserved."""
        if sent.at > self._over:
            self._tokens += tokens - sent.tokens
            self._rank_until = _LONG_AGO
            sent.tokens = tokens

    def refund(self, sent: Sent) -> None:
        """Give a request back that used no quota."""
        self._rank_until = _LONG_AGO
        if quota_day(sent.at) == self.day:
            self.used_today = max(0, self.used_today - 1)
            if self._parts > 1:
                self._today_alone += 1
        if sent.at > self._over:
            self._minute.remove(sent)
            self._tokens -= sent.tokens

    def went_well(self, seconds: float) -> None:
        """An answer came after so many seconds: the domain is whole again."""
        self.half_open = False
        self._probe_until = 0.0
        self.failures_in_a_row = 0
        self.errors *= 1 - _SMOOTHING
        self.latency = seconds if not self.latency else self.latency + _SMOOTHING * (seconds - self.latency)

    def went_wrong(self) -> None:
        """An attempt failed."""
        self.failures_in_a_row += 1
        self.errors += _SMOOTHING * (1 - self.errors)

    def rest(self, until: float, reason: str) -> None:
        """Send nothing until then; a longer rest stays. Afterwards one request tries alone, where time alone mends nothing."""
        if until > self.rests_until:
            self.rests_until = until
            self.reason = reason
            self.half_open = self.half_open or reason not in BY_THE_CLOCK
            self._probe_until = 0.0

    def wake(self) -> None:
        """End a rest."""
        self.rests_until, self.reason, self.half_open, self._probe_until = 0.0, "", False, 0.0

    def minutes_left(self) -> float:
        """How many minutes it may go on at full speed today.

        What is spent of the domain with the most of these is missed least: whatever the rest of the day brings, no other
        choice leaves the pool able to send more in any number of busy minutes.
        """
        rpm, _, rpd = self.quota
        if rpd is None or (left := (rpd - self.used_today) / (rpm or USUAL_RPM)) > _PLENTY:
            return _PLENTY
        return max(0.0, left)

    def rank(self, now: float) -> float:
        """Who has more of it is asked first: of headroom, which is the minutes that are left times the share of the running
        minute that is still free, to a tenth; where that is the same, who was asked less of late."""
        if now >= self._rank_until:
            self._slide(now)
            self._turn_day(now)
            rpm, tpm, _ = self.quota
            used = max(self._requests / rpm if rpm else 0.0, self._tokens / tpm if tpm else 0.0)
            headroom = self.minutes_left() * max(0.0, 1 - used)
            self._rank = round(10 * headroom) * _BEYOND_STRAIN - self._strain
            self._rank_until = min(self._slides_at, self._day_ends)
        return self._rank

    def keep_to(self, quota: Quota) -> None:
        """Keep to another quota from now on. What was sent before counts."""
        self.quota = quota
        self._rank_until = _LONG_AGO

    def full(self, now: float) -> str:
        """The name of the limit that is used up, empty while none is."""
        rpm, tpm, rpd = self.quota
        self._slide(now)
        if rpd is not None and self.used_today >= rpd:
            return "rpd"
        if rpm is not None and self._requests >= rpm:
            return "rpm"
        # Prompts seldom fill it to the last token.
        return "tpm" if tpm is not None and self._tokens > 0.95 * tpm else self.filled

    def used(self, limit: str, now: float) -> int:
        """What was used of the window of the limit of that name."""
        if limit == "rpd":
            self._turn_day(now)
            return self.used_today
        self._slide(now)
        return self._tokens if limit == "tpm" else self._requests

    def remaining_today(self, now: float) -> int | None:
        """Requests left of today's quota; None when no limit is known."""
        if self.quota.rpd is None:
            return None
        self._turn_day(now)
        return max(0, self.quota.rpd - self.used_today)

    def divide(self, parts: int, now: float) -> None:
        """Keep to one of so many equal parts of what is left today; 1 is all of it."""
        self._parts = parts
        self._turn_day(now)
        self._take_part()

    def minute(self, now: float) -> list[Sent]:
        """The requests of the running minute."""
        self._slide(now)
        return self._minute[self._first :]

    def state(self, now: float) -> State:
        """What the next process should know."""
        self._slide(now)
        ends = self._minute[-1].at + WINDOW if self._requests else 0.0
        return State(
            self.errors, self.latency, self.failures_in_a_row, self.half_open, self._requests, self._tokens, ends
        )

    def restore(self, state: State, now: float) -> None:
        """Take over what an earlier process knew. Its requests of the minute count until the last of them has left it."""
        self.errors, self.latency = state.errors, state.latency
        self.failures_in_a_row = state.failures_in_a_row
        self.half_open = self.half_open or state.half_open
        if state.minute_ends > now and state.requests:
            at = min(now, state.minute_ends - WINDOW)
            first = Sent(at, state.tokens, "")
            self._minute[self._first : self._first] = [first, *(Sent(at, 0, "") for _ in range(state.requests - 1))]
            self._slides_at = at + WINDOW
            self._tokens += state.tokens
            self._rank_until = _LONG_AGO

    def start_day(self, day: int, used: int) -> None:
        """Take over what was used today before this process began, or by another."""
        is_new = day != self.day
        self.day, self.used_today = day, used
        self._day_ends = end_of_quota_day(day)
        self._rank_until = _LONG_AGO
        if is_new:
            self._take_part()

    def _turn_day(self, now: float) -> None:
        if now >= self._day_ends:
            self.start_day(quota_day(now), 0)

    def _take_part(self) -> None:
        left = math.inf if self.quota.rpd is None or self._parts == 1 else max(0, self.quota.rpd - self.used_today)
        self._today_alone = left if left == math.inf else -(-left // self._parts)

    @property
    def _requests(self) -> int:
        """How many are in the running minute, as it was when it slid last."""
        return len(self._minute) - self._first

    def _slide(self, now: float) -> None:
        if now < self._slides_at:
            return
        minute, first, over = self._minute, self._first, now - WINDOW
        while first < len(minute) and minute[first].at <= over:
            self._tokens -= minute[first].tokens
            first += 1
        if first and 2 * first >= len(minute):
            del minute[:first]
            first = 0
        self._first = first
        self._over = max(self._over, over)
        self._slides_at = minute[first].at + WINDOW if first < len(minute) else math.inf

    def _room_for_request(self, rpm: int | None) -> float:
        if not rpm or self._requests < rpm:
            return 0.0
        return self._minute[-rpm].at + WINDOW

    def _room_for_tokens(self, tpm: int | None, tokens: int) -> float:
        # A prompt a little larger than the whole quota is let through alone: it is an estimate, and limits change.
        if tpm is not None and tokens > _MUCH_LARGER * tpm:
            return math.inf
        if tpm is None or self._tokens + tokens <= tpm or not self._requests:
            return 0.0
        over = self._tokens + tokens - tpm
        for sent in self._minute[self._first :]:
            over -= sent.tokens
            if over <= 0:
                return sent.at + WINDOW
        return self._minute[-1].at + WINDOW

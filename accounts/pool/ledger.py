"""The account of one quota domain with one model: what was used of its windows, how it fares, when it is free again."""

import math
from math import log2

from accounts.pool.minute import WINDOW, Minute, Sent
from accounts.pool.news import Place, State
from accounts.pool.pacific import end_of_quota_day, next_quota_day, quota_day
from accounts.pool.quotas import NO_QUOTA, USUAL_RPM, Quota

PROBE_SECONDS = 3.0
"""How long one request tries alone after a rest. Refusals come quicker; answers may take minutes, and nobody waits for them."""
_MINUTE, _DAY = 60.0, 24 * 3600.0
# What these were for is over with the minute or the day, so the first request after them is like any other.
BY_THE_CLOCK = frozenset({"quota_minute", "quota_day"})
_LOOK_AGAIN_SECONDS = 1.0
_SMOOTHING = 0.2
_NO_ERRORS = 0.01
_MUCH_LARGER = 1.5
_HALF_LIFE = 60.0
_NO_ROOM = -1.0
_LONG_AGO = -math.inf
# Of two ledgers their strain decides only where they have as much headroom.
_BEYOND_STRAIN = 1e8
# Minutes by which a clock that was set back may be behind what was noted: of more, two to their power is no number.
_CLOCK_BACK = 1_000.0
# Minutes at full speed, more of which make no difference: nobody keeps a whole pool that busy.
_PLENTY = 120.0


class Ledger:
    """Reserves requests and input tokens in sliding minutes and Pacific days. Times are Unix seconds.

    Whoever looks for room finds `room` and `rank` worked out: they hold until `rated_until`, and `rate` does it again.
    """

    __slots__ = (
        "_day_ends",
        "_full_until",
        "_minute",
        "_parts",
        "_plenty_below",
        "_probe_until",
        "_strain",
        "_today_alone",
        "answers",
        "crept_at",
        "day",
        "errors",
        "failures_in_a_row",
        "filled",
        "half_open",
        "latency",
        "learned_at",
        "place",
        "quota",
        "rank",
        "rated_until",
        "reason",
        "rests_until",
        "room",
        "used_today",
    )

    def __init__(self, quota: Quota = NO_QUOTA, parts: int = 1, place: Place = ("", "")) -> None:
        self.place = place
        self.keep_to(quota)
        self.day = 0
        """The number of the Pacific day that is counted."""
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
        """Moving average of failures, 0 to 1; less than a hundredth is none."""
        self.failures_in_a_row = 0
        self.latency = 0.0
        """Moving average of the seconds to an answer."""
        self.filled = ""
        """The name of the limit that all processes together used up, where this one alone did not."""
        self.room = _NO_ROOM
        """The input tokens of the largest prompt that may be sent at once; infinite: any, negative: none."""
        self.rank = 0.0
        """Who has more of it is asked first, see `rate`; of no meaning while there is no room."""
        self.rated_until = _LONG_AGO
        """The Unix time until which room and rank hold, unless something is reserved, settled or learned before."""
        self._minute = Minute()
        self._day_ends = -math.inf
        self._full_until = 0.0
        """The time until which other processes have used it up."""
        self._probe_until = 0.0
        self._parts = parts
        self._today_alone = math.inf
        """What is left of this process's part of the day while it can not count together with the others."""
        self._strain = 0.0
        """How much was asked of it of late: minutes, since 1970 and more for more requests. The greater one of two ledgers'
        stays the greater one, whenever they are compared."""

    def rate(self, now: float) -> None:
        """Work out room and rank.

        The rank is the headroom, to a tenth: the minutes that it may go on today, times the share of the running minute that
        is still free; and of equals, who was asked less of late comes first.
        """
        minute = self._minute
        if now >= minute.slides_at:
            minute.slide(now)
        if now >= self._day_ends:
            self._turn_day(now)
        self.rated_until = minute.slides_at if minute.slides_at < self._day_ends else self._day_ends
        if self.half_open or self.rests_until > now or self._full_until > now:
            shut_until = self._shut_until(now)
            if shut_until > now:
                self.room = _NO_ROOM
                self.rated_until = min(self.rated_until, shut_until)
                return
        quota = self.quota
        self.room = self.room_within(quota)
        filled = minute.requests / quota.rpm if quota.rpm else 0.0
        if quota.tpm and (of_tokens := minute.tokens / quota.tpm) > filled:
            filled = of_tokens
        self.rank = round(10 * self.minutes_left() * (1 - filled)) * _BEYOND_STRAIN - self._strain

    def room_within(self, quota: Quota) -> float:
        """The room that this quota, or part of it, leaves when nothing else is in the way."""
        if quota.rpd is not None and self._is_spent(quota.rpd):
            return _NO_ROOM
        minute = self._minute
        if quota.rpm and minute.requests >= quota.rpm:
            return _NO_ROOM
        if quota.tpm is None:
            return math.inf
        # A prompt a little larger than the whole quota is let through alone: it is an estimate, and limits change.
        return quota.tpm - minute.tokens if minute.requests else _MUCH_LARGER * quota.tpm

    def free_at(self, tokens: int, now: float) -> float:
        """The Unix time from which a request of so many input tokens may be sent; `now`: at once.

        Infinite for a prompt that is larger than the minute's quota ever was.
        """
        if now >= self.rated_until:
            self.rate(now)
        if tokens <= self.room:
            return now
        shut_until = self._shut_until(now)
        if shut_until > now:
            return shut_until
        quota = self.quota
        if quota.rpd is not None and self._is_spent(quota.rpd):
            return next_quota_day(now)
        times = [now]
        if quota.rpm:
            times.append(self._minute.below_requests(quota.rpm))
        if quota.tpm is not None:
            is_too_large = tokens > _MUCH_LARGER * quota.tpm
            times.append(math.inf if is_too_large else self._minute.below_tokens(quota.tpm - tokens))
        return max(times)

    def _is_spent(self, rpd: int) -> bool:
        """True when so many requests of a day are used up, or this process's part of them."""
        return self.used_today >= rpd or self._today_alone <= 0

    def _shut_until(self, now: float) -> float:
        """The time until which nothing is sent, whatever its quota; in the past when nothing is in the way."""
        if self.rests_until > now:
            return self.rests_until
        if self.half_open and self._probe_until > now:
            # It may end at any moment: whoever waits shall look again soon.
            return min(self._probe_until, now + _LOOK_AGAIN_SECONDS)
        return self._full_until

    def spare(self, tokens: int, now: float, *, paid: bool) -> Quota:
        """What of the quota a request may count on that nobody waits for."""
        return self.quota.spare(tokens, min(1.0, (next_quota_day(now) - now) / _DAY), paid=paid)

    def is_quiet(self, now: float, within: Quota) -> bool:
        """True when the last request is so long ago that such ones fill no more than their part, evenly over the minute.

        So never many of them leave the minute together, and whoever finds it full all the same waits for seconds.
        """
        return not within.rpm or now - self._minute.last_at() >= _MINUTE / within.rpm

    def reserve(self, tokens: int, now: float, lease_id: str = "") -> Sent:
        """Take one request and its tokens; see `room` for whether they may be taken."""
        if now >= self._day_ends:
            self._turn_day(now)
        self.used_today += 1
        self._today_alone -= 1
        if not self.learned_at:
            self.learned_at = now
        if self.half_open:
            self._probe_until = now + PROBE_SECONDS
        # The requests so far, each counting half as much a minute later, and this one: as a logarithm, from which time takes
        # one a minute in every ledger alike.
        minutes = now / _HALF_LIFE
        older = self._strain - minutes
        self._strain = minutes + log2(1 + 2.0 ** (older if older < _CLOCK_BACK else _CLOCK_BACK))
        self.rated_until = _LONG_AGO
        # Without a limit too: one that is learned counts what was sent before.
        return self._minute.add(tokens, now, lease_id)

    def settle(self, sent: Sent, tokens: int) -> None:
        """Put the true input tokens in place of those reserved."""
        self._minute.settle(sent, tokens)
        self.rated_until = _LONG_AGO

    def refund(self, sent: Sent) -> None:
        """Give a request back that used no quota."""
        if quota_day(sent.at) == self.day:
            self.used_today = max(0, self.used_today - 1)
            self._today_alone += 1
        self._minute.remove(sent)
        self.rated_until = _LONG_AGO

    def went_well(self, seconds: float) -> None:
        """An answer came after so many seconds: the domain is whole again."""
        if self.half_open:
            self.half_open = False
            self._probe_until = 0.0
            self.rated_until = _LONG_AGO
        if self.errors:
            self.failures_in_a_row = 0
            lower = (1 - _SMOOTHING) * self.errors
            self.errors = lower if lower >= _NO_ERRORS else 0.0
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
            self.rated_until = _LONG_AGO

    def wake(self) -> None:
        """End a rest."""
        self.rests_until, self.reason, self.half_open, self._probe_until = 0.0, "", False, 0.0
        self.rated_until = _LONG_AGO

    def others_fill(self, until: float) -> None:
        """Other processes have used it up until then, or (0) have not."""
        self._full_until = until
        self.rated_until = _LONG_AGO

    def minutes_left(self) -> float:
        """How many minutes it may go on at full speed today.

        What is spent of the domain with the most of these is missed least: whatever the rest of the day brings, no other
        choice leaves the pool able to send more in any number of busy minutes.
        """
        if self.used_today < self._plenty_below:
            return _PLENTY
        return max(0.0, ((self.quota.rpd or 0) - self.used_today) / (self.quota.rpm or USUAL_RPM))

    def keep_to(self, quota: Quota) -> None:
        """Keep to another quota from now on. What was sent before counts."""
        self.quota = quota
        self._plenty_below = math.inf if quota.rpd is None else quota.rpd - _PLENTY * (quota.rpm or USUAL_RPM)
        """So many requests today leave more minutes than make a difference."""
        self.rated_until = _LONG_AGO

    def full(self, now: float) -> str:
        """The name of the limit that is used up, empty while none is."""
        quota, minute = self.quota, self._minute
        minute.slide(now)
        if quota.rpd is not None and self.used_today >= quota.rpd:
            return "rpd"
        if quota.rpm is not None and minute.requests >= quota.rpm:
            return "rpm"
        # Prompts seldom fill it to the last token.
        return "tpm" if quota.tpm is not None and minute.tokens > 0.95 * quota.tpm else self.filled

    def used(self, limit: str, now: float) -> int:
        """What was used of the window of the limit of that name."""
        if limit == "rpd":
            self._turn_day(now)
            return self.used_today
        self._minute.slide(now)
        return self._minute.tokens if limit == "tpm" else self._minute.requests

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
        self._minute.slide(now)
        return self._minute.sent()

    def state(self, now: float) -> State:
        """What the next process should know."""
        minute = self._minute
        minute.slide(now)
        ends = minute.last_at() + WINDOW if minute.requests else 0.0
        return State(
            self.errors, self.latency, self.failures_in_a_row, self.half_open, minute.requests, minute.tokens, ends
        )

    def restore(self, state: State, now: float) -> None:
        """Take over what an earlier process knew. Its requests of the minute count until the last of them has left it."""
        self.errors, self.latency = state.errors, state.latency
        self.failures_in_a_row = state.failures_in_a_row
        self.half_open = self.half_open or state.half_open
        if state.minute_ends > now and state.requests:
            self._minute.begin_with(state.requests, state.tokens, min(now, state.minute_ends - WINDOW))
        self.rated_until = _LONG_AGO

    def start_day(self, day: int, used: int) -> None:
        """Take over what was used today before this process began, or by another."""
        is_new = day != self.day
        self.day, self.used_today = day, used
        self._day_ends = end_of_quota_day(day)
        self.rated_until = _LONG_AGO
        if is_new:
            self._take_part()

    def _turn_day(self, now: float) -> None:
        if now >= self._day_ends:
            self.start_day(quota_day(now), 0)

    def _take_part(self) -> None:
        """Of the day this process alone may use its part: all of it where it counts together with the others."""
        left = math.inf if self.quota.rpd is None or self._parts == 1 else max(0, self.quota.rpd - self.used_today)
        self._today_alone = left if left == math.inf else -(-left // self._parts)
        self.rated_until = _LONG_AGO

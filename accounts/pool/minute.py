"""The running minute of one ledger: what was sent within it, and when some of that leaves it."""

import math
from dataclasses import dataclass, field

import msgspec

WINDOW = 60.5
"""Seconds that a request counts: Gemini's minute, and as much as the way there may take longer for one than for the next."""


class Sent(msgspec.Struct, eq=False, gc=False):
    """A request of the running minute."""

    at: float
    """Unix time."""
    tokens: int
    """Of the input: as estimated, then as Gemini counted them."""
    lease_id: str


@dataclass(slots=True, eq=False)
class Minute:
    """A window that slides with time: its sums hold until `slides_at`, and who reads them later slides it first."""

    requests: int = 0
    tokens: int = 0
    slides_at: float = math.inf
    """When the first of it leaves it."""
    _over: float = -math.inf
    """What was sent until then has left it."""
    # A list, for a deque takes half a kilobyte. The last so many `requests` are within the minute, what lies before is over.
    _sent: list[Sent] = field(default_factory=list)

    def add(self, tokens: int, now: float, lease_id: str) -> Sent:
        """A request is sent."""
        sent = Sent(now, tokens, lease_id)
        if not self.requests:
            self.slides_at = now + WINDOW
        self._sent.append(sent)
        self.requests += 1
        self.tokens += tokens
        return sent

    def settle(self, sent: Sent, tokens: int) -> None:
        """Put the true input tokens in place of those reserved."""
        if sent.at > self._over:
            self.tokens += tokens - sent.tokens
            sent.tokens = tokens

    def remove(self, sent: Sent) -> None:
        """A request was not sent after all."""
        if sent.at > self._over:
            self._sent.remove(sent)
            self.requests -= 1
            self.tokens -= sent.tokens

    def slide(self, now: float) -> None:
        """Let go of what is over."""
        if now < self.slides_at:
            return
        everything, over = self._sent, now - WINDOW
        first = len(everything) - self.requests
        while first < len(everything) and everything[first].at <= over:
            self.tokens -= everything[first].tokens
            first += 1
        self.requests = len(everything) - first
        self.slides_at = everything[first].at + WINDOW if self.requests else math.inf
        self._over = max(self._over, over)
        if 2 * first >= len(everything):
            del everything[:first]

    def sent(self) -> list[Sent]:
        """What is within it, the oldest first."""
        return self._sent[len(self._sent) - self.requests :]

    def begin_with(self, requests: int, tokens: int, at: float) -> None:
        """So many requests of another process were sent before all others."""
        earlier = [Sent(at, tokens, ""), *(Sent(at, 0, "") for _ in range(requests - 1))]
        self._sent[:] = earlier + self.sent()
        self.requests += requests
        self.tokens += tokens
        self.slides_at = at + WINDOW

    def last_at(self) -> float:
        """When the last request was sent, also one that has left it; infinitely long ago if that is forgotten."""
        return self._sent[-1].at if self._sent else -math.inf

    def below_requests(self, limit: int) -> float:
        """The Unix time from which fewer than `limit` requests are within it; in the past if they are now."""
        return self._sent[-limit].at + WINDOW if self.requests >= limit else -math.inf

    def below_tokens(self, limit: int) -> float:
        """The Unix time from which no more than `limit` tokens are within it, or nothing is; in the past if so now."""
        over = self.tokens - limit
        if over <= 0 or not self.requests:
            return -math.inf
        for sent in self.sent():
            over -= sent.tokens
            if over <= 0:
                return sent.at + WINDOW
        return self.last_at() + WINDOW

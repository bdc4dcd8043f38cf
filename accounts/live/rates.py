"""Requests and tokens a second, over the last few seconds, from what each process has counted in all."""

from collections import deque

_SECONDS = 5.0


class Rates:
    """The counts of every process, as they were told."""

    def __init__(self) -> None:
        self._told: dict[str, deque[tuple[float, int, int]]] = {}

    def add(self, process: str, now: float, requests: int, tokens: int) -> None:
        """At `now` (monotonic seconds) a process had counted so many in all."""
        told = self._told.setdefault(process, deque())
        told.append((now, requests, tokens))
        # The newest that is old enough stays: it is where the seconds begin.
        while len(told) > 1 and told[1][0] < now - _SECONDS:
            told.popleft()

    def a_second(self, now: float) -> tuple[float, float]:
        """(requests, tokens) a second, of all processes that told something lately."""
        requests = tokens = 0.0
        for process, told in list(self._told.items()):
            if told[-1][0] < now - _SECONDS:
                del self._told[process]
                continue
            (began, requests_before, tokens_before), (_, requests_now, tokens_now) = told[0], told[-1]
            seconds = max(now - began, 1.0)
            requests += max(0, requests_now - requests_before) / seconds
            # Estimates give way to Gemini's counts, so that a sum may shrink.
            tokens += max(0, tokens_now - tokens_before) / seconds
        return requests, tokens

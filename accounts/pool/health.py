"""What is wrong with a model or with our address, rather than with a key."""

from collections import deque

_FAILURES_IN_A_ROW = 3
_FIRST_REST = 5.0
_LONGEST_REST = 60.0
_BREAKER_DOMAINS = 3
_BREAKER_WINDOW = 5.0
_BREAKER_REST = 10.0


class ModelHealth:
    """A model that fails again and again rests for a while; then one request at a time tries it."""

    __slots__ = ("_in_a_row", "_rest", "rests_until")

    def __init__(self) -> None:
        self._in_a_row = 0
        self._rest = _FIRST_REST
        self.rests_until = 0.0

    def went_wrong(self, now: float) -> None:
        """It was overloaded, broken or too slow: the third time in a row it rests, and twice as long each time after."""
        self._in_a_row += 1
        if self._in_a_row >= _FAILURES_IN_A_ROW and now >= self.rests_until:
            self.rests_until = now + self._rest
            self._rest = min(_LONGEST_REST, 2 * self._rest)

    def went_well(self) -> None:
        """It answered."""
        self._in_a_row = 0
        self._rest = _FIRST_REST
        self.rests_until = 0.0


class Breaker:
    """Opens when several quota domains are refused at once without a quota's name: then it is our address, not them."""

    def __init__(self) -> None:
        self.open_until = 0.0
        self._refused: deque[tuple[float, str]] = deque()

    def refused(self, domain: str, now: float) -> bool:
        """Note a bare refusal; True when it opens the breaker."""
        self._refused.append((now, domain))
        while self._refused and self._refused[0][0] < now - _BREAKER_WINDOW:
            self._refused.popleft()
        if len({name for _, name in self._refused}) < _BREAKER_DOMAINS or now < self.open_until:
            return False
        self.open_until = now + _BREAKER_REST
        self._refused.clear()
        return True

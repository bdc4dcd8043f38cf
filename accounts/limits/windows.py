"""A window that slides: how much was taken in the last minute, or the last day."""

from collections import deque

MINUTE = (60.0, 120)
DAY = (24 * 60 * 60.0, 144)
"""Seconds of a window, and in how many parts they are counted."""


class Window:
    """Amounts by the part of the window in which they were taken; times are monotonic seconds.

    A part counts until all of it is out of the window, so in no stretch of that length is more taken than allowed,
    wherever it begins. The price is that an amount may count one part longer: half a second, or ten minutes in a day.
    """

    __slots__ = ("_parts", "_step", "_steps", "total")

    def __init__(self, window: tuple[float, int]) -> None:
        seconds, self._steps = window
        self._step = seconds / self._steps
        self._parts: deque[list[int]] = deque()
        self.total = 0
        """What counts, as of the last call of `slide`."""

    def slide(self, now: float) -> int:
        """What counts now."""
        parts = self._parts
        if parts:
            first = int(now // self._step) - self._steps
            while parts and parts[0][0] < first:
                self.total -= parts.popleft()[1]
        return self.total

    def add(self, amount: int, now: float) -> list[int]:
        """Take so much now; the part, for `adjust`."""
        number = int(now // self._step)
        parts = self._parts
        if not parts or parts[-1][0] != number:
            parts.append([number, 0])
        part = parts[-1]
        part[1] += amount
        self.total += amount
        return part

    def adjust(self, part: list[int], change: int) -> None:
        """Take more or less in a part than was said; nothing when that part is over."""
        if self._parts and self._parts[0][0] <= part[0]:
            part[1] += change
            self.total += change

    def put(self, amount: int, age: float, now: float) -> None:
        """Take over what was taken `age` seconds ago, oldest first, before anything is added."""
        self.add(amount, now - age)

    def wait(self, excess: int, now: float) -> float | None:
        """Seconds until `excess` of what counts is out of the window; None when that is more than there is."""
        for number, amount in self._parts:
            excess -= amount
            if excess <= 0:
                return self._end_of(number) - now
        return None

    def reset(self, now: float) -> float:
        """Seconds until nothing of what was taken so far counts."""
        return max(0.0, self._end_of(self._parts[-1][0]) - now) if self._parts else 0.0

    def _end_of(self, number: int) -> float:
        return (number + 1 + self._steps) * self._step

"""A window that slides: how much was taken in the last minute, or the last day."""

import math
from collections import deque

MINUTE = (60.0, 0.5)
DAY = (24 * 60 * 60.0, 600.0)
"""Seconds of a window, and of the parts in which it is counted."""


class Part:
    """What was taken in one part of a window, and the monotonic time at which something was taken last."""

    __slots__ = ("amount", "last", "number")

    def __init__(self, number: float) -> None:
        self.number = number
        self.amount = 0
        self.last = 0.0


class Window:
    """Amounts by the part of the window in which they were taken; times are monotonic seconds.

    A part counts until what was taken last in it is out of the window. So in no stretch of that length is more taken
    than allowed, wherever it begins; the price is that an amount may count half a second longer, or ten minutes in a day.
    """

    __slots__ = ("_next_part_at", "_parts", "_seconds", "_step", "slides_at", "total", "whole_at")

    def __init__(self, window: tuple[float, float]) -> None:
        self._seconds, self._step = window
        self._parts: deque[Part] = deque()
        self._next_part_at = -math.inf
        self.total = 0
        """What counts, as of the last call of `slide`."""
        self.slides_at = math.inf
        """Before this time there is nothing to slide."""
        self.whole_at = -math.inf
        """From this time on nothing counts of what was taken so far."""

    def slide(self, now: float) -> int:
        """What counts now."""
        parts, gone = self._parts, now - self._seconds
        while parts and parts[0].last <= gone:
            self.total -= parts.popleft().amount
        self.slides_at = parts[0].last + self._seconds if parts else math.inf
        return self.total

    def add(self, amount: int, now: float) -> Part:
        """Take so much now; the part, for `adjust`. Times never go back from one call to the next."""
        if now >= self._next_part_at:
            self._begin_part(now)
        part = self._parts[-1]
        part.amount += amount
        part.last = now
        self.whole_at = now + self._seconds
        self.total += amount
        return part

    def _begin_part(self, now: float) -> None:
        number = now // self._step
        if not self._parts:
            self.slides_at = now + self._seconds
        self._parts.append(Part(number))
        self._next_part_at = (number + 1) * self._step

    def adjust(self, part: Part, change: int) -> None:
        """Take more or less in a part than was said; nothing when that part is over."""
        if self._parts and self._parts[0].number <= part.number:
            part.amount += change
            self.total += change

    def wait(self, excess: int, now: float) -> float | None:
        """Seconds until `excess` of what counts is out of the window; None when that is more than there is."""
        for part in self._parts:
            excess -= part.amount
            if excess <= 0:
                return part.last + self._seconds - now
        return None

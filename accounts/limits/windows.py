"""A window that slides: how much was taken in the last minute, or the last day."""

import math

MINUTE = (60.0, 0.5)
DAY = (24 * 60 * 60.0, 600.0)
"""Seconds of a window, and of the parts in which it is counted."""


class Part:
    """What was taken in a part of a window that is over, and the monotonic time from which it does not count any more."""

    __slots__ = ("amount", "leaves_at")

    def __init__(self, amount: int, leaves_at: float) -> None:
        self.amount = amount
        self.leaves_at = leaves_at


class Window:
    """Amounts by the part of the window in which they were taken; times are monotonic seconds and never go back.

    A part counts until what was taken last in it is out of the window. So in no stretch of that length is more taken
    than allowed, wherever it begins; the price is that an amount may count half a second longer, or ten minutes in a day.
    Of the part that is not over there is no object: it has what the others have not.
    """

    __slots__ = ("_began", "_over", "_parts", "_seconds", "_step", "slides_at", "total", "whole_at")

    def __init__(self, window: tuple[float, float]) -> None:
        self._seconds, self._step = window
        self._parts: dict[float, Part] = {}
        """Those that are over, by the time they began, the oldest first."""
        self._over = 0
        """What counts of them."""
        self._began = -math.inf
        """When the part began that is not over."""
        self.total = 0
        """What counts, as of the last call of `slide`."""
        self.slides_at = -math.inf
        """From this time on it must `slide` before it is looked at or added to."""
        self.whole_at = -math.inf
        """From this time on nothing counts of what was taken so far."""

    def slide(self, now: float) -> None:
        """Begin the part of now, and let go of those that do not count any more."""
        began = self._beginning(now)
        if began > self._began:
            if self.whole_at >= self._began + self._seconds:
                self._parts[self._began] = Part(self.total - self._over, self.whole_at)
                self._over = self.total
            self._began = began
        self.slides_at = self._began + self._step
        while self._parts:
            began, oldest = next(iter(self._parts.items()))
            if oldest.leaves_at > now:
                self.slides_at = min(self.slides_at, oldest.leaves_at)
                return
            del self._parts[began]
            self._over -= oldest.amount
            self.total -= oldest.amount

    def add(self, amount: int, now: float) -> None:
        """Take so much now."""
        self.total += amount
        self.whole_at = now + self._seconds

    def settle(self, at: float, reserved: int, used: int) -> None:
        """Put what was used in place of what was added at that time; nothing when that is out of the window."""
        change = used - reserved
        if at >= self._began:
            self.total += change
        elif part := self._parts.get(self._beginning(at)):
            part.amount += change
            self._over += change
            self.total += change

    def wait(self, excess: int, now: float) -> float | None:
        """Seconds until `excess` of what counts is out of the window; None when that is more than there is."""
        if excess > self.total:
            return None
        for part in self._parts.values():
            excess -= part.amount
            if excess <= 0:
                return part.leaves_at - now
        return self.whole_at - now

    def _beginning(self, at: float) -> float:
        """When the part began that has this time."""
        return at // self._step * self._step

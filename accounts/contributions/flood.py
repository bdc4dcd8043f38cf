"""Flood gates: how often one address, and all together, may come. Addresses are counted by a salted hash, in memory only.

The salt is made anew each day and never written down; what was counted under the old one goes with it.
"""

import hashlib
import secrets
import time
from collections import deque
from threading import Lock

from django.conf import settings

DAY = 24 * 60 * 60.0
HOUR = 60 * 60.0


class FloodGate:
    """Lets so many through: each address `per_address` in a day, all together `in_total` in an hour."""

    def __init__(self, per_address: str, in_total: str) -> None:
        """Both by the names of the settings that hold the numbers."""
        self._per_address = per_address
        self._in_total = in_total
        self._lock = Lock()
        self.reopen()

    def reopen(self) -> None:
        """Forget every count and take a new salt."""
        self._salt = secrets.token_bytes(32)
        self._salted = time.monotonic()
        self._by_address: dict[bytes, deque[float]] = {}
        self._all: deque[float] = deque()

    def wait(self, address: str) -> float:
        """Count one coming of an address; 0.0, or the seconds after which it may come again (then it is not counted)."""
        now = time.monotonic()
        with self._lock:
            if now - self._salted >= DAY:
                self.reopen()
            name = hashlib.blake2b(address.encode(), key=self._salt, digest_size=16).digest()
            own = self._by_address.get(name) or deque()
            wait = max(
                _full_for(own, getattr(settings, self._per_address), DAY, now),
                _full_for(self._all, getattr(settings, self._in_total), HOUR, now),
            )
            if not wait:
                own.append(now)
                self._all.append(now)
                self._by_address[name] = own
            return wait


def _full_for(times: deque[float], limit: int, seconds: float, now: float) -> float:
    """How long a window is full; what has slid out of it is dropped."""
    while times and times[0] <= now - seconds:
        times.popleft()
    return times[len(times) - limit] + seconds - now if len(times) >= limit else 0.0


contributions = FloodGate("CONTRIBUTIONS_PER_ADDRESS", "CONTRIBUTIONS_PER_HOUR")

"""A house under load while something that it stands on is frozen, and a while before and after."""

import time
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import NamedTuple

from tests.crash.house import House, Load
from tests.live.gateway import eventually

PATIENCE = 2.0
"""Seconds: nobody waits longer for an answer or the contract's error."""


class Frost(NamedTuple):
    """What the clients got before, during and after."""

    before: Counter[int]
    during: Counter[int]
    after: Counter[int]
    usual: float
    """Seconds of the slowest answer before: how busy the machine is."""
    slowest: float
    back_after: float
    """Seconds from the thaw to the first answer, when not all were answered before."""

    @property
    def in_time(self) -> bool:
        """Nobody waited longer than a client's patience, and what the machine itself takes."""
        return self.slowest < PATIENCE + self.usual

    def __str__(self) -> str:
        return (
            f"before {dict(self.before)}, frozen {dict(self.during)}, after {dict(self.after)}; "
            f"the slowest took {self.slowest:.2f} s; answered {self.back_after:.2f} s after the thaw"
        )


def under_frost(house: House, frost: Callable[[], AbstractContextManager[None]], seconds: float) -> Frost:
    """Start, load, freeze, thaw, stop."""
    house.start()
    marks: list[tuple[float, int]] = []

    def happening(load: Load) -> None:
        assert eventually(lambda: load.statuses[200] > 20, seconds=30), load.statuses
        marks.append((time.monotonic(), len(load.sent)))
        with frost():
            time.sleep(seconds)
            marks.append((time.monotonic(), len(load.sent)))
        assert eventually(lambda: sum(sent.status == 200 for sent in load.sent[marks[1][1] :]) > 20, seconds=30)

    load = house.under_load(happening)
    (_, begin), (thawed, end) = marks
    house.stop()
    answered_after = [sent.at for sent in load.sent[end:] if sent.status == 200]
    return Frost(
        *(Counter(sent.status for sent in part) for part in (load.sent[:begin], load.sent[begin:end], load.sent[end:])),
        usual=max(sent.seconds for sent in load.sent[:begin]),
        slowest=load.slowest,
        back_after=max(0.0, min(answered_after) - thawed),
    )

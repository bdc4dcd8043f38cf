"""Who a key belongs to and how it behaves, read from its own text so that a test needs no set-up.

`sim-PROJECT-anything` is a working key of that project. Between `sim-` and the project may stand `paid` and any
faults: `sim-paid-alpha-1`, `sim-dead-alpha-2`, `sim-slow-500-alpha-3`, `sim-exhausted-day-beta`. Every other text is
a working free key with a project of its own.
"""

from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256

from compat.simulator.faults import ANSWERS, FAULTS, WITH_ARGUMENT, Fault


@dataclass(frozen=True, slots=True)
class Key:
    """One key as the simulator sees it; quotas belong to its project."""

    text: str = field(repr=False)
    project: str
    paid: bool = False
    faults: tuple[Fault, ...] = ()

    @property
    def project_number(self) -> str:
        """Twelve digits, as Google numbers projects."""
        return str(int(sha256(self.project.encode()).hexdigest()[:12], 16))[:12].zfill(12)


@lru_cache(maxsize=65_536)
def read_key(text: str) -> Key:
    """The key that text stands for."""
    if not text.startswith("sim-"):
        return Key(text, project="own-" + sha256(text.encode()).hexdigest()[:10])
    words = text.split("-")[1:]
    paid = False
    faults: list[Fault] = []
    while words:
        if words[0] in {"paid", "free"}:
            paid = words.pop(0) == "paid" or paid
        elif (fault := _take_fault(words)) is not None:
            faults.append(fault)
        else:
            break
    return Key(text, project=words[0] if words and words[0] else "shared", paid=paid, faults=tuple(faults))


def _take_fault(words: list[str]) -> Fault | None:
    """The fault the words begin with, taken off them; a number after it is its argument."""
    for length in (2, 1):
        name = "-".join(words[:length])
        if len(words) < length or name not in FAULTS:
            continue
        del words[:length]
        takes_one = name in WITH_ARGUMENT and words
        if takes_one and (words[0].isdigit() or (name in ANSWERS and words[0].isupper())):
            return Fault(name, words.pop(0))
        return Fault(name)
    return None

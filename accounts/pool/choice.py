"""Which key: a pure function of facts and time."""

import random
from collections.abc import Callable, Collection, Sequence

from accounts.pool.facts import PooledKey

Ready = Callable[[PooledKey], bool]

# Two of many drawn by chance, the less used of them taken, is nearly as even as asking all, at a fixed price.
_DRAWS = 2
_ROUNDS = 8


def choose(
    keys: Sequence[PooledKey], tried: Collection[PooledKey], ready: Ready, rng: random.Random
) -> PooledKey | None:
    """The less used of two ready keys drawn by chance; None when no key outside `tried` is ready.

    In a large pool that mostly rests the draws may miss: then every key is looked at.
    """
    if len(keys) > _DRAWS * _ROUNDS:
        for _ in range(_ROUNDS):
            drawn = [key for key in rng.sample(keys, _DRAWS) if key not in tried and ready(key)]
            if drawn:
                return _least_used(drawn)
    usable = [key for key in keys if key not in tried and ready(key)]
    if len(usable) > _DRAWS and len(keys) > _DRAWS * _ROUNDS:
        usable = rng.sample(usable, _DRAWS)
    else:
        rng.shuffle(usable)
    return _least_used(usable) if usable else None


def _least_used(keys: Sequence[PooledKey]) -> PooledKey:
    return min(keys, key=lambda key: key.leases)

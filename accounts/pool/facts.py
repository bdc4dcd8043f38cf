"""What the pool knows at hand of a contributed key and its quota domain, and what it gives out."""

from collections.abc import Collection
from fnmatch import fnmatchcase
from typing import NamedTuple
from uuid import UUID

import msgspec

from accounts.pool.ledger import Ledger
from accounts.pool.minute import Sent
from accounts.secret import Secret


class Caps(NamedTuple):
    """What a contributor allows of a key; the default allows everything."""

    paused: bool = False
    keep_share: float = 0.0
    """The share of the daily quota (0 to 0.9) that the contributor keeps."""
    models: tuple[str, ...] = ()
    """Patterns of the models it may be used for; empty: all."""
    hours: frozenset[int] = frozenset()
    """Hours of the day (UTC) in which it may be used; empty: all."""

    def allow(self, model: str, hour: int | None) -> bool:
        """True when the key may be used for the model in that hour, or (None) in some hour."""
        return (
            not self.paused
            and (not self.hours or hour is None or hour in self.hours)
            and (not self.models or any(fnmatchcase(model, pattern) for pattern in self.models))
        )


EVERYTHING = Caps()


class PooledKey:
    """A key that may be leased: a copy of its row's facts. A newer copy of the same row is the same key."""

    __slots__ = ("_hash", "caps", "domain", "id", "paid", "quarantined", "secret")

    def __init__(
        self,
        key_id: UUID,
        secret: Secret,
        domain: str,
        *,
        paid: bool,
        caps: Caps = EVERYTHING,
        quarantined: bool = False,
    ) -> None:
        self.id = key_id
        self._hash = hash(key_id)
        self.secret = secret
        self.domain = domain
        self.paid = paid
        self.caps = caps
        self.quarantined = quarantined

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PooledKey) and other.id == self.id

    def __hash__(self) -> int:
        return self._hash


class Domain:
    """A quota domain: a Google project and the keys of it that are here. Its keys share one quota and multiply nothing."""

    __slots__ = ("is_open", "is_proved", "keep_share", "keys", "name", "paid")

    def __init__(self, name: str, keys: list[PooledKey]) -> None:
        self.name = name
        self.keys = keys
        self.paid = any(key.paid for key in keys)
        self.keep_share = max(key.caps.keep_share for key in keys)
        self.is_proved = not all(key.quarantined for key in keys)
        """A domain whose keys have all still to prove themselves is asked now and then, not in turn."""
        self.is_open = all(key.caps == EVERYTHING for key in keys)
        """Whether its contributors allow everything."""

    def may_serve(self, model: str, at: float | None = None) -> bool:
        """True when some key of it is allowed to be used for the model, at that Unix time or in some hour."""
        return self.is_open or any(key.caps.allow(model, None if at is None else _hour(at)) for key in self.keys)

    def usable(self, model: str, at: float, tried: Collection[PooledKey]) -> list[PooledKey]:
        """Its keys that the contributor allows for this model at that Unix time and that are not among `tried`."""
        if self.is_open and not tried:
            return self.keys
        return [key for key in self.keys if key not in tried and key.caps.allow(model, _hour(at))]


def _hour(at: float) -> int:
    """The hour of the day (UTC) at a Unix time."""
    return int(at // 3600) % 24


class Lease(msgspec.Struct, eq=False, frozen=True):
    """One key for one attempt with one model. It must be given back in every ending."""

    key: PooledKey
    model: str
    tokens: int
    """Input tokens reserved for it."""
    at: float
    """Unix time of the reservation."""
    day: int
    """The number of the Pacific day whose quota it uses."""
    id: str
    """Its name in the ledgers that several processes share; "" where this one is alone."""
    ledger: Ledger
    """Where it was reserved,"""
    sent: Sent
    """and as what."""

    @property
    def secret(self) -> str:
        """The key's text, for the header of the call and nothing else."""
        return self.key.secret.reveal()


class Exhausted(NamedTuple):
    """No key may be leased now. `wait` is the seconds until the soonest may, None when none ever will by itself."""

    wait: float | None

"""What the pool knows at hand of a contributed key, and what it gives out."""

from typing import NamedTuple
from uuid import UUID

from accounts.secret import Secret


class PooledKey:
    """A key that may be leased: a copy of its row's facts, and how often it is out just now."""

    __slots__ = ("domain", "id", "leases", "paid", "secret")

    def __init__(self, key_id: UUID, secret: Secret, domain: str, *, paid: bool) -> None:
        self.id = key_id
        self.secret = secret
        self.domain = domain
        self.paid = paid
        self.leases = 0
        """All leases so far, those that are out included: the pool asks the least used first."""


class Lease(NamedTuple):
    """One key for one attempt with one model. It must be given back in every ending."""

    key: PooledKey
    model: str

    @property
    def secret(self) -> str:
        """The key's text, for the header of the call and nothing else."""
        return self.key.secret.reveal()


class Exhausted(NamedTuple):
    """No key may be leased now. `wait` is the seconds until the soonest may, None when none ever will by itself."""

    wait: float | None

"""Work that nobody waits for: it stands in no line, and takes what the pool has to spare."""

import asyncio
from collections.abc import Sequence

from accounts import pool
from accounts.pool import Lease
from compat.relay import copies
from compat.relay.line import is_anybody_waiting

_LOOK_AGAIN_SECONDS = 1.0
# So long a project that holds copies is waited for, before another one gets copies of its own.
_HOLDER_SECONDS = 60.0


async def spare_slot(models: Sequence[str], tokens: int, files: copies.Files) -> Lease:
    """A lease for one of the models, waited for as long as it takes. Raises what the database raises, before the first.

    Where `files` are named, it is of a project that holds copies of them, if one has something to spare within a minute.
    """
    if not files:
        return await _slot(models, tokens)
    affinity, patient_until = copies.affinity(files), pool.now() + _HOLDER_SECONDS
    while True:
        lease = await _slot(models, tokens, affinity, await copies.holders(files))
        # Another line may have got one meanwhile.
        holders = copies.known_holders(files)
        if not holders or lease.key.domain in holders or pool.now() >= patient_until:
            copies.expect(files, lease.key.domain)
            return lease
        pool.refund(lease)
        await asyncio.sleep(_LOOK_AGAIN_SECONDS)


async def _slot(models: Sequence[str], tokens: int, affinity: int | None = None, holders: Sequence[str] = ()) -> Lease:
    while True:
        await pool.ready()
        if not is_anybody_waiting(models):
            for model in models:
                lease = await pool.lease(model, (), tokens, affinity, spare=True, holders=holders)
                if isinstance(lease, Lease):
                    return lease
        await asyncio.sleep(_LOOK_AGAIN_SECONDS)

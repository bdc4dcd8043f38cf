"""Work that nobody waits for: it stands in no line, and takes what the pool has to spare."""

import asyncio
from collections.abc import Sequence

from accounts import pool
from accounts.pool import Lease
from compat.relay.line import is_anybody_waiting

_LOOK_AGAIN_SECONDS = 1.0


async def spare_slot(models: Sequence[str], tokens: int) -> Lease:
    """A lease for one of the models, waited for as long as it takes. Raises what the database raises, before the first."""
    while True:
        await pool.ready()
        if not is_anybody_waiting(models):
            for model in models:
                lease = await pool.lease(model, (), tokens, spare=True)
                if isinstance(lease, Lease):
                    return lease
        await asyncio.sleep(_LOOK_AGAIN_SECONDS)

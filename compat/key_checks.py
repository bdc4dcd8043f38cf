"""Checks of contributed keys: is one good? Asked by a model list, which costs its project nothing."""

import asyncio
from collections.abc import Sequence
from uuid import UUID

from django.conf import settings

from accounts.contributing import GOOD, disable_key
from accounts.models import ContributedKey
from accounts.sealing import Unsealable, unseal
from compat.gemini.client import GeminiClient
from compat.gemini.failures import Blame, Failure, GeminiFailure
from compat.relay.upstream import new_client

_AT_ONCE = 20
_SECONDS = 10.0

NO_ANSWER = "no answer"
UNSEALABLE = "cannot be unsealed"
ELSEWHERE = "belongs to another upstream"


def check_keys(keys: Sequence[ContributedKey]) -> dict[UUID, str]:
    """A verdict for each key: `good`, the name of the failure, or why it could not be asked.

    A key that the upstream refuses for good is disabled with that name as the reason, and with it the other keys of
    its project where the project is at fault. Blocks; not for an event loop's thread.
    """
    found = asyncio.run(_ask_all(keys))
    for key in keys:
        verdict = found[key.pk]
        if isinstance(verdict, Failure) and verdict.disables:
            _disable(key, verdict)
    return {key_id: verdict.name if isinstance(verdict, Failure) else verdict for key_id, verdict in found.items()}


async def _ask_all(keys: Sequence[ContributedKey]) -> dict[UUID, str | Failure]:
    client, room = new_client(), asyncio.Semaphore(_AT_ONCE)

    async def ask(key: ContributedKey) -> str | Failure:
        async with room:
            return await _ask(client, key)

    try:
        verdicts = await asyncio.gather(*(ask(key) for key in keys))
    finally:
        await client.close()
    return dict(zip((key.pk for key in keys), verdicts, strict=True))


async def _ask(client: GeminiClient, key: ContributedKey) -> str | Failure:
    if (key.upstream == ContributedKey.Upstream.SIMULATOR) != settings.SIMULATOR:
        return ELSEWHERE
    try:
        secret = unseal(key.pk, key.ciphertext)
    except Unsealable:
        return UNSEALABLE
    try:
        async with asyncio.timeout(_SECONDS):
            await client.models(secret.reveal())
    except TimeoutError:
        return NO_ANSWER
    except GeminiFailure as failure:
        # A key whose quota is used up is a good key.
        return GOOD if failure.failure.blame is Blame.QUOTA else failure.failure
    return GOOD


def _disable(key: ContributedKey, failure: Failure) -> None:
    disable_key(key, failure.name)
    if failure.blame is Blame.PROJECT and key.project:
        states = (ContributedKey.State.ACTIVE, ContributedKey.State.SUSPECTED, ContributedKey.State.WAITING)
        for other in ContributedKey.objects.filter(project=key.project, state__in=states):
            disable_key(other, failure.name)

"""The stored files that one call names: they are in the project that is asked before its model is."""

import asyncio
from collections.abc import Awaitable
from typing import Any

from accounts.pool import Lease
from accounts.remembered_settings import settings
from compat.gemini.failures import UPLOAD_TOO_SLOW, Facts, GeminiFailure, of_upload
from compat.relay import copies
from compat.translation.stored_files import named_ahead, put_addresses


class NamedFiles:
    """The files of one call, and what is left of the time in which they may be uploaded, of all its attempts together."""

    def __init__(self, files: copies.Files) -> None:
        self._files = files
        self._seconds = settings.FIRST_BYTE_SECONDS
        self.affinity = copies.affinity(files)
        """Who names the same files meets the same project, for that has them or soon will."""

    def holders(self) -> Awaitable[list[str]]:
        """The quota domains that hold copies, see copies.holders."""
        return copies.holders(self._files)

    async def addressed(self, body: dict[str, Any], lease: Lease) -> dict[str, Any]:
        """The body with the addresses of copies in the project of the lease; what is not there is uploaded first.

        Raises GeminiFailure, also for an upload that takes too long, and NotFound for a file that was deleted.
        """
        time = asyncio.get_running_loop().time
        started = time()
        try:
            async with asyncio.timeout(self._seconds):
                addresses = await copies.hold(lease.key, named_ahead(body), self._files)
        except GeminiFailure as found:
            raise of_upload(found) from None
        except TimeoutError:
            raise GeminiFailure(UPLOAD_TOO_SLOW, Facts(504)) from None
        finally:
            self._seconds -= time() - started
        addressed: dict[str, Any] = put_addresses(body, addresses)
        return addressed

    def lost(self, lease: Lease, found: GeminiFailure) -> None:
        """The project of the lease does not hold a copy that it was to hold."""
        copies.lost(lease.key.domain, self._files, found.facts.text)

"""The Gemini client of each event loop: made late, kept for good."""

import asyncio
from weakref import WeakKeyDictionary

from django.conf import settings

from compat.gemini.client import GeminiClient, Limits

_clients: "WeakKeyDictionary[asyncio.AbstractEventLoop, GeminiClient]" = WeakKeyDictionary()


def gemini() -> GeminiClient:
    """This event loop's client (a client belongs to the loop it was made in)."""
    loop = asyncio.get_running_loop()
    client = _clients.get(loop)
    if client is None:
        client = _clients[loop] = new_client()
    return client


def new_client() -> GeminiClient:
    """A client for the upstream of the settings."""
    return GeminiClient(
        settings.GEMINI_BASE_URL,
        Limits(settings.CONNECT_SECONDS, settings.FIRST_BYTE_SECONDS, settings.IDLE_SECONDS, settings.TOTAL_SECONDS),
    )

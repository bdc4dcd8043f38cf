"""The upstream's address, and the connections that are kept to it: made when they are needed, used again, dropped when old."""

import asyncio
import ssl
from urllib.parse import urlsplit

import certifi

from compat.gemini.connection import Connection, Idle
from compat.gemini.failures import UNREACHABLE, Facts, GeminiFailure, failure_of


class Origin:
    """One upstream, seen from one event loop. Proxies of the environment are not asked and redirects not followed."""

    def __init__(self, base_url: str, connect_seconds: float) -> None:
        parts = urlsplit(base_url)
        authority = parts.netloc.rpartition("@")[2]
        self.prefix = parts.path.rstrip("/")
        self._headers = f" HTTP/1.1\r\nhost: {authority}\r\nuser-agent: gemini-tumbler\r\naccept-encoding: identity"
        """What follows the target in the head of every request."""
        self._loop = asyncio.get_running_loop()
        self._host = parts.hostname or ""
        self._tls = _context() if parts.scheme == "https" else None
        self._port = parts.port or (443 if self._tls else 80)
        self._connect_seconds = connect_seconds
        self._idle: Idle = {}

    async def connect(self) -> Connection:
        """A connection on which nothing is under way, the one used last if there is any. Raises GeminiFailure."""
        return self._kept() or await self._open()

    def head(self, method: str, target: str, key: str, further: str) -> bytes:
        """The head of a request; `further` are more lines, each with its end. Without a key none is sent.

        Raises GeminiFailure for a key that is none: it must not write lines of its own.
        """
        if not (key.isascii() and key.isprintable()):
            raise failure_of(401, b"")
        sent = f"{self._headers}\r\nx-goog-api-key: {key}" if key else self._headers
        return f"{method} {self.prefix}{target}{sent}\r\n{further}\r\n".encode("ascii")

    async def call(self, head: bytes, body: bytes, seconds: float) -> bytes:
        """What a good answer brings. Raises GeminiFailure."""
        connection = self._kept() or await self._open()
        try:
            connection.ask(head, body, total=seconds)
            return await connection.answer()
        finally:
            connection.end()

    def close(self) -> None:
        """Close every connection on which nothing is under way."""
        for connection in self._idle:
            connection.transport.abort()
        self._idle.clear()

    def _kept(self) -> Connection | None:
        while self._idle:
            connection, _ = self._idle.popitem()
            if not connection.transport.is_closing():
                return connection
        return None

    async def _open(self) -> Connection:
        # Raised outside of the except block: a failure must not carry the network's error, whose text names addresses.
        try:
            async with asyncio.timeout(self._connect_seconds):
                _, connection = await self._loop.create_connection(
                    lambda: Connection(self._idle), self._host, self._port, ssl=self._tls
                )
        except (OSError, TimeoutError, UnicodeError):
            connection = None
        if connection is None:
            raise GeminiFailure(UNREACHABLE, Facts(502))
        return connection


def _context() -> ssl.SSLContext:
    """What certificates are trusted: those of this machine, and Mozilla's for machines that have none."""
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    context.set_alpn_protocols(["http/1.1"])
    return context

"""The only module that talks to Gemini on the way of a request: one long-lived client, and its errors as failures."""

import asyncio
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any, NamedTuple
from urllib.parse import quote

import msgspec
from pyreqwest.client import Client, ClientBuilder
from pyreqwest.exceptions import (
    ConnectError,
    ConnectTimeoutError,
    PyreqwestError,
    RequestTimeoutError,
)

from compat.gemini.failures import (
    CUT_OFF,
    NONSENSE,
    TOO_LARGE,
    TOO_SLOW,
    UNREACHABLE,
    Facts,
    GeminiFailure,
    failure_from_error,
    failure_of,
)
from compat.gemini.sse import EventReader, EventTooLarge
from compat.schemas.gemini import EmbeddingReply, ModelList, Reply

_MAX_REPLY_BYTES = 32 * 1024 * 1024
_NOT_A_REPLY = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_decode_reply = msgspec.json.Decoder(Reply).decode
_decode_embeddings = msgspec.json.Decoder(EmbeddingReply).decode
_decode_models = msgspec.json.Decoder(ModelList).decode


class Limits(NamedTuple):
    """How long to wait, in seconds."""

    connect: float
    first_byte: float
    idle: float
    total: float


class GeminiClient:
    """Calls to one upstream. It belongs to the event loop it was made in.

    Redirects, environment proxies, compression and HTTP/2 are off: a key must not follow a redirect, and a small body
    must not unfold into a large one.
    """

    def __init__(self, base_url: str, limits: Limits) -> None:
        self._base = f"{base_url}/v1beta/models"
        self._limits = limits
        self._client = _build(limits)

    async def generate(self, model: str, key: str, body: bytes) -> Reply:
        """The whole answer to generateContent. Raises GeminiFailure."""
        payload = await self._post(f"{self._base}/{quote(model, safe='')}:generateContent", key, body)
        return _reply(payload)

    async def embed(self, model: str, key: str, body: bytes) -> EmbeddingReply:
        """The vectors of batchEmbedContents. Raises GeminiFailure."""
        payload = await self._post(f"{self._base}/{quote(model, safe='')}:batchEmbedContents", key, body)
        try:
            return _decode_embeddings(payload)
        except _NOT_A_REPLY:
            raise GeminiFailure(NONSENSE, Facts(200)) from None

    async def models(self, key: str) -> ModelList:
        """Every model that the key is offered; a call that costs no quota. Raises GeminiFailure."""
        request = self._client.get(f"{self._base}?pageSize=1000").header("x-goog-api-key", key, is_sensitive=True)
        payload = await self._whole(request, self._limits.idle)
        try:
            return _decode_models(payload)
        except _NOT_A_REPLY:
            raise GeminiFailure(NONSENSE, Facts(200)) from None

    def stream(self, model: str, key: str, body: bytes) -> "ReplyStream":
        """The replies of streamGenerateContent, not asked for yet."""
        url = f"{self._base}/{quote(model, safe='')}:streamGenerateContent?alt=sse"
        # Without it pyreqwest reads up to 64 KiB before it gives the response: most answers would come in one piece.
        request = self._prepare(url, key, body).streamed_read_buffer_limit(0).build_streamed()
        return ReplyStream(request, self._limits)

    async def close(self) -> None:
        """Close every connection."""
        await self._client.close()

    async def _post(self, url: str, key: str, body: bytes) -> bytes:
        return await self._whole(self._prepare(url, key, body), self._limits.first_byte)

    async def _whole(self, request: Any, seconds: float) -> bytes:
        # Raised outside of the except blocks: a failure must not carry the network's error, whose text names URLs.
        failure: GeminiFailure | None = None
        payload = b""
        try:
            async with asyncio.timeout(seconds), request.build_streamed() as response:
                payload = await _bounded(response)
        except TimeoutError:
            failure = GeminiFailure(TOO_SLOW, Facts(504))
        except PyreqwestError as error:
            failure = _network_failure(error)
        if failure is not None:
            raise failure
        if response.status != 200:
            raise failure_of(response.status, payload)
        return payload

    def _prepare(self, url: str, key: str, body: bytes) -> Any:
        return (
            self._client.post(url)
            .header("x-goog-api-key", key, is_sensitive=True)
            .header("content-type", "application/json")
            .body_bytes(body)
        )


class ReplyStream:
    """One streamed call: `open` it, `read` its replies, `close` it in every ending."""

    def __init__(self, request: Any, limits: Limits) -> None:
        self._request = request
        self._limits = limits
        self._stack = AsyncExitStack()
        self._response: Any = None
        self._events = EventReader()
        self._wait = limits.first_byte
        self._ended = False
        self._failure: GeminiFailure | None = None

    async def open(self) -> "ReplyStream":
        """Send the request and wait for the status. Raises GeminiFailure."""
        failure: GeminiFailure | None = None
        try:
            async with asyncio.timeout(self._limits.first_byte):
                self._response = await self._stack.enter_async_context(self._request)
                if self._response.status != 200:
                    failure = failure_of(self._response.status, await _bounded(self._response))
        except TimeoutError:
            failure = GeminiFailure(TOO_SLOW, Facts(504))
        except PyreqwestError as error:
            failure = _network_failure(error)
        if failure is not None:
            await self._stack.aclose()
            raise failure
        return self

    async def close(self) -> None:
        """Close the call; what Gemini has not sent yet is not generated."""
        await self._stack.aclose()

    async def read(self) -> list[Reply] | None:
        """The replies that arrive next, several when they came together; None at the end. Raises GeminiFailure.

        The end alone does not say that the answer is complete: only a finishReason does.
        """
        while not self._ended and self._failure is None:
            data = await self._chunk()
            self._wait = self._limits.idle
            try:
                events = self._events.feed(data) if data is not None else self._events.close()
            except EventTooLarge:
                raise GeminiFailure(TOO_LARGE, Facts(200)) from None
            self._ended = data is None
            replies = self._replies(events)
            if replies:
                return replies
        if self._failure is not None:
            raise self._failure
        return None

    def _replies(self, events: list[bytes]) -> list[Reply]:
        """The replies up to the first that fails: what came before a failure is still the client's."""
        replies: list[Reply] = []
        for event in events:
            if not event:
                continue
            try:
                replies.append(_reply(event))
            except GeminiFailure as failure:
                self._failure = failure
                break
        return replies

    async def _chunk(self) -> bytes | None:
        failure: GeminiFailure | None = None
        try:
            async with asyncio.timeout(self._wait):
                data = await self._response.body_reader.read_chunk()
        except TimeoutError:
            failure = GeminiFailure(TOO_SLOW, Facts(504))
        except PyreqwestError as error:
            failure = _network_failure(error)
        if failure is not None:
            raise failure
        return None if data is None else bytes(data)


def _reply(payload: bytes) -> Reply:
    """The reply in one JSON object, whole or of an event. Raises GeminiFailure for an error object or anything else."""
    try:
        reply = _decode_reply(payload)
    except _NOT_A_REPLY:
        raise GeminiFailure(NONSENSE, Facts(200)) from None
    if reply.error is not None:
        raise failure_from_error(reply.error if isinstance(reply.error, dict) else {}, 200)
    return reply


async def _bounded(response: Any) -> bytes:
    """The body of an answer. Raises GeminiFailure for one that is larger than any reply has reason to be."""
    chunks: list[bytes] = []
    size = 0
    while (chunk := await response.body_reader.read_chunk()) is not None:
        size += len(chunk)
        if size > _MAX_REPLY_BYTES:
            raise GeminiFailure(TOO_LARGE, Facts(200))
        chunks.append(bytes(chunk))
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def _network_failure(error: PyreqwestError) -> GeminiFailure:
    """Ours for pyreqwest's; made anew, because its texts name URLs."""
    if isinstance(error, ConnectTimeoutError | ConnectError):
        return GeminiFailure(UNREACHABLE, Facts(502))
    if isinstance(error, RequestTimeoutError):
        return GeminiFailure(TOO_SLOW, Facts(504))
    return GeminiFailure(CUT_OFF, Facts(502))


def _build(limits: Limits) -> Client:
    return (
        ClientBuilder()
        .follow_redirects(False)
        .no_proxy()
        .http1_only()
        .gzip(False)
        .brotli(False)
        .zstd(False)
        .deflate(False)
        .referer(False)
        .connect_timeout(timedelta(seconds=limits.connect))
        .timeout(timedelta(seconds=limits.total))
        .max_connections(None)
        .pool_max_idle_per_host(256)
        .pool_idle_timeout(timedelta(seconds=60))
        .tcp_nodelay(True)
        .user_agent("gemini-tumbler")
        .default_headers({"accept-encoding": "identity"})
        .build()
    )

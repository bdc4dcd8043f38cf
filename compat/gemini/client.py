"""The only module that talks to Gemini on the way of a request: one long-lived client, and its errors as failures."""

from collections.abc import Awaitable, Callable
from functools import lru_cache
from typing import NamedTuple, TypeVar
from urllib.parse import quote

import msgspec

from compat.gemini.connection import Connection
from compat.gemini.failures import NONSENSE, TOO_LARGE, Facts, GeminiFailure, failure_from_error
from compat.gemini.files import Files
from compat.gemini.origin import Origin
from compat.gemini.sse import EventReader, EventTooLarge
from compat.schemas.gemini import CountReply, EmbeddingReply, ModelList, Reply

T = TypeVar("T", Reply, EmbeddingReply, CountReply)
_JSON_OF = "content-type: application/json\r\ncontent-length: "
_NOT_A_REPLY = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_decode_reply = msgspec.json.Decoder(Reply).decode
_decode_embeddings = msgspec.json.Decoder(EmbeddingReply).decode
_decode_count = msgspec.json.Decoder(CountReply).decode
_decode_models = msgspec.json.Decoder(ModelList).decode


class Limits(NamedTuple):
    """How long to wait, in seconds."""

    connect: float
    first_byte: float
    idle: float
    total: float


class GeminiClient:
    """Calls to one upstream. It belongs to the event loop it was made in.

    Redirects, environment proxies, compression and HTTP/2 are no part of it: a key must not follow a redirect, and a small
    body must not unfold into a large one.
    """

    def __init__(self, base_url: str, limits: Limits) -> None:
        self._origin = Origin(base_url, limits.connect)
        self._limits = limits
        self.files = Files(self._origin, limits.idle, limits.total)

    async def generate(self, model: str, key: str, body: bytes) -> Reply:
        """The whole answer to generateContent. Raises GeminiFailure."""
        return _reply(await self._post(_target(model, "generateContent"), key, body))

    async def embed(self, model: str, key: str, body: bytes) -> EmbeddingReply:
        """The vectors of batchEmbedContents. Raises GeminiFailure."""
        return _read(await self._post(_target(model, "batchEmbedContents"), key, body), _decode_embeddings)

    async def count(self, model: str, key: str, body: bytes) -> CountReply:
        """What countTokens tells of a prompt; a call that costs no quota of generation. Raises GeminiFailure."""
        return _read(await self._post(_target(model, "countTokens"), key, body), _decode_count)

    async def models(self, key: str) -> ModelList:
        """Every model that the key is offered; a call that costs no quota. Raises GeminiFailure."""
        head = self._origin.head("GET", "/v1beta/models?pageSize=1000", key, "")
        payload = await self._origin.call(head, b"", self._limits.idle)
        try:
            return _decode_models(payload)
        except _NOT_A_REPLY:
            raise GeminiFailure(NONSENSE, Facts(200)) from None

    async def stream(self, model: str, key: str, body: bytes) -> "ReplyStream":
        """The replies of streamGenerateContent, once its status is known. Raises GeminiFailure."""
        head = self._head(_target(model, "streamGenerateContent?alt=sse"), key, body)
        connection = await self._origin.connect()
        try:
            connection.ask(head, body, total=self._limits.total, patience=self._limits.first_byte)
            await connection.begun()
            if connection.status != 200:
                # That raises what the refusal says.
                await connection.answer()
        except BaseException:
            connection.end()
            raise
        return ReplyStream(connection, self._limits.idle)

    async def close(self) -> None:
        """Close every connection that is not in use."""
        self._origin.close()

    def _post(self, target: str, key: str, body: bytes) -> Awaitable[bytes]:
        return self._origin.call(self._head(target, key, body), body, self._limits.first_byte)

    def _head(self, target: str, key: str, body: bytes) -> bytes:
        return self._origin.head("POST", target, key, f"{_JSON_OF}{len(body)}\r\n")


class ReplyStream:
    """One streamed call: `read` its replies, `close` it in every ending."""

    def __init__(self, connection: Connection, idle: float) -> None:
        self._connection = connection
        self._idle = idle
        self._events = EventReader()
        self._begun = self._ended = False
        self._failure: GeminiFailure | None = None

    def close(self) -> None:
        """Close the call; what Gemini has not sent yet is not generated."""
        self._connection.end()

    async def read(self) -> list[Reply] | None:
        """The replies that arrive next, several when they came together; None at the end. Raises GeminiFailure.

        The end alone does not say that the answer is complete: only a finishReason does.
        """
        while not self._ended and self._failure is None:
            data = await self._connection.read()
            if not self._begun:
                self._begun = True
                self._connection.be_patient_for(self._idle)
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


@lru_cache(maxsize=1024)
def _target(model: str, act: str) -> str:
    return f"/v1beta/models/{quote(model, safe='')}:{act}"


def _reply(payload: bytes) -> Reply:
    """The reply in one JSON object, whole or of an event. Raises GeminiFailure for an error object or anything else."""
    reply = _read(payload, _decode_reply)
    if reply.error is not None:
        raise failure_from_error(reply.error if isinstance(reply.error, dict) else {}, 200)
    return reply


def _read(payload: bytes, decode: Callable[[bytes], T]) -> T:
    """The struct in a text of JSON, which it keeps. Raises GeminiFailure."""
    try:
        read = decode(payload)
    except _NOT_A_REPLY:
        raise GeminiFailure(NONSENSE, Facts(200)) from None
    read.text = payload
    return read

"""One line of a batch, from the request in it to the line of the output file."""

import asyncio
import math
from typing import Any

import msgspec

from accounts import callers
from accounts.batches import Result
from accounts.callers import Caller
from accounts.metering import NO_COUNTS, TokenCounts
from accounts.models import Batch
from accounts.remembered_settings import settings
from compat.answers import Answer
from compat.asyncview import AsyncAPIView, InBatch
from compat.errors import (
    CompatError,
    InvalidRequest,
    InvalidToken,
    NoUpstreamKey,
    PoolExhausted,
    RateLimited,
    Retryable,
    StorageUnavailable,
    UpstreamUnavailable,
    error_json,
)
from compat.ids import new_hex
from compat.request import LeanRequest
from compat.schemas.batches import BatchLine, BatchOutput, LineError, LineResponse, Ways
from compat.translation.batch_lines import Numbered
from compat.urls import find_view

# What time mends: the line is asked again until the batch expires.
_PASSING = (RateLimited, PoolExhausted, NoUpstreamKey, StorageUnavailable, UpstreamUnavailable)
_TRIES = 3
"""Of a line that Gemini answered with nonsense, or not at all."""
_FIRST_PAUSE, _LONGEST_PAUSE = 2.0, 300.0

_encode = msgspec.json.Encoder().encode
_ways = msgspec.json.Decoder(Ways)


async def answer(batch: Batch, line: Numbered) -> Result:
    """What the line brings. What time mends is waited for, however long: whoever runs the batch knows when it is over."""
    pause, tries, used = _FIRST_PAUSE, 0, NO_COUNTS
    while True:
        request_id, answered, counts = await _ask(batch, line.request)
        used = TokenCounts(*map(sum, zip(used, counts, strict=True)))
        if isinstance(answered, Answer):
            response = LineResponse(answered.status, request_id, msgspec.Raw(answered.body))
            return _result(line, response, None, used)
        tries += not isinstance(answered, _PASSING)
        if _is_final(answered) or tries >= _TRIES:
            response = LineResponse(answered.status, request_id, msgspec.Raw(error_json(answered)))
            return _result(line, response, LineError(answered.code or answered.type, answered.message), used)
        wait = answered.wait if isinstance(answered, Retryable) else None
        await asyncio.sleep(max(pause, wait or 0.0))
        pause = min(2 * pause, _LONGEST_PAUSE)


def unanswered(line: Numbered, code: str, message: str) -> Result:
    """The error of a line that was never answered."""
    return _result(line, None, LineError(code, message))


async def _ask(batch: Batch, line: BatchLine) -> InBatch:
    """What the request was answered, or why it was not."""
    body = bytes(line.body)
    try:
        way = _other_way(body)
        if way:
            raise InvalidRequest(
                f"Lines of a batch have no '{way}': leave it out.", param=way, code="unsupported_value"
            )
        caller = await _caller(batch)
    except CompatError as refused:
        return InBatch(f"req_{new_hex()}", refused)
    view: AsyncAPIView = find_view(line.url)[0].cls()  # type: ignore[attr-defined]
    return await view.answer_in_batch(caller, _request(line.url, body))


def _other_way(body: bytes) -> str:
    """The member that asks to be answered otherwise than by one whole answer; "" when there is none."""
    try:
        asked = _ways.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""  # it will be refused by its own route
    return next((name for name in asked.__struct_fields__ if getattr(asked, name)), "")


async def _caller(batch: Batch) -> Caller:
    """Whose request it is. Raises InvalidToken once the token that made the batch is good no more."""
    caller = None
    if batch.token_id is not None or (batch.open_access and settings.OPEN_ACCESS):
        caller = await callers.caller_in_batch(batch.token_id)
    if caller is None or caller.user_id != batch.user_id:
        raise InvalidToken("The API key that made this batch was revoked or has expired.")
    return caller


def _request(path: str, body: bytes) -> LeanRequest:
    """A request that came by no connection."""
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    scope: dict[str, Any] = {"method": "POST", "path": path, "headers": headers, "query_string": b"", "client": None}

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body}

    return LeanRequest(scope, receive, lambda: None)


def _is_final(error: CompatError) -> bool:
    """True for what no wait will mend: the client's own mistakes, and a budget that is spent."""
    if isinstance(error, Retryable) and error.wait is not None and math.isinf(error.wait):
        return True
    return not isinstance(error, _PASSING) and error.status < 500


def _result(
    line: Numbered, response: LineResponse | None, error: LineError | None, counts: TokenCounts = NO_COUNTS
) -> Result:
    told = BatchOutput(f"batch_req_{new_hex()[:24]}", line.request.custom_id, response, error)
    return Result(line.number, error is None, _encode(told), counts)

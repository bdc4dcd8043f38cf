"""What uvicorn does not check before the app: one Host header, and a body within the limit."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

from tumbler_site.serving.limits import Limits
from tumbler_site.serving.refusals import WRONG_HOST, Refusal, too_large

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]


def guarded(application: Application, limits: Limits) -> Application:
    """`application` behind the checks. Requests that pass them cost one look at their headers, and no coroutine."""

    def guard(scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] != "http":
            return application(scope, receive, send)
        headers = scope["headers"]
        fields = dict(headers)
        if int(fields.get(b"content-length", 0)) > limits.max_body_bytes:
            return _refuse(too_large(limits.max_body_bytes), limits, receive, send)
        if b"host" not in fields or (len(fields) < len(headers) and _hosts(headers) > 1):
            return _refuse(WRONG_HOST, limits, receive, send)
        if b"transfer-encoding" in fields:
            return _counted(application, limits, scope, receive, send)
        return application(scope, receive, send)

    return guard


def _hosts(headers: Iterable[tuple[bytes, bytes]]) -> int:
    return sum(name == b"host" for name, _ in headers)


async def _counted(application: Application, limits: Limits, scope: Scope, receive: Receive, send: Send) -> None:
    """Run the app on a body of unknown length; past the limit it sees a disconnect and the client a 413."""
    most, held, started = limits.max_body_bytes, 0, False

    async def receive_within() -> Message:
        nonlocal held
        if held > most:
            return {"type": "http.disconnect"}
        message = await receive()
        held += len(message.get("body", b""))
        return {"type": "http.disconnect"} if held > most else message

    async def send_within(message: Message) -> None:
        nonlocal started
        if held <= most or started:
            started = True
            await send(message)

    await application(scope, receive_within, send_within)
    if held > most and not started:
        await _refuse(too_large(most), limits, receive, send)


async def _refuse(refusal: Refusal, limits: Limits, receive: Receive, send: Send) -> None:
    """Answer at once, then read past what the client still sends: closing earlier could destroy the answer on its way."""
    headers = [*refusal.begin(), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": refusal.body, "more_body": True})
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(limits.linger_seconds):
            while (await receive()).get("more_body"):
                pass
    await send({"type": "http.response.body", "body": b""})

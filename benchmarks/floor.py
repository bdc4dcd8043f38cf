"""The floor: the least a gateway can do. Bare ASGI, pyreqwest, the same translation; no token, no limits, no
pool, no journal. `uvicorn benchmarks.floor:application`, with GEMINI_BASE_URL naming the upstream."""

import os
import time

import msgspec
from pyreqwest.client import ClientBuilder

from compat.gemini.sse import EventReader
from compat.ids import new_call_id, new_hex
from compat.schemas.chat import ChatRequest
from compat.schemas.gemini import Reply
from compat.translation.chat.choice import Answering
from compat.translation.chat.chunks import ChatChunks
from compat.translation.chat.completion import to_completion
from compat.translation.chat.request import ChatTranslation
from compat.translation.usage import Usage

_MODEL = "gemini-3.8-flash"
_BASE = os.environ["GEMINI_BASE_URL"] + f"/v1beta/models/{_MODEL}"
_chat = msgspec.json.Decoder(ChatRequest).decode
_reply = msgspec.json.Decoder(Reply).decode
_encode = msgspec.json.Encoder().encode
_JSON = [(b"content-type", b"application/json")]
_EVENTS = [(b"content-type", b"text/event-stream")]
_client = None


def _recall(call_id, generation):
    return None


def _remember(call_id, signature):
    pass


async def application(scope, receive, send):
    """One request after another, nothing else."""
    global _client
    if scope["type"] != "http":
        return
    if _client is None:
        _client = ClientBuilder().http1_only().no_proxy().max_connections(None).build()
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    chat = _chat(body)
    translation = ChatTranslation(chat, _recall)
    payload = _encode(translation.to_body(_MODEL, 1))
    answering = Answering(translation.declared, int(time.time()), new_call_id, _remember)
    await (_stream if chat.stream else _whole)(chat, payload, answering, send)


def _request(url, payload):
    return (
        _client.post(url)
        .header("x-goog-api-key", "sim-floor-key")
        .header("content-type", "application/json")
        .body_bytes(payload)
    )


async def _whole(chat, payload, answering, send):
    response = await _request(f"{_BASE}:generateContent", payload).build().send()
    reply = _reply(bytes(await response.bytes()))
    answer = to_completion(new_hex(), chat.model, [(0, reply)], Usage().merged(reply.usageMetadata), answering)
    await send({"type": "http.response.start", "status": 200, "headers": _JSON})
    await send({"type": "http.response.body", "body": answer})


async def _stream(chat, payload, answering, send):
    chunks = ChatChunks(new_hex(), chat.model, 1, answering, include_usage=False)
    events, usage = EventReader(), Usage()
    request = _request(f"{_BASE}:streamGenerateContent?alt=sse", payload)
    # Otherwise the library holds back what comes until there are 64 KiB.
    async with request.streamed_read_buffer_limit(0).build_streamed() as response:
        await send({"type": "http.response.start", "status": 200, "headers": _EVENTS})
        while (data := await response.body_reader.read_chunk()) is not None:
            out = b""
            for event in events.feed(bytes(data)):
                reply = _reply(event)
                usage = usage.merged(reply.usageMetadata)
                out += chunks.read(0, reply)
            if out:
                await send({"type": "http.response.body", "body": out, "more_body": True})
    await send({"type": "http.response.body", "body": chunks.close(usage)})

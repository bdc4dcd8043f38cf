"""A Gemini that answers at once, so that only the gateway in front of it is measured.

`python -m benchmarks.measuring.standin PORT CHUNKS PAUSE`: streams have so many chunks with so many seconds between them. With a
pause of 0 every chunk is a write and a segment of its own all the same: a gateway that finds several may send them together.
A model named `…--7-chunks` says so many instead.
"""

import asyncio
import json
import re
import socket
import sys
from functools import lru_cache
from typing import Any

MODEL = "gemini-3.8-flash"
ANSWER = "Hello! I am doing well, thank you for asking. How can I help you today?"

_COUNTS = {"promptTokenCount": 9, "candidatesTokenCount": 18, "totalTokenCount": 27}
_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_NAMED = re.compile(rb"--(\d+)-chunks:")
_STREAM_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


def chunk_texts(chunks: int) -> list[str]:
    """What a stream says, chunk by chunk."""
    return [f"word {number} of the answer, " for number in range(chunks)]


def _reply(text: str, **more: Any) -> bytes:
    candidate = {"content": {"parts": [{"text": text}], "role": "model"}, "index": 0, **more}
    reply = {"candidates": [candidate], "usageMetadata": _COUNTS, "modelVersion": MODEL, "responseId": "bench-0"}
    return json.dumps(reply).encode()


def _http(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


def _chunked(body: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(body), body)


_WHOLE = _http(_reply(ANSWER, finishReason="STOP"))
_MODELS = _http(json.dumps({"models": [{"name": f"models/{MODEL}"}]}).encode())


class StandIn(asyncio.Protocol):
    """One connection of a gateway."""

    events: list[bytes]
    pause: float
    transport: Any

    def connection_made(self, transport: Any) -> None:
        """Send small segments at once."""
        self.transport = transport
        self.buffer = b""
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def data_received(self, data: bytes) -> None:
        """Answer each request as soon as it is whole; a gateway asks for one at a time on a connection."""
        self.buffer += data
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        length = _LENGTH.search(self.buffer, 0, end)
        if len(self.buffer) < end + 4 + (int(length[1]) if length else 0):
            return
        line, self.buffer = self.buffer[: self.buffer.index(b"\r\n")], b""
        self.answer(line)

    def answer(self, line: bytes) -> None:
        """Write the answer to a request line."""
        if b":streamGenerateContent" in line:
            named = _NAMED.search(line)
            self.transport.write(_STREAM_HEAD)
            self.say(0, events_of(int(named[1])) if named else self.events)
        else:
            self.transport.write(_WHOLE if b":generateContent" in line else _MODELS)

    def say(self, number: int, events: list[bytes]) -> None:
        """Write one chunk of a stream, and see to the next."""
        if self.transport.is_closing():
            return
        self.transport.write(events[number])
        if number + 1 == len(events):
            return
        loop = asyncio.get_running_loop()
        if self.pause:
            loop.call_later(self.pause, self.say, number + 1, events)
        else:
            loop.call_soon(self.say, number + 1, events)


@lru_cache(maxsize=8)
def events_of(chunks: int) -> list[bytes]:
    """The chunks of a stream as they go over the wire; the last one ends it."""
    texts = chunk_texts(chunks)
    replies = [_reply(text) for text in texts[:-1]] + [_reply(texts[-1], finishReason="STOP")]
    events = [_chunked(b"data: %b\r\n\r\n" % reply) for reply in replies]
    return [*events[:-1], events[-1] + b"0\r\n\r\n"]


async def serve(port: int, chunks: int, pause: float) -> None:
    """Answer on the port until the process is ended."""
    kind = type("Set", (StandIn,), {"events": events_of(chunks), "pause": pause})
    server = await asyncio.get_running_loop().create_server(kind, "127.0.0.1", port, backlog=4096)
    await server.serve_forever()


if __name__ == "__main__":
    import uvloop

    uvloop.run(serve(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])))

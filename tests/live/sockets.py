"""A client that owns its socket: it leaves, stalls or sends what no library would."""

import json
import socket
import struct
from types import TracebackType
from typing import Any, Self

from tests.live.gateway import Gateway

_RST = struct.pack("ii", 1, 0)


class RawClient:
    """One connection to a gateway."""

    def __init__(self, gateway: Gateway, *, receive_buffer: int | None = None) -> None:
        self._gateway = gateway
        host, port = gateway.url.removeprefix("http://").split(":")
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(15)
        self.socket.connect((host, int(port)))
        self.received = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def ask(self, model: str, *, path: str = "/v1/chat/completions", **body: Any) -> None:
        """Send a chat request."""
        self.post(json.dumps({"model": model, "messages": [{"role": "user", "content": "Hi"}], **body}).encode(), path)

    def post(self, body: bytes, path: str = "/v1/chat/completions", *headers: str, token: str | None = None) -> None:
        """Send a POST with a body and further header lines."""
        token = self._gateway.token if token is None else token
        lines = [
            f"POST {path} HTTP/1.1",
            "Host: 127.0.0.1",
            f"Authorization: Bearer {token}",
            f"Content-Length: {len(body)}",
            *(headers or ("Content-Type: application/json",)),
        ]
        self.send("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body)

    def read_until(self, mark: bytes, times: int = 1) -> bytes:
        """All that came so far, once the mark was in it so often."""
        while self.received.count(mark) < times:
            data = self.socket.recv(65536)
            if not data:
                break
            self.received += data
        return self.received

    def read_response(self) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of an answer with a Content-Length."""
        self.read_until(b"\r\n\r\n")
        head, _, body = self.received.partition(b"\r\n\r\n")
        line, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        length = int(headers.get("content-length", 0))
        while len(body) < length:
            body += self.socket.recv(65536)
        self.received = body[length:]
        return int(line.split()[1]), headers, body[:length]

    def close(self, *, with_reset: bool = False) -> None:
        """Leave, politely or by an RST."""
        if with_reset:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RST)
        self.socket.close()

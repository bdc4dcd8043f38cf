"""The routes of the Files API: an upload's start and its pieces, and what is asked of files that are there."""

from urllib.parse import parse_qs

import msgspec

from compat.simulator.exchange import JSON, Exchange
from compat.simulator.files import GRANULARITY, Files, Upload
from compat.simulator.keys import Key
from compat.simulator.refusals import Refused
from compat.simulator.wire import encode_pretty

UPLOADS = "/upload/v1beta/files"
FILES = "/v1beta/files"


class _Named(msgspec.Struct):
    display_name: str = ""
    displayName: str = ""


class _Asked(msgspec.Struct):
    file: _Named = msgspec.field(default_factory=_Named)


class FileCalls:
    """Answers them over one set of files."""

    def __init__(self, files: Files) -> None:
        self._files = files

    def method_of(self, exchange: Exchange) -> str:
        """What a call to a path of files is called; "" where there is no such route."""
        method, path = exchange.scope["method"], exchange.path
        if path == UPLOADS and method in {"POST", "PUT"}:
            return "files.upload" if self.upload_id(exchange) else "files.begin"
        if path.rstrip("/") == FILES and method == "GET":
            return "files.list"
        if path.startswith(f"{FILES}/"):
            return {"GET": "files.get", "DELETE": "files.delete"}.get(method, "")
        return ""

    def upload_id(self, exchange: Exchange) -> str:
        """Of the upload that a call goes on with; "" when it begins one."""
        return parse_qs(exchange.query.decode("latin-1")).get("upload_id", [""])[0]

    def key_of(self, exchange: Exchange) -> Key:
        """Whose upload goes on: its id is all the credential that it needs. Raises Refused."""
        return self._files.upload(self.upload_id(exchange)).key

    async def answer(self, exchange: Exchange, method: str, key: Key) -> None:
        """Answer a call of this name by this key; raises Refused."""
        name = exchange.path.removeprefix(f"{FILES}/")
        match method:
            case "files.begin":
                await self._begin(exchange, key)
            case "files.upload":
                await self._take(exchange)
            case "files.list":
                await exchange.answer(200, encode_pretty({"files": self._files.of(key.project)}))
            case "files.get":
                await exchange.answer(200, encode_pretty(self._files.told(key.project, name)))
            case _:
                self._files.delete(key.project, name)
                await exchange.answer(200, b"{}\n")

    async def _begin(self, exchange: Exchange, key: Key) -> None:
        headers = _headers(exchange)
        if headers.get("x-goog-upload-protocol") != "resumable" or headers.get("x-goog-upload-command") != "start":
            raise Refused(400, "Only resumable uploads are known here: X-Goog-Upload-Protocol and -Command.")
        size, body = headers.get("x-goog-upload-header-content-length"), await exchange.read_body()
        try:
            named = msgspec.json.decode(body or b"{}", type=_Asked).file
        except msgspec.MsgspecError:
            raise Refused(400, "Invalid JSON payload received.") from None
        upload = Upload(
            key,
            headers.get("x-goog-upload-header-content-type", "application/octet-stream"),
            int(size) if size and size.isdecimal() else None,
            named.display_name or named.displayName,
        )
        upload_id = self._files.begin(upload)
        host = f"{exchange.scope.get('scheme', 'http')}://{headers.get('host', 'localhost')}"
        await exchange.answer(
            200,
            b"",
            JSON,
            (b"x-goog-upload-status", b"active"),
            (b"x-goog-upload-chunk-granularity", b"%d" % GRANULARITY),
            (b"x-goog-upload-url", f"{host}{UPLOADS}?upload_id={upload_id}&upload_protocol=resumable".encode()),
        )

    async def _take(self, exchange: Exchange) -> None:
        upload_id, headers = self.upload_id(exchange), _headers(exchange)
        upload = self._files.upload(upload_id)
        command = {word.strip() for word in headers.get("x-goog-upload-command", "").split(",")}
        if not command or not command <= {"upload", "finalize"}:
            raise Refused(400, "X-Goog-Upload-Command: upload, finalize or both.")
        if "upload" in command and headers.get("x-goog-upload-offset") != str(upload.received):
            raise Refused(400, f"X-Goog-Upload-Offset: {upload.received} bytes have come until now.")
        before = upload.received
        async for piece in exchange.read_pieces():
            upload.take(piece)
        if "finalize" in command:
            body = encode_pretty({"file": self._files.end(upload_id)})
            await exchange.answer(200, body, JSON, (b"x-goog-upload-status", b"final"))
            return
        if (upload.received - before) % GRANULARITY:
            raise Refused(400, f"Every piece but the last is a multiple of {GRANULARITY} bytes.")
        await exchange.answer(200, b"", JSON, (b"x-goog-upload-status", b"active"))


def _headers(exchange: Exchange) -> dict[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in exchange.scope["headers"]}

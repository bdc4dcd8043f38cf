"""Files that a project of Google's holds for two days: uploaded piece by piece, asked for, deleted (Gemini API, files)."""

from collections.abc import AsyncIterator
from urllib.parse import quote, urlsplit

import msgspec

from compat.gemini.failures import NONSENSE, Facts, GeminiFailure
from compat.gemini.origin import Origin
from compat.schemas.gemini import UploadedFile, UploadReply

_UPLOADS = "/upload/v1beta/files"
_NOT_A_REPLY = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_encode = msgspec.json.Encoder().encode
_decode_upload = msgspec.json.Decoder(UploadReply).decode
_decode_file = msgspec.json.Decoder(UploadedFile).decode


class Files:
    """What is asked of the Files API of one upstream. `idle` and `total` are seconds, as of other calls."""

    def __init__(self, origin: Origin, idle: float, total: float) -> None:
        self._origin = origin
        self._idle = idle
        self._total = total

    async def upload(self, key: str, mime_type: str, size: int, pieces: AsyncIterator[bytes]) -> UploadedFile:
        """The file that these pieces make, `size` bytes together, in the project of the key. Raises GeminiFailure.

        A resumable upload, announced and then made in one stretch. Who leaves in the middle leaves nothing there.
        """
        target = await self._announced(key, mime_type, size)
        # The address of an upload is all the credential that it needs.
        head = self._origin.head(
            "POST",
            target,
            "",
            f"content-length: {size}\r\nx-goog-upload-offset: 0\r\nx-goog-upload-command: upload, finalize\r\n",
        )
        connection = await self._origin.connect()
        is_whole = False
        try:
            connection.ask(head, b"", total=self._total, patience=self._idle)
            is_whole = await connection.send(pieces)
            payload = await connection.answer()
        finally:
            if is_whole:
                connection.end()
            else:
                connection.drop()
        try:
            return _decode_upload(payload).file
        except _NOT_A_REPLY:
            raise _nonsense() from None

    async def get(self, key: str, name: str) -> UploadedFile:
        """How a file stands. Raises GeminiFailure."""
        payload = await self._origin.call(self._origin.head("GET", _path(name), key, ""), b"", self._idle)
        try:
            return _decode_file(payload)
        except _NOT_A_REPLY:
            raise _nonsense() from None

    async def delete(self, key: str, name: str) -> None:
        """Delete a file. Raises GeminiFailure."""
        await self._origin.call(self._origin.head("DELETE", _path(name), key, ""), b"", self._idle)

    async def _announced(self, key: str, mime_type: str, size: int) -> str:
        """The path to which the bytes go. No name is told: the project is a stranger's."""
        body = _encode({"file": {"mimeType": mime_type}})
        head = self._origin.head(
            "POST",
            _UPLOADS,
            key,
            "content-type: application/json\r\n"
            f"content-length: {len(body)}\r\n"
            "x-goog-upload-protocol: resumable\r\n"
            "x-goog-upload-command: start\r\n"
            f"x-goog-upload-header-content-length: {size}\r\n"
            f"x-goog-upload-header-content-type: {mime_type}\r\n",
        )
        connection = await self._origin.connect()
        try:
            connection.ask(head, body, total=self._idle)
            await connection.answer()
            return self._target((connection.header(b"x-goog-upload-url") or b"").decode("latin-1"))
        finally:
            connection.end()

    def _target(self, url: str) -> str:
        """The path and query of an address. Its host does not matter: nothing goes anywhere but to the upstream."""
        try:
            parts = urlsplit(url)
        except ValueError:
            raise _nonsense() from None
        target = f"{parts.path.removeprefix(self._origin.prefix)}?{parts.query}"
        if not (parts.path.startswith("/") and target.isascii() and target.isprintable() and " " not in target):
            raise _nonsense()
        return target


def _path(name: str) -> str:
    return f"/v1beta/{quote(name)}"


def _nonsense() -> GeminiFailure:
    return GeminiFailure(NONSENSE, Facts(200))

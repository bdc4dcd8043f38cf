"""Gemini's Files API in a few lines: what each key has uploaded, and what is to fail."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

from compat.gemini.failures import GeminiFailure, failure_of
from compat.schemas.gemini import UploadedFile

LOST = b'{"error": {"message": "You do not have permission to access the File %b or it may not exist."}}'


@dataclass
class Uploaded:
    """One file that came."""

    key: str
    mime_type: str
    content: bytes
    name: str

    @property
    def uri(self) -> str:
        return f"https://generativelanguage.googleapis.com/v1beta/{self.name}"


class GeminiFiles:
    """Takes uploads unless `failing` gives a failure for (key, how many uploads there were before)."""

    def __init__(self) -> None:
        self.uploads: list[Uploaded] = []
        self.deleted: list[tuple[str, str]] = []
        """(key, name) of each file that was deleted."""
        self.project_of: Callable[[str], str] = lambda key: key
        """Which keys are of one project: each has its own, unless a test says so."""
        self.begun = 0
        self.given_up = 0
        self.failing: Callable[[str, int], GeminiFailure | None] = lambda key, before: None
        self.pause: asyncio.Event | None = None
        """When set, every upload waits for it in front of its last piece."""
        self.states: list[Any] = []
        """The states that a file goes through, before it is ACTIVE; a failure is that of who asks for one."""
        self.expires: str | None = None

    async def upload(self, key: str, mime_type: str, size: int, pieces: AsyncIterator[bytes]) -> UploadedFile:
        self.begun += 1
        failure = self.failing(key, self.begun - 1)
        if failure is not None:
            raise failure
        content = b""
        try:
            async for piece in pieces:
                if self.pause is not None and len(content) + len(piece) == size:
                    await self.pause.wait()
                content += piece
        except BaseException:
            self.given_up += 1
            raise
        assert len(content) == size
        file = Uploaded(key, mime_type, content, f"files/{len(self.uploads)}of{key[-4:]}")
        self.uploads.append(file)
        return self._told(file)

    async def get(self, key: str, name: str) -> UploadedFile:
        if self.states and isinstance(self.states[0], GeminiFailure):
            raise self.states.pop(0)
        return self._told(self._owned(key, name))

    async def delete(self, key: str, name: str) -> None:
        self._owned(key, name)
        self.deleted.append((key, name))

    def refusal(self, key: str, body: Any) -> GeminiFailure | None:
        """What a request with this key is refused with, that names a file which the key's project does not hold."""
        for name in re.findall(r"v1beta/(files/\w+)", str(body)):
            try:
                self._owned(key, name)
            except GeminiFailure as failure:
                return failure
        return None

    @property
    def keys(self) -> list[str]:
        return [file.key for file in self.uploads]

    def _owned(self, key: str, name: str) -> Uploaded:
        gone = {deleted for _, deleted in self.deleted}
        for file in self.uploads:
            if file.name == name and self.project_of(file.key) == self.project_of(key) and name not in gone:
                return file
        raise failure_of(403, LOST % name.removeprefix("files/").encode())

    def _told(self, file: Uploaded) -> UploadedFile:
        state = self.states.pop(0) if self.states else "ACTIVE"
        return UploadedFile(file.name, file.uri, state, self.expires)

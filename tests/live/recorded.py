"""The recorded Gemini replies, and what each must become, read from their index and from the replies themselves."""

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

RECORDINGS = Path(__file__).resolve().parents[1] / "recordings"


class Recording(NamedTuple):
    """One file of recordings/gemini with its entry of the index."""

    file: str
    kind: str
    status: int
    body: bytes
    expected: dict[str, Any]
    path: str

    @property
    def streamed(self) -> bool:
        """True for a recorded stream of events."""
        return self.file.endswith(".sse")

    @property
    def is_error(self) -> bool:
        """True when the whole answer is an error."""
        return self.status >= 400

    @property
    def is_chat(self) -> bool:
        """True for what generateContent or streamGenerateContent answered."""
        return not self.path or "generatecontent" in self.path.lower()

    @property
    def payloads(self) -> list[dict[str, Any]]:
        """The JSON objects of it, read as simply as can be."""
        if not self.streamed:
            return [json.loads(self.body)]
        lines = self.body.decode().splitlines()
        return [json.loads(line[5:]) for line in lines if line.startswith("data:")]

    @property
    def model(self) -> str:
        """A current model of the family that gave it, where the family matters for what may be asked."""
        if "image" in self.file:
            return "gemini-3.1-flash-image"
        if "tts" in self.file:
            return "gemini-2.5-flash-preview-tts"
        return "gemini-3.5-flash" if "-3" in self.file else "gemini-2.5-flash"

    @property
    def as_one_event(self) -> bytes:
        """A whole reply as the only event of a stream."""
        return b"data: " + json.dumps(json.loads(self.body), ensure_ascii=False).encode() + b"\r\n\r\n"

    @property
    def call_signatures(self) -> list[str | None]:
        """The signature of each function call, in order."""
        return [part.get("thoughtSignature") for part in self._parts() if "functionCall" in part]

    @property
    def text_signature(self) -> str | None:
        """The last signature of a text part."""
        found = [part.get("thoughtSignature") for part in self._parts() if "text" in part and not part.get("thought")]
        return next((signature for signature in reversed(found) if signature), None)

    def _parts(self) -> list[dict[str, Any]]:
        candidates = [payload["candidates"][0] for payload in self.payloads if payload.get("candidates")]
        return [part for candidate in candidates for part in candidate.get("content", {}).get("parts", ())]


@cache
def recordings() -> dict[str, Recording]:
    """Every recording by its file name."""
    index = json.loads((RECORDINGS / "gemini" / "index.json").read_text(encoding="utf-8"))
    return {
        case["file"]: Recording(
            case["file"],
            case["kind"],
            case["http_status"],
            (RECORDINGS / "gemini" / case["file"]).read_bytes(),
            case["expected"],
            case.get("path", ""),
        )
        for case in index["cases"]
    }


def digest(text: str) -> str:
    """The first half of a text's SHA-256, as the index has it."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


# OpenAI API, finish_reason; Gemini API, finishReason. A call makes tool_calls of STOP.
FINISH = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    "SAFETY": "content_filter",
    "RECITATION": "content_filter",
    "FAKE_ENUM": "stop",
    "OTHER": "stop",
}

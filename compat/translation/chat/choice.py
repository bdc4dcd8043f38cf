"""One choice of an answer, read candidate by candidate: the same for whole and streamed answers."""

from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from compat.schemas.gemini import Candidate, FunctionCall, GroundingMetadata, InlineData, Part
from compat.translation.annotations import to_annotations
from compat.translation.finish_reason import to_finish_reason, to_refusal
from compat.translation.logprobs import to_logprobs
from compat.translation.media import SpokenAnswer, to_image
from compat.translation.signatures import to_extra_content
from compat.translation.tools import Declared, to_openai_name

Delta = dict[str, Any]

# Some signatures (of images) are over a megabyte: those stay here.
_LONGEST_SIGNATURE = 64 * 1024
_encode = msgspec.json.Encoder().encode


class Answering(NamedTuple):
    """What every choice of one answer needs to know; made once a request."""

    declared: Declared
    created: int
    """Unix seconds, our clock."""
    new_call_id: Callable[[], str]
    remember: Callable[[str, str], None]
    """Keeps (tool call id, signature) for the requests that bring the call back."""
    audio_format: str = "wav"
    tells_code: bool = False
    """Whether the client is to see the code that Gemini ran."""


class Choice:
    """Reads the candidates of one choice in order of arrival; `read` gives what each adds."""

    def __init__(self, index: int, answering: Answering, *, whole: bool = False) -> None:
        self.index = index
        self.finish: str | None = None
        """Gemini's last finishReason; None while the candidate is unfinished."""
        self.started = False
        self.text_length = 0
        self.calls = 0
        self._answering = answering
        self._media = 0
        self._ran_code = False
        self._whole = whole
        self._spoken: SpokenAnswer | None = None
        self._signature: str | None = None
        self._texts: list[str] = []
        self._grounding: GroundingMetadata | None = None

    @property
    def is_empty(self) -> bool:
        """True while nothing that a person or program could use has come; reasoning alone is nothing."""
        return not (self.text_length or self.calls or self._media or self._spoken or self._ran_code)

    @property
    def finish_reason(self) -> str:
        """OpenAI's finish_reason, for the end of the answer (code execution says STOP more than once)."""
        return to_finish_reason(self.finish, called=self.calls > 0, legacy=self._answering.declared.legacy)

    @property
    def refusal(self) -> str | None:
        """Why there is nothing to show, when the answer was filtered before any of it came."""
        return to_refusal(self.finish) if self.is_empty else None

    @property
    def searches(self) -> list[str]:
        """What was looked up in the web for the answer, as far as it was told."""
        return (self._grounding and self._grounding.webSearchQueries) or []

    def read(self, candidate: Candidate) -> tuple[Delta, dict[str, Any] | None]:
        """What the candidate adds (OpenAI's delta, {} for nothing) and its logprobs."""
        self.started = True
        if candidate.finishReason:
            self.finish = candidate.finishReason
        delta: Delta = {}
        for part in (candidate.content.parts if candidate.content else None) or ():
            self._read_part(part, delta)
        if self._spoken:
            delta |= self._spoken.more()
        self._grounding = candidate.groundingMetadata or self._grounding
        return delta, to_logprobs(candidate.logprobsResult) if candidate.logprobsResult else None

    def closing_delta(self) -> Delta:
        """What is told only at the end: the sources of the text, and the signature of a plain answer.

        Sources may come more than once and before the text is whole; accumulators take a list only once.
        """
        delta: Delta = {}
        if self._grounding and (annotations := to_annotations(self._grounding, "".join(self._texts))):
            delta["annotations"] = annotations
        if self._signature and len(self._signature) <= _LONGEST_SIGNATURE:
            delta["extra_content"] = to_extra_content(self._signature)
        if self._spoken:
            delta |= self._spoken.end()
        return delta

    def _read_part(self, part: Part, delta: Delta) -> None:
        if part.functionCall is not None:
            self._read_call(part.functionCall, part.thoughtSignature, delta)
        elif part.executableCode is not None or part.codeExecutionResult is not None:
            self._read_code(part, delta)
        elif part.thought:
            if part.text:
                delta["reasoning_content"] = delta.get("reasoning_content", "") + part.text
        elif part.inlineData is not None:
            self._read_media(part.inlineData, delta)
        elif part.text is not None:
            self._read_text(part, part.text, delta)

    def _read_code(self, part: Part, delta: Delta) -> None:
        if self._answering.tells_code:
            delta["code"] = part.executableCode or part.codeExecutionResult
            self._ran_code = True

    def _read_text(self, part: Part, text: str, delta: Delta) -> None:
        # The last text of an answer may be empty and carry nothing but the signature.
        self._signature = part.thoughtSignature or self._signature
        if text:
            self.text_length += len(text)
            self._texts.append(text)
            delta["content"] = delta["content"] + text if "content" in delta else text

    def _read_call(self, call: FunctionCall, signature: str | None, delta: Delta) -> None:
        """Calls arrive whole; they are numbered across the whole answer, whatever reply they came in."""
        declared = self._answering.declared
        if declared.single and self.calls:
            return
        name = to_openai_name(call.name)
        if declared.legacy:
            delta["function_call"] = {"name": name, "arguments": _encode(call.args or {}).decode()}
        else:
            delta.setdefault("tool_calls", []).append(self._tool_call(name, call, signature))
        self.calls += 1

    def _tool_call(self, name: str, call: FunctionCall, signature: str | None) -> dict[str, Any]:
        call_id = self._answering.new_call_id()
        tool_call: dict[str, Any] = {"index": self.calls, "id": call_id}
        if name in self._answering.declared.custom:
            tool_call |= {"type": "custom", "custom": {"name": name, "input": str((call.args or {}).get("input", ""))}}
        else:
            function = {"name": name, "arguments": _encode(call.args or {}).decode()}
            tool_call |= {"type": "function", "function": function}
        if signature:
            self._answering.remember(call_id, signature)
            if len(signature) <= _LONGEST_SIGNATURE:
                tool_call["extra_content"] = to_extra_content(signature)
        return tool_call

    def _read_media(self, data: InlineData, delta: Delta) -> None:
        if data.mimeType.startswith("audio/"):
            if self._spoken is None:
                told = self._answering
                audio_id, expires_at = f"audio_{told.new_call_id()}", told.created + 3600
                self._spoken = SpokenAnswer(audio_id, expires_at, told.audio_format, whole=self._whole)
            self._spoken.add(data)
        else:
            delta.setdefault("images", []).append(to_image(data, self._media))
            self._media += 1

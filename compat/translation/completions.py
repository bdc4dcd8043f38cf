"""completions (the legacy endpoint) ↔ generateContent: each prompt is one user turn."""

from typing import Any

import msgspec

from compat.schemas.chat import ChatRequest, UserMessage
from compat.schemas.completions import CompletionRequest
from compat.schemas.gemini import Candidate, LogprobsResult, Reply
from compat.translation.chat.completion import EmptyAnswer
from compat.translation.finish_reason import to_finish_reason
from compat.translation.origins import Origins
from compat.translation.prompts import to_texts
from compat.translation.refusals import Untranslatable
from compat.translation.sse import DONE, to_event
from compat.translation.usage import Usage, to_usage

_PROMPTS_AT_MOST = 32
_encode = msgspec.json.Encoder().encode

ORIGINS = Origins("prompt", "prompt", [], (("top_logprobs", "logprobs"),))
"""Where the members of the chats came from that stand for prompts."""


def to_chats(request: CompletionRequest) -> list[tuple[str, ChatRequest]]:
    """(prompt, the chat request that stands for it), in order. Raises Untranslatable."""
    if request.suffix:
        raise Untranslatable(
            "'suffix' is not supported: no Gemini model inserts text.", "suffix", "unsupported_parameter"
        )
    return [(text, _to_chat(text, request)) for text in to_texts(request.prompt, "prompt", _PROMPTS_AT_MOST)]


def _to_chat(text: str, request: CompletionRequest) -> ChatRequest:
    return ChatRequest(
        model=request.model,
        messages=[UserMessage(content=text)],
        stream=request.stream,
        stream_options=request.stream_options,
        # OpenAI's default of 16 would be eaten by reasoning: without a wish there is no limit.
        max_tokens=request.max_tokens,
        temperature=request.temperature,
        top_p=request.top_p,
        stop=request.stop,
        presence_penalty=request.presence_penalty,
        frequency_penalty=request.frequency_penalty,
        seed=request.seed,
        logprobs=bool(request.logprobs) or None,
        top_logprobs=request.logprobs or None,
        user=request.user,
    )


def to_text_completion(
    completion_id: str,
    request: CompletionRequest,
    created: int,
    echoes: list[str],
    replies: list[tuple[int, Reply]],
    usage: Usage,
) -> bytes:
    """The JSON of a text_completion. `echoes` holds what each choice begins with. Raises EmptyAnswer."""
    choices, is_empty = [], True
    for first, reply in replies:
        for place, candidate in enumerate(reply.candidates or ()):
            index = first + (place if candidate.index is None else candidate.index)
            if index < len(echoes):
                text, finish = _text(candidate), to_finish_reason(candidate.finishReason, called=False)
                is_empty = is_empty and not text and finish == "stop"
                choices.append(_choice(index, echoes[index] + text, finish, candidate.logprobsResult))
    if is_empty:
        raise EmptyAnswer
    return _encode(
        {
            "id": completion_id,
            "object": "text_completion",
            "created": created,
            "model": request.model,
            "choices": sorted(choices, key=lambda choice: choice["index"]),
            "usage": to_usage(usage),
        }
    )


class TextChunks:
    """The stream of a legacy completion: the same object with pieces of text."""

    def __init__(self, completion_id: str, request: CompletionRequest, created: int, echoes: list[str]) -> None:
        head = {"id": completion_id, "object": "text_completion", "created": created, "model": request.model}
        self._head = _encode(head)[:-1] + b',"choices":['
        self._include_usage = bool(request.stream_options and request.stream_options.include_usage)
        self._tail = b'],"usage":null}' if self._include_usage else b"]}"
        self._echoes = echoes
        self._finish: list[str | None] = [None] * len(echoes)
        self._started = [False] * len(echoes)
        self.text_length = 0

    def read(self, first_choice: int, reply: Reply) -> bytes:
        """The events that a reply adds."""
        events = b""
        for place, candidate in enumerate(reply.candidates or ()):
            index = first_choice + (place if candidate.index is None else candidate.index)
            if index < len(self._echoes):
                events += self._read(index, candidate)
        return events

    def close(self, usage: Usage) -> bytes:
        """The end: a finish for each choice, the usage if it was asked for, [DONE]. Raises EmptyAnswer."""
        ends = [to_finish_reason(finish, called=False) for finish in self._finish]
        if not self.text_length and all(end == "stop" for end in ends):
            raise EmptyAnswer
        events = b"".join(self._event(_choice(index, "", end, None)) for index, end in enumerate(ends))
        if self._include_usage:
            events += to_event(self._head + b'],"usage":' + _encode(to_usage(usage)) + b"}")
        return events + DONE

    def error(self, error: dict[str, Any], status: int) -> bytes:
        """The event that ends a stream which broke midway."""
        return to_event(_encode({"error": error}))

    def unfinished(self) -> bool:
        """True when a choice that came lacks its finishReason, or none came."""
        started = [finish for finish, began in zip(self._finish, self._started, strict=True) if began]
        return not started or None in started

    def _read(self, index: int, candidate: Candidate) -> bytes:
        text = _text(candidate)
        self.text_length += len(text)
        if not self._started[index]:
            self._started[index] = True
            text = self._echoes[index] + text
        if candidate.finishReason:
            self._finish[index] = candidate.finishReason
        return self._event(_choice(index, text, None, candidate.logprobsResult)) if text else b""

    def _event(self, choice: dict[str, Any]) -> bytes:
        return to_event(self._head + _encode(choice) + self._tail)


def _text(candidate: Candidate) -> str:
    parts = (candidate.content.parts if candidate.content else None) or ()
    return "".join(part.text for part in parts if part.text and not part.thought)


def _choice(index: int, text: str, finish: str | None, result: LogprobsResult | None) -> dict[str, Any]:
    return {"text": text, "index": index, "logprobs": _logprobs(result), "finish_reason": finish}


def _logprobs(result: LogprobsResult | None) -> dict[str, Any] | None:
    """The legacy form: parallel lists."""
    if result is None or not result.chosenCandidates:
        return None
    offsets, offset = [], 0
    for token in result.chosenCandidates:
        offsets.append(offset)
        offset += len(token.token)
    return {
        "tokens": [token.token for token in result.chosenCandidates],
        "token_logprobs": [token.logProbability for token in result.chosenCandidates],
        "top_logprobs": [
            {token.token: token.logProbability for token in step.candidates or ()}
            for step in result.topCandidates or ()
        ],
        "text_offset": offsets,
    }

"""Replies → one response object, whole or as the events of its stream."""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import msgspec

from compat.schemas.gemini import Reply
from compat.schemas.responses import ResponseRequest
from compat.translation.chat.choice import Answering, Choice
from compat.translation.chat.completion import EmptyAnswer
from compat.translation.responses.code import in_pieces
from compat.translation.responses.output import Event, Output, Telling
from compat.translation.sse import to_named_event
from compat.translation.usage import Usage

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode

# finish_reason → why a response is incomplete.
_INCOMPLETE = {"length": "max_output_tokens", "content_filter": "content_filter"}
# The error codes that a response may carry (OpenAI's ResponseErrorCode); ours become the nearest.
_ERROR_CODES = {"rate_limit_exceeded": "rate_limit_exceeded", "pool_exhausted": "rate_limit_exceeded"}


class Envelope:
    """A response without what came of it: told back from the request."""

    def __init__(self, response_id: str, created: int, request: ResponseRequest, *, store: bool) -> None:
        text: dict[str, Any] = {"format": _told_format(request)}
        if request.text and request.text.verbosity:
            text["verbosity"] = request.text.verbosity
        wanted = request.reasoning
        self._members: dict[str, Any] = {
            "id": response_id,
            "object": "response",
            "created_at": created,
            "background": bool(request.background),
            "conversation": {"id": request.conversation_id} if request.conversation_id else None,
            "instructions": request.instructions,
            "max_output_tokens": request.max_output_tokens,
            "max_tool_calls": request.max_tool_calls,
            "metadata": request.metadata or {},
            "model": request.model,
            "parallel_tool_calls": request.parallel_tool_calls is not False,
            "previous_response_id": request.previous_response_id,
            "prompt_cache_key": request.prompt_cache_key,
            "reasoning": {"effort": wanted.effort if wanted else None, "summary": wanted.summary if wanted else None},
            "service_tier": "default",
            "safety_identifier": request.safety_identifier,
            "store": store,
            "temperature": 1.0 if request.temperature is None else request.temperature,
            "text": text,
            "tool_choice": _told_choice(request),
            "tools": [_told_tool(raw) for raw in request.tools or ()],
            "top_logprobs": request.top_logprobs or 0,
            "top_p": 1.0 if request.top_p is None else request.top_p,
            "truncation": request.truncation or "disabled",
            "user": request.user,
        }

    def response(self, status: str, **members: Any) -> dict[str, Any]:
        """The response in a state, with what else is known of it."""
        unknown: dict[str, Any] = {
            "completed_at": None,
            "error": None,
            "incomplete_details": None,
            "output": [],
            "usage": None,
        }
        return {**self._members, "status": status, **unknown, **members}


class Ended(NamedTuple):
    """How a response ended."""

    status: str
    incomplete: dict[str, str] | None


class Answer:
    """One response, reply by reply."""

    def __init__(self, envelope: Envelope, answering: Answering, telling: Telling) -> None:
        self.choice = Choice(0, answering)
        self._envelope = envelope
        self._output = Output(telling)

    def read(self, reply: Reply) -> Iterable[Event]:
        """The events that a reply adds."""
        for candidate in reply.candidates or ():
            if not candidate.index:
                for piece in in_pieces(candidate):
                    delta, logprobs = self.choice.read(piece)
                    yield from self._output.read(delta, logprobs)

    def close(self) -> Iterable[Event]:
        """The events that end the output. Raises EmptyAnswer when nothing came that a client could use."""
        choice = self.choice
        if choice.is_empty and choice.finish_reason == "stop":
            raise EmptyAnswer
        annotations = choice.closing_delta().get("annotations", [])
        complete = self.ended.status == "completed"
        yield from self._output.close(annotations, choice.refusal, choice.searches, complete=complete)

    @property
    def ended(self) -> Ended:
        """As what the response ends, by Gemini's last word."""
        reason = _INCOMPLETE.get(self.choice.finish_reason)
        return Ended("completed", None) if reason is None else Ended("incomplete", {"reason": reason})

    def final(self, usage: Usage, completed_at: int) -> dict[str, Any]:
        """The response at its end."""
        status, incomplete = self.ended
        return self._envelope.response(
            status,
            completed_at=completed_at if status == "completed" else None,
            incomplete_details=incomplete,
            output=self._output.items,
            usage=to_usage(usage),
        )

    def in_state(self, status: str, **members: Any) -> dict[str, Any]:
        """The response as far as it got."""
        return self._envelope.response(status, output=self._output.items, **members)


def to_response(answer: Answer, replies: list[tuple[int, Reply]], usage: Usage, completed_at: int) -> dict[str, Any]:
    """A whole response. Raises EmptyAnswer."""
    for _, reply in replies:
        for _event in answer.read(reply):
            pass
    for _event in answer.close():
        pass
    return answer.final(usage, completed_at)


class ResponseEvents:
    """The stream of a response. `read` takes each reply, `close` ends it; both give bytes of whole events."""

    def __init__(self, answer: Answer, now: Callable[[], int], ended: Callable[[dict[str, Any]], None]) -> None:
        self._answer = answer
        self._now = now
        self._ended = ended
        """Takes the response as the last event tells it."""
        self._number = 0
        self.has_ended = False

    def read(self, first_choice: int, reply: Reply) -> bytes:
        """The events that a reply adds."""
        return self._opening() + self._told(self._answer.read(reply))

    def close(self, usage: Usage) -> bytes:
        """The end: open items are done, then exactly one last event. Raises EmptyAnswer."""
        told = self._opening() + self._told(self._answer.close())
        return told + self._ending(self._answer.final(usage, self._now()))

    def error(self, error: dict[str, Any], status: int) -> bytes:
        """The event that ends a stream which broke: the response has failed."""
        found = {"code": _ERROR_CODES.get(error["code"] or "", "server_error"), "message": error["message"]}
        return self._opening() + self._ending(self._answer.in_state("failed", error=found))

    def cancelled(self) -> bytes:
        """The event that ends a stream which was cancelled. OpenAI has none of its own for it."""
        return self._opening() + self._ending(self._answer.in_state("cancelled"), "response.failed")

    def unfinished(self) -> bool:
        """True when the stream was cut off."""
        return self._answer.choice.finish is None

    @property
    def text_length(self) -> int:
        """Characters of text so far."""
        return self._answer.choice.text_length

    def _opening(self) -> bytes:
        if self._number:
            return b""
        begun = self._answer.in_state("in_progress")
        return self._told({"type": f"response.{state}", "response": begun} for state in ("created", "in_progress"))

    def _ending(self, response: dict[str, Any], kind: str = "") -> bytes:
        self.has_ended = True
        self._ended(response)
        return self._event({"type": kind or f"response.{response['status']}", "response": response})

    def _told(self, events: Iterable[Event]) -> bytes:
        return b"".join(map(self._event, events))

    def _event(self, event: Event) -> bytes:
        event["sequence_number"] = self._number
        self._number += 1
        return to_named_event(event["type"], _encode(event))


def to_usage(usage: Usage) -> dict[str, Any]:
    """OpenAI's usage object of a response."""
    prompt, completion = usage.totals()
    return {
        "input_tokens": prompt,
        "input_tokens_details": {"cached_tokens": usage.cached, "cache_write_tokens": 0},
        "output_tokens": completion,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning},
        "total_tokens": prompt + completion,
    }


def _told_format(request: ResponseRequest) -> dict[str, Any]:
    wanted = request.text.format if request.text else None
    if wanted is None or wanted.type != "json_schema":
        return {"type": wanted.type if wanted else "text"}
    told = {"type": wanted.type, "name": wanted.name, "schema": wanted.schema, "strict": bool(wanted.strict)}
    return told | ({"description": wanted.description} if wanted.description is not None else {})


def _told_choice(request: ResponseRequest) -> Any:
    choice = request.tool_choice
    if choice is None or isinstance(choice, str):
        return choice or "auto"
    told = _named(choice)
    if choice.type == "allowed_tools":
        return {**told, "mode": choice.mode, "tools": [_named(tool) for tool in choice.tools or ()]}
    return told


def _named(tool: Any) -> dict[str, Any]:
    members = {"type": tool.type, "namespace": tool.namespace, "name": tool.name}
    return {name: value for name, value in members.items() if value is not None}


def _told_tool(raw: msgspec.Raw) -> dict[str, Any]:
    tool: dict[str, Any] = _decode(raw)
    if tool.get("type") == "function":
        return {"description": None, "parameters": None, "strict": True, **tool}
    if tool.get("type") == "code_interpreter":
        return {"container": {"type": "auto"}, **tool}
    return tool

"""messages → systemInstruction and contents: order repaired, tool results put right behind their calls."""

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from compat.schemas.chat import (
    AssistantMessage,
    CalledFunction,
    ChatRequest,
    CodeMessage,
    FunctionMessage,
    ImagePart,
    Message,
    SystemMessage,
    ToolCall,
    ToolMessage,
    UserMessage,
)
from compat.translation.content import DRAWN_BEFORE, Part, to_image, to_parts, to_text
from compat.translation.families import Family
from compat.translation.nesting import is_nested_too_deep
from compat.translation.refusals import Untranslatable
from compat.translation.signatures import Recall, sign_current_turn, signature_of
from compat.translation.tools import to_gemini_name

Turn = dict[str, Any]
Result = tuple[int, ToolMessage | FunctionMessage]

# Gemini refuses an empty text, and a history that does not begin with the user.
_NO_TEXT = " "
_GO_ON = "Continue."
_LOST = {"error": "The result of this call is missing from the conversation."}
_decode = msgspec.json.Decoder().decode


def to_contents(
    request: ChatRequest, family: Family, recall: Recall, words: str | None = None
) -> tuple[list[Part], list[Turn]]:
    """The system instruction's parts and the contents of a conversation. `words` end the instruction.

    Gemini's order rules (Gemini API, contents) are met by repair, never by refusal: results follow their calls in call
    order, one for each; a result without a call becomes a user's text; neighbours of one role are one turn.
    """
    _refuse_empty_calls(request.messages)
    system: list[Part] = []
    turns: list[Turn] = []
    results = _Results(request.messages)
    for index, message in enumerate(request.messages):
        path = f"messages[{index}].content"
        if isinstance(message, SystemMessage):
            system.append({"text": to_text(message.content)})
        elif isinstance(message, UserMessage):
            _add(turns, "user", _of_user(message, path, family))
        elif isinstance(message, CodeMessage):
            _add(turns, "model", _run(message, family))
        elif isinstance(message, AssistantMessage):
            _add_assistant(turns, message, index, results, family, recall)
        elif not results.is_taken(index):
            _add(turns, "user", _orphan(message, path, family))
    system = [part for part in (*system, {"text": words}) if part["text"]]
    if not family.system and system:
        _prepend(turns, system)
        system = []
    return system, _complete(turns, family)


def _refuse_empty_calls(messages: Iterable[Message]) -> None:
    for index, message in enumerate(messages):
        if not isinstance(message, AssistantMessage):
            continue
        for place, call in enumerate(message.tool_calls or ()):
            if call.function is None and call.custom is None:
                path = f"messages[{index}].tool_calls[{place}].function"
                raise Untranslatable(f"Missing required parameter: '{path}'.", path, "missing_required_parameter")


class _Results:
    """The tool messages of a conversation, each to be taken by the call it answers."""

    def __init__(self, messages: Iterable[Message]) -> None:
        self._waiting: dict[str, list[Result]] = {}
        self._taken: set[int] = set()
        for index, message in enumerate(messages):
            if isinstance(message, ToolMessage | FunctionMessage):
                self._waiting.setdefault(_answers(message), []).append((index, message))

    def take(self, key: str, after: int) -> Result | None:
        """The first untaken result for `key` behind message `after`, else the first anywhere (clients shuffle)."""
        waiting = self._waiting.get(key, [])
        result = next((result for result in waiting if result[0] > after), waiting[0] if waiting else None)
        if result is None:
            return None
        waiting.remove(result)
        self._taken.add(result[0])
        return result

    def is_taken(self, index: int) -> bool:
        return index in self._taken


def _answers(message: ToolMessage | FunctionMessage) -> str:
    if isinstance(message, FunctionMessage):
        return f"name:{message.name}"
    return f"id:{'' if message.tool_call_id is None else message.tool_call_id}"


def _of_user(message: UserMessage, path: str, family: Family) -> list[Part]:
    parts = to_parts(message.content, path, family) or [{"text": _NO_TEXT}]
    if message.name:
        # Gemini has no names for speakers: the name leads the text, as in a script.
        named = next((part for part in parts if "text" in part), None)
        if named is not None:
            named["text"] = f"{message.name}: {named['text']}"
    return parts


def _run(message: CodeMessage, family: Family) -> list[Part]:
    """Code and its result, for a model that runs some."""
    if not family.functions:
        return []
    code, printed = (to_text([part]) for part in message.content or ())  # type: ignore[list-item]
    return [
        {"executableCode": {"language": "PYTHON", "code": code}},
        {"codeExecutionResult": {"outcome": message.outcome, "output": printed}},
    ]


def _add_assistant(
    turns: list[Turn], message: AssistantMessage, index: int, results: _Results, family: Family, recall: Recall
) -> None:
    """Add an assistant message, and behind its calls one turn with their results."""
    parts = to_parts(message.content, f"messages[{index}].content", family)
    if message.refusal:
        parts.append({"text": message.refusal})
    signature = signature_of(message.extra_content)
    if signature and parts and family.signatures:
        parts[-1]["thoughtSignature"] = signature
    calls = list(_calls(message, family, recall))
    _add(turns, "model", parts + [part for _, part in calls])
    _add(turns, "user", _drawn(message, f"messages[{index}].images", family))
    if calls:
        responses = [
            part for key, call in calls for part in _response(call["functionCall"], results.take(key, index), family)
        ]
        # A turn of its own: the text of a user that follows must not count as a function response.
        turns.append({"role": "user", "parts": responses, "closed": True})


def _drawn(message: AssistantMessage, path: str, family: Family) -> list[Part]:
    """The images of an earlier answer, for a model that draws."""
    if not family.images or message.images is None:
        return []
    try:
        images = msgspec.convert(message.images, list[ImagePart])
    except msgspec.ValidationError:
        return []
    parts = [to_image(image.image_url, f"{path}[{place}].image_url", family) for place, image in enumerate(images)]
    return [part for image in parts for part in ({"text": DRAWN_BEFORE}, image)]


def _calls(message: AssistantMessage, family: Family, recall: Recall) -> Iterator[tuple[str, Part]]:
    """Each call of a message: the key its result is found by, and its part."""
    for call in message.tool_calls or ():
        call_id = "" if call.id is None else str(call.id)
        part: Part = {"functionCall": {"name": _name(call), "args": _arguments(call)}}
        if call_id:
            part["functionCall"]["id"] = call_id
        if family.signatures:
            signature = signature_of(call.extra_content) or recall(call_id, family.generation)
            if signature:
                part["thoughtSignature"] = signature
        yield f"id:{call_id}", part
    if message.function_call is not None and not message.tool_calls:
        name = message.function_call.name
        arguments = _to_object(message.function_call.arguments)
        yield f"name:{name}", {"functionCall": {"name": to_gemini_name(name), "args": arguments}}


def _name(call: ToolCall) -> str:
    called: CalledFunction | Any = call.function or call.custom
    return to_gemini_name(called.name)


def _arguments(call: ToolCall) -> dict[str, Any]:
    if call.function is not None:
        return _to_object(call.function.arguments)
    return {"input": call.custom.input if call.custom else ""}


def _to_object(arguments: str | dict[str, Any] | None) -> dict[str, Any]:
    """The arguments as an object: a text cut short by a length stop is kept as it is under a name of its own."""
    if isinstance(arguments, dict):
        return arguments
    text = (arguments or "").strip()
    if not text:
        return {}
    decoded = _decoded(text)
    if isinstance(decoded, dict):
        return decoded
    return {} if decoded is None else {"arguments": decoded}


def _decoded(text: str) -> Any:
    """What JSON says; the text itself where it is none, or nested deeper than Gemini takes."""
    try:
        decoded = _decode(text)
    except (msgspec.DecodeError, RecursionError):
        return text
    return text if is_nested_too_deep(text.encode()) else decoded


def _response(call: dict[str, Any], result: Result | None, family: Family) -> list[Part]:
    """The functionResponse for a call; images of a result go inside it where the family takes them, else behind it."""
    response: dict[str, Any] = {"name": call["name"], "response": _LOST}
    if "id" in call:
        response["id"] = call["id"]
    if result is None:
        return [{"functionResponse": response}]
    index, message = result
    response["response"] = _to_response(to_text(message.content))
    parts = to_parts(message.content, f"messages[{index}].content", family)
    media: list[Part] = [{key: part[key]} for part in parts for key in ("inlineData", "fileData") if key in part]
    if media and family.response_parts:
        response["parts"] = media
        media = []
    return [{"functionResponse": response}, *media]


def _to_response(text: str) -> dict[str, Any]:
    """The result as an object (Gemini API, functionResponse.response): JSON objects as they are, the rest wrapped."""
    stripped = text.strip()
    decoded = _decoded(stripped) if stripped.startswith("{") and '"$ref"' not in stripped else None
    return decoded if isinstance(decoded, dict) else {"output": text}


def _orphan(message: ToolMessage | FunctionMessage, path: str, family: Family) -> list[Part]:
    """A result whose call the client left out: plain text of the user, so that nothing is lost."""
    name = message.name if isinstance(message, FunctionMessage) else "a tool"
    parts = to_parts(message.content, path, family)
    return [{"text": f"Result of {name}:"}, *parts] if parts else []


def _add(turns: list[Turn], role: str, parts: list[Part]) -> None:
    if not parts:
        return
    if turns and turns[-1]["role"] == role and not turns[-1].get("closed"):
        turns[-1]["parts"] += parts
    else:
        turns.append({"role": role, "parts": parts})


def _prepend(turns: list[Turn], parts: list[Part]) -> None:
    if turns and turns[0]["role"] == "user" and not turns[0].get("closed"):
        turns[0]["parts"] = parts + turns[0]["parts"]
    else:
        turns.insert(0, {"role": "user", "parts": parts})


def _complete(turns: list[Turn], family: Family) -> list[Turn]:
    """The turns as Gemini takes them: begun by the user, ended by the user where prefill is refused, signed."""
    if not turns or turns[0]["role"] != "user" or turns[0].get("closed"):
        turns.insert(0, {"role": "user", "parts": [{"text": _NO_TEXT}]})
    if turns[-1]["role"] == "model" and not family.prefill:
        turns.append({"role": "user", "parts": [{"text": _GO_ON}]})
    contents = [{"role": turn["role"], "parts": turn["parts"]} for turn in turns]
    if family.signatures:
        sign_current_turn(contents)
    return contents

"""Requests as clients write them, put through the translation; every body is held against the API's own rules."""

import base64
import json
from typing import Any

import msgspec

from compat.schemas.chat import ChatRequest
from compat.simulator.models import CATALOGUE
from compat.simulator.validation import violations
from compat.translation.chat.request import ChatTranslation
from compat.translation.decoding import decode
from compat.translation.refusals import Untranslatable

_chat = msgspec.json.Decoder(ChatRequest)

PNG = b"\x89PNG\r\n\x1a\n" + bytes(16)
PNG_URL = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"
WEATHER = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}

# Every model that answers generateContent with text, images or speech: one and more of each family.
TEXT_MODELS = [facts.id for facts in CATALOGUE.values() if facts.kind in {"text", "gemma"}]
MODELS = [facts.id for facts in CATALOGUE.values() if facts.kind in {"text", "gemma", "image", "speech"}]


def chat(**members: Any) -> ChatRequest:
    """A request with these members, decoded from JSON as a client's is."""
    request = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Hi"}], **members}
    return decode(json.dumps(request).encode(), _chat)


def body(model: str = "gemini-3.8-flash", *, candidates: int = 1, recall: Any = None, **members: Any) -> dict[str, Any]:
    """The body for a model; Gemini would take it, where the simulator knows the model."""
    made = ChatTranslation(chat(**members), recall or (lambda call_id, generation: None)).to_body(model, candidates)
    made = json.loads(msgspec.json.encode(made))
    if model in CATALOGUE:
        assert violations(model, made) == []
    return made


def contents(*messages: dict[str, Any], model: str = "gemini-3.8-flash", **more: Any) -> list[dict[str, Any]]:
    """The contents that messages become."""
    return body(model, messages=list(messages), **more)["contents"]


def config(model: str = "gemini-3.8-flash", **members: Any) -> dict[str, Any]:
    """The generationConfig of a request with these members."""
    return body(model, **members).get("generationConfig", {})


def refusal(model: str = "gemini-3.8-flash", **members: Any) -> Untranslatable:
    """What the translation says to a request that it refuses."""
    try:
        made = body(model, **members)
    except Untranslatable as error:
        return error
    raise AssertionError(f"it was taken: {made}")


def user(content: Any, **members: Any) -> dict[str, Any]:
    return {"role": "user", "content": content, **members}


def assistant(content: Any = None, **members: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": content, **members}


def calls(*pairs: tuple[Any, str] | tuple[Any, str, Any], **members: Any) -> dict[str, Any]:
    """An assistant's message of calls: (id, name) or (id, name, arguments)."""
    made = [
        {"id": pair[0], "type": "function", "function": {"name": pair[1], "arguments": (*pair, "{}")[2]}}
        for pair in pairs
    ]
    return assistant(None, tool_calls=made, **members)


def result(call_id: Any, content: Any = "ok", **members: Any) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": call_id, "content": content, **members}


def function_tool(name: str = "weather", parameters: Any = WEATHER, **members: Any) -> dict[str, Any]:
    function = {"name": name, "parameters": parameters, **members}
    return {"type": "function", "function": {key: value for key, value in function.items() if value is not None}}


def data_url(payload: bytes, mime_type: str = "image/png") -> str:
    return f"data:{mime_type};base64,{base64.b64encode(payload).decode()}"

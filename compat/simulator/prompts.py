"""What a valid generate request asks for, gathered once for whoever makes the answer."""

from dataclasses import dataclass, field
from typing import Any

from compat.simulator.wire import JsonObject


@dataclass(slots=True)
class Prompt:
    """The last user turn and the options that shape an answer."""

    text: str = ""
    media_types: list[str] = field(default_factory=list)
    sounds: list[JsonObject] = field(default_factory=list)
    responses: list[JsonObject] = field(default_factory=list)
    called: set[str] = field(default_factory=set)
    functions: dict[str, Any] = field(default_factory=dict)
    mode: str = "AUTO"
    built_in: set[str] = field(default_factory=set)
    config: JsonObject = field(default_factory=dict)

    @property
    def may_call(self) -> bool:
        """Whether functions were declared and may be called."""
        return bool(self.functions) and self.mode != "NONE"


def read_prompt(request: JsonObject) -> Prompt:
    """The prompt of a request that was found valid.

    The text is that of the newest user turn, with line breaks between parts; `called` are the functions already
    called since then; `functions` maps the names that may be called to their schemas.
    """
    prompt = Prompt(config=request.get("generationConfig", {}))
    _read_turn(request["contents"], prompt)
    if "tools" in request:
        _read_tools(request, prompt)
    return prompt


def _read_turn(contents: list[JsonObject], prompt: Prompt) -> None:
    prompt.responses = [part["functionResponse"] for part in contents[-1]["parts"] if "functionResponse" in part]
    for content in reversed(contents):
        if content.get("role") == "model":
            prompt.called.update(part["functionCall"]["name"] for part in content["parts"] if "functionCall" in part)
            continue
        texts = [part["text"] for part in content["parts"] if "text" in part]
        media = [part.get("inlineData") or part.get("fileData") for part in content["parts"]]
        prompt.media_types = [_seen(one) for one in media if one]
        prompt.sounds = [one for one in media if one and "data" in one and _is_sound(one)]
        prompt.text = "\n".join(texts)
        if texts or prompt.media_types:
            return


def _seen(media: JsonObject) -> str:
    """What is said of it: of a file of the project also whether its bytes have arrived."""
    kind = str(media.get("mimeType", "a file"))
    return f"{kind} of {media['sizeBytes']} bytes with the SHA-256 {media['sha256']}" if "sha256" in media else kind


def _is_sound(media: JsonObject) -> bool:
    """Whether it may be heard: films are among it, for webm and mp4 files of sound come as such."""
    return str(media.get("mimeType", "")).startswith(("audio/", "video/"))


def _read_tools(request: JsonObject, prompt: Prompt) -> None:
    for tool in request["tools"]:
        for declaration in tool.get("functionDeclarations", ()):
            schema = declaration.get("parametersJsonSchema", declaration.get("parameters"))
            prompt.functions[declaration["name"]] = schema
        prompt.built_in.update(name for name in tool if name != "functionDeclarations")
    config = request.get("toolConfig", {}).get("functionCallingConfig", {})
    prompt.mode = config.get("mode", "AUTO")
    allowed = config.get("allowedFunctionNames")
    if allowed:
        prompt.functions = {name: schema for name, schema in prompt.functions.items() if name in allowed}

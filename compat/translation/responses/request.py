"""A responses request → the chat request that stands for it."""

from collections.abc import Sequence
from typing import Any

import msgspec

from compat.schemas.chat import (
    AllowedTool,
    AllowedTools,
    ChatRequest,
    CustomDefinition,
    DeveloperMessage,
    FunctionDefinition,
    ImageConfig,
    JsonSchema,
    Message,
    ResponseFormat,
    Tool,
    ToolChoice,
    ToolName,
)
from compat.schemas.images import DEFAULT_MODEL
from compat.schemas.responses import (
    CustomTool,
    FunctionTool,
    ImageTool,
    Kind,
    NamedChoice,
    NamespaceTool,
    ResponseRequest,
    TextFormat,
)
from compat.translation.decoding import decode_part
from compat.translation.images.request import refuse_transparency
from compat.translation.images.sizes import read_size
from compat.translation.origins import Origins
from compat.translation.refusals import Untranslatable
from compat.translation.responses.code import OUTPUTS
from compat.translation.responses.history import NOTHING, History
from compat.translation.responses.items import Conversation, Item, Unseal
from compat.translation.responses.namespaces import joined

_kind = msgspec.json.Decoder(Kind)
_function = msgspec.json.Decoder(FunctionTool)
_custom = msgspec.json.Decoder(CustomTool)
_image = msgspec.json.Decoder(ImageTool)
_namespace = msgspec.json.Decoder(NamespaceTool)

LOGPROBS = "message.output_text.logprobs"
ENCRYPTED = "reasoning.encrypted_content"
SOURCES = "web_search_call.action.sources"
INCLUDABLE = frozenset(
    {
        *(LOGPROBS, ENCRYPTED, SOURCES, OUTPUTS, "web_search_call.results", "file_search_call.results"),
        *("message.input_image.image_url", "computer_call_output.output.image_url"),
    }
)
"""What OpenAI's `include` may name (IncludeEnum)."""

HOSTED = frozenset(
    {
        *("apply_patch", "computer", "computer_use_preview", "file_search", "image_generation"),
        *("local_shell", "mcp", "shell", "tool_search"),
    }
)
"""Tools that OpenAI runs itself and that are left out here: clients always list some."""

_DRAWS = "image_generation"
_RUNS_CODE = "code_interpreter"
_CALLED = ("function", "custom")
# Chat's names of members that this API calls otherwise.
_NAMES = (
    ("response_format.json_schema", "text.format"),
    ("response_format", "text.format"),
    ("max_completion_tokens", "max_output_tokens"),
    ("reasoning_effort", "reasoning.effort"),
)


class ResponseTranslation:
    """One request as a chat. Raises Untranslatable for what no model could be asked."""

    def __init__(
        self, request: ResponseRequest, items: list[tuple[int, Item]], unseal: Unseal, history: History = NOTHING
    ) -> None:
        _refuse_unserved(request)
        self.request = request
        tools = _Tools(request.tools or ())
        self.searches, self.dropped, self.namespaces = tools.searches, tools.dropped, tools.namespaces
        self.runs_code = tools.runs_code
        image_tool = _image_tool(request.tools or [])
        self.draws_by = _draws_by(request, image_tool)
        """The model that draws, where the request is for an image; None where the model that is asked goes on by itself."""
        if self.draws_by:
            self.dropped.remove(_DRAWS)
        came_from = "conversation" if request.conversation else "previous_response_id"
        before = [(came_from, item) for item in history.items]
        conversation = Conversation([*before, *items], unseal, history.signatures)
        lead: list[Message] = [DeveloperMessage(request.instructions)] if request.instructions else []
        self.origins = Origins("input", "instructions", [*(None for _ in lead), *conversation.places], _NAMES)
        if not lead and not conversation.messages:
            raise Untranslatable("Invalid 'input': it holds no message.", "input", "empty_array")
        self.chat = self._as_chat(lead + conversation.messages, tools, image_tool)

    def _as_chat(self, messages: list[Message], tools: "_Tools", image_tool: ImageTool | None) -> ChatRequest:
        """What the request asks for, by chat's names."""
        request = self.request
        wants_logprobs = LOGPROBS in (request.include or ()) or bool(request.top_logprobs)
        return ChatRequest(
            model=request.model,
            messages=messages,
            max_completion_tokens=request.max_output_tokens,
            temperature=request.temperature,
            top_p=request.top_p,
            logprobs=wants_logprobs or None,
            top_logprobs=request.top_logprobs if wants_logprobs else None,
            response_format=_to_format(request.text.format if request.text else None),
            tools=tools.called or None,
            tool_choice=None if self.draws_by else _to_choice(request.tool_choice, tools),
            image_config=ImageConfig(size=image_tool.size, quality=image_tool.quality) if image_tool else None,
            parallel_tool_calls=request.parallel_tool_calls,
            reasoning_effort=request.reasoning.effort if request.reasoning else None,
            web_search_options={} if self.searches else None,
            service_tier=request.service_tier,
            user=request.user or request.safety_identifier,
            google={"thinking_config": {"include_thoughts": self.tells_thoughts}} if request.reasoning else None,
        )

    @property
    def tells_thoughts(self) -> bool:
        """True where the client asked for summaries of the reasoning."""
        wanted = self.request.reasoning
        return wanted is not None and (wanted.summary or wanted.generate_summary or "none") != "none"


def _refuse_unserved(request: ResponseRequest) -> None:
    if request.previous_response_id and request.conversation:
        raise Untranslatable(
            "Send previous_response_id or conversation, not both.",
            "previous_response_id",
            "mutually_exclusive_parameters",
        )
    if request.prompt:
        raise Untranslatable(
            "'prompt' is not supported here. Send what it stands for in 'input' and 'instructions'.",
            "prompt",
            "unsupported_parameter",
        )


class _Tools:
    """What the tools of a request amount to. Raises Untranslatable."""

    def __init__(self, raws: Sequence[msgspec.Raw]) -> None:
        self.called: list[Tool] = []
        """Functions and custom tools."""
        self.searches = False
        """Whether the web may be searched."""
        self.runs_code = False
        """Whether code may be run."""
        self.dropped: list[str] = []
        """The kinds of those that are left out."""
        self.namespaces: dict[str, tuple[str, str]] = {}
        self._plain: set[str] = set()
        """The names of those that are in no namespace."""
        self._take(raws, "tools")

    def name_of(self, choice: NamedChoice, path: str) -> ToolName:
        """The tool that a choice names. One of a namespace is known by its own name, where only one is called so."""
        if choice.name is None:
            raise Untranslatable(
                f"Missing required parameter: '{path}.name'.", f"{path}.name", "missing_required_parameter"
            )
        if choice.namespace:
            return ToolName(joined(choice.namespace, choice.name))
        inside = [whole for whole, (_, name) in self.namespaces.items() if name == choice.name]
        if not inside or choice.name in self._plain:
            return ToolName(choice.name)
        if len(inside) > 1:
            raise Untranslatable(
                f"Several namespaces have a tool {choice.name[:64]!r}: say which is meant in '{path}.namespace'.",
                f"{path}.namespace",
                "missing_required_parameter",
            )
        return ToolName(inside[0])

    def _take(self, raws: Sequence[msgspec.Raw], path: str, namespace: str | None = None) -> None:
        for place, raw in enumerate(raws):
            self._take_one(raw, f"{path}[{place}]", namespace)

    def _take_one(self, raw: msgspec.Raw, path: str, namespace: str | None) -> None:
        kind = decode_part(raw, _kind, path).type
        if kind in _CALLED:
            self._call(_to_tool(raw, kind, path), namespace)
        elif kind == "namespace" and namespace is None:
            whole = decode_part(raw, _namespace, path)
            self._take(whole.tools, f"{path}.tools", whole.name)
        elif kind.startswith("web_search"):
            self.searches = True
        elif kind == _RUNS_CODE:
            self.runs_code = True
        else:
            self.dropped.append(kind if kind in HOSTED else "another kind")

    def _call(self, tool: Tool, namespace: str | None) -> None:
        definition = tool.function or tool.custom
        assert definition is not None  # noqa: S101 (it was made just now)
        if namespace is not None:
            name, definition.name = definition.name, joined(namespace, definition.name)
            self.namespaces[definition.name] = (namespace, name)
        else:
            self._plain.add(definition.name)
        self.called.append(tool)


def _to_tool(raw: msgspec.Raw, kind: str, path: str) -> Tool:
    if kind == "custom":
        custom = decode_part(raw, _custom, path)
        return Tool("custom", custom=CustomDefinition(custom.name, custom.description, _grammar(custom)))
    tool = decode_part(raw, _function, path)
    return Tool("function", function=FunctionDefinition(tool.name, tool.description, tool.parameters, tool.strict))


def _image_tool(raws: list[msgspec.Raw]) -> ImageTool | None:
    """The tool that draws, checked. Raises Untranslatable."""
    for place, raw in enumerate(raws):
        path = f"tools[{place}]"
        if decode_part(raw, _kind, path).type == _DRAWS:
            tool = decode_part(raw, _image, path)
            read_size(tool.size, f"{path}.size")
            refuse_transparency(tool.background, f"{path}.background")
            return tool
    return None


def _draws_by(request: ResponseRequest, tool: ImageTool | None) -> str | None:
    """The model to draw with where that is what is wanted: the tool is the only one, or the one that must be called.

    No Gemini model calls another one to draw; those that draw talk as well.
    """
    choice = request.tool_choice
    if tool is None or choice == "none":
        return None
    is_forced = isinstance(choice, NamedChoice) and choice.type == _DRAWS
    return (tool.model or DEFAULT_MODEL) if is_forced or len(request.tools or ()) == 1 else None


def _grammar(tool: CustomTool) -> Any:
    """The format as chat nests it: here it is flat."""
    if isinstance(tool.format, dict) and tool.format.get("type") == "grammar":
        return {"type": "grammar", "grammar": tool.format}
    return None


def _to_format(wanted: TextFormat | None) -> ResponseFormat | None:
    if wanted is None or wanted.type == "text":
        return None
    if wanted.type == "json_object":
        return ResponseFormat("json_object")
    if wanted.schema is None or wanted.name is None:
        path = f"text.format.{'name' if wanted.name is None else 'schema'}"
        raise Untranslatable(f"Missing required parameter: '{path}'.", path, "missing_required_parameter")
    return ResponseFormat("json_schema", JsonSchema(wanted.name, wanted.schema, wanted.description, wanted.strict))


def _to_choice(wanted: str | NamedChoice | None, tools: _Tools) -> Any:
    """chat's tool_choice. One that names a tool of the server's own leaves the choice to the model."""
    if wanted is None or isinstance(wanted, str):
        return wanted
    if wanted.type == "allowed_tools":
        names = [
            AllowedTool(tool.type, **{tool.type: tools.name_of(tool, f"tool_choice.tools[{place}]")})
            for place, tool in enumerate(wanted.tools or ())
            if tool.type in _CALLED
        ]
        return ToolChoice("allowed_tools", allowed_tools=AllowedTools(wanted.mode, names))
    if wanted.type not in _CALLED:
        return None
    return ToolChoice(wanted.type, **{wanted.type: tools.name_of(wanted, "tool_choice")})  # type: ignore[arg-type]

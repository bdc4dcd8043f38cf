"""A Messages request → the chat request that stands for it."""

from typing import Any

import msgspec

from compat.schemas.anthropic import (
    InputTool,
    InputToolChoice,
    Kind,
    MessagesRequest,
    OutputFormat,
    TextBlock,
    Thinking,
)
from compat.schemas.chat import (
    ChatRequest,
    DeveloperMessage,
    FunctionDefinition,
    JsonSchema,
    Message,
    ResponseFormat,
    Tool,
    ToolChoice,
    ToolName,
)
from compat.translation.anthropic.conversation import Conversation, Unseal
from compat.translation.decoding import decode_part
from compat.translation.origins import Origins
from compat.translation.refusals import Untranslatable

_kind = msgspec.json.Decoder(Kind)
_tool = msgspec.json.Decoder(InputTool)

# Chat's names of members that this API calls otherwise.
_NAMES = (
    ("response_format.json_schema", "output_config.format"),
    ("response_format", "output_config.format"),
    ("max_completion_tokens", "max_tokens"),
    ("reasoning_effort", "thinking"),
    ("stop", "stop_sequences"),
)
# Anthropic's budgets of thinking, for models that know only efforts: up to so many tokens.
_EFFORTS = ((2_048, "low"), (16_384, "medium"))


class MessagesTranslation:
    """One request as a chat. Raises Untranslatable for what no model could be asked."""

    def __init__(self, request: MessagesRequest, unseal: Unseal) -> None:
        lead: list[Message] = [DeveloperMessage(text)] if (text := _system(request.system)) else []
        conversation = Conversation(request.messages, unseal)
        tools, searches = _to_tools(request.tools or [])
        choice, config = request.tool_choice, request.output_config
        self.origins = Origins("messages", "system", [*(None for _ in lead), *conversation.places], _NAMES, ".source.")
        self.chat = ChatRequest(
            model=request.model,
            messages=lead + conversation.messages,
            max_completion_tokens=request.max_tokens,
            temperature=request.temperature,
            top_p=request.top_p,
            top_k=request.top_k,
            stop=request.stop_sequences or None,
            response_format=_to_format(request.output_format or (config.format if config else None)),
            tools=tools or None,
            tool_choice=_to_choice(choice) if choice and tools else None,
            parallel_tool_calls=False if choice and choice.disable_parallel_tool_use else None,
            reasoning_effort=(config.effort if config else None) or _to_effort(request.thinking),
            web_search_options={} if searches else None,
            user=request.metadata.user_id if request.metadata else None,
            google=_to_google(request.thinking),
        )
        self.tells_thoughts = request.thinking is not None and request.thinking.type != "disabled"


def _system(system: str | list[TextBlock] | None) -> str:
    if system is None or isinstance(system, str):
        return system or ""
    return "\n\n".join(block.text for block in system)


def _to_tools(raws: list[msgspec.Raw]) -> tuple[list[Tool], bool]:
    """(functions, whether the web may be searched). Anthropic's other own tools are left out."""
    tools: list[Tool] = []
    searches = False
    for place, raw in enumerate(raws):
        path = f"tools[{place}]"
        kind = decode_part(raw, _kind, path).type
        if kind in ("", "custom"):
            tools.append(Tool(function=_to_function(decode_part(raw, _tool, path))))
        searches = searches or kind.startswith("web_search")
    return tools, searches


def _to_function(tool: InputTool) -> FunctionDefinition:
    return FunctionDefinition(tool.name, tool.description, tool.input_schema, tool.strict)


def _to_choice(choice: InputToolChoice) -> Any:
    if choice.type != "tool":
        return "required" if choice.type == "any" else choice.type
    if choice.name is None:
        raise Untranslatable(
            "Missing required parameter: 'tool_choice.name'.", "tool_choice.name", "missing_required_parameter"
        )
    return ToolChoice("function", function=ToolName(choice.name))


def _to_format(wanted: OutputFormat | None) -> ResponseFormat | None:
    return ResponseFormat("json_schema", JsonSchema("answer", wanted.schema)) if wanted else None


def _to_effort(thinking: Thinking | None) -> Any:
    if thinking is None or thinking.type == "adaptive":
        return None
    if thinking.type == "disabled":
        return "none"
    budget = thinking.budget_tokens or 0
    return next((effort for most, effort in _EFFORTS if budget <= most), "high")


def _to_google(thinking: Thinking | None) -> dict[str, Any] | None:
    """Google's own options: thoughts are told where thinking was asked for; families with budgets get the budget."""
    if thinking is None or thinking.type == "disabled":
        return None
    options: dict[str, Any] = {"include_thoughts": thinking.display != "omitted"}
    if thinking.budget_tokens:
        options["thinking_budget"] = thinking.budget_tokens
    return {"thinking_config": options}

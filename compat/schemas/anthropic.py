"""POST messages and files: the requests as Anthropic's clients send them. Blocks of kinds that mean nothing here are left out."""

from typing import Annotated, Any, Literal

from msgspec import Meta, Raw, Struct

from compat.schemas.chat import Share, TokenCount
from compat.schemas.uploads import Upload


class Source(Struct):
    """Where an image or a document is."""

    type: Literal["base64", "url", "text", "file", "content"]
    media_type: str | None = None
    data: str | None = None
    url: str | None = None
    file_id: str | None = None


class TextBlock(Struct):
    """Plain text."""

    text: str


class ImageBlock(Struct):
    """An image."""

    source: Source


class DocumentBlock(Struct):
    """A PDF or a text."""

    source: Source
    title: str | None = None
    context: str | None = None


class ThinkingBlock(Struct):
    """What the model thought; the signatures of its calls travel in it, sealed."""

    thinking: str = ""
    signature: str = ""


class ToolUseBlock(Struct):
    """A call that the model made."""

    id: str
    name: str
    input: dict[str, Any]


class ToolResultBlock(Struct):
    """The result of a call."""

    tool_use_id: str
    content: str | list[Raw] | None = None
    is_error: bool | None = None


BLOCKS: dict[str, type[Struct]] = {
    "text": TextBlock,
    "image": ImageBlock,
    "document": DocumentBlock,
    "thinking": ThinkingBlock,
    "tool_use": ToolUseBlock,
    "tool_result": ToolResultBlock,
}
"""The kinds of content blocks that mean something here."""


class Kind(Struct):
    """What a block or a tool is."""

    type: str = ""


class InputMessage(Struct):
    """What somebody said."""

    role: Literal["user", "assistant", "system"]
    content: str | list[Raw]


class InputTool(Struct):
    """A function that the model may call."""

    name: str
    description: str | None = None
    input_schema: dict[str, Any] | None = None
    strict: bool | None = None


class InputToolChoice(Struct):
    """Whether to call, and what."""

    type: Literal["auto", "any", "tool", "none"]
    name: str | None = None
    disable_parallel_tool_use: bool | None = None


class Thinking(Struct):
    """Whether to think, and how long."""

    type: Literal["enabled", "disabled", "adaptive"]
    budget_tokens: Annotated[int, Meta(ge=1)] | None = None
    display: Literal["summarized", "omitted"] | None = None


class OutputFormat(Struct):
    """The form that the answer must have."""

    type: Literal["json_schema"]
    schema: dict[str, Any]


class OutputConfig(Struct):
    """How much to put into the answer, and its form."""

    effort: Literal["low", "medium", "high", "xhigh", "max"] | None = None
    format: OutputFormat | None = None


class Metadata(Struct):
    """Whom the request is for."""

    user_id: Annotated[str, Meta(max_length=1024)] | None = None


class MessagesRequest(Struct):
    """The members that have an effect, or whose type is checked because Anthropic checks it."""

    model: Annotated[str, Meta(min_length=1, max_length=256)]
    messages: Annotated[list[InputMessage], Meta(min_length=1, max_length=10_000)]
    max_tokens: TokenCount | None = None
    system: str | list[TextBlock] | None = None
    stream: bool | None = None
    stop_sequences: list[str] | None = None
    temperature: Share | None = None
    top_p: Share | None = None
    top_k: int | None = None
    tools: Annotated[list[Raw], Meta(max_length=128)] | None = None
    tool_choice: InputToolChoice | None = None
    thinking: Thinking | None = None
    output_config: OutputConfig | None = None
    output_format: OutputFormat | None = None
    metadata: Metadata | None = None
    service_tier: str | None = None


class FileForm(Struct):
    """A file, and how long it is kept."""

    file: Upload
    expires_in_seconds: Annotated[int, Meta(ge=3_600, le=7_776_000)] | None = None

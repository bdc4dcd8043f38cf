"""What Anthropic's routes answer, as answers.py has it for the other routes: the API document is made from here."""

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

Count = Annotated[int, Meta(ge=0)]


class AnthropicText(Struct, tag_field="type", tag="text"):
    """What the model says."""

    text: str


class AnthropicThinking(Struct, tag_field="type", tag="thinking"):
    """What the model thought. Send it back as it is: newer models demand the signatures that travel in it."""

    thinking: str
    signature: str


class AnthropicToolUse(Struct, tag_field="type", tag="tool_use"):
    """A function that the model wants called."""

    id: str
    name: str
    input: dict[str, Any]


AnthropicBlock = AnthropicText | AnthropicThinking | AnthropicToolUse


class AnthropicUsage(Struct):
    """Tokens as Gemini counts them: input_tokens without those that a cache held, output_tokens with reasoning."""

    input_tokens: Count
    cache_creation_input_tokens: Count
    cache_read_input_tokens: Count
    output_tokens: Count
    service_tier: Literal["standard"]


StopReason = Literal["end_turn", "max_tokens", "tool_use", "refusal"]


class AnthropicMessage(Struct, tag_field="type", tag="message"):
    """A whole answer."""

    id: str
    role: Literal["assistant"]
    model: str
    content: list[AnthropicBlock]
    stop_reason: StopReason | None
    stop_sequence: None
    usage: AnthropicUsage


class AnthropicErrorObject(Struct):
    """What went wrong, and where."""

    type: str
    message: str


class AnthropicEvent(Struct):
    """The data of one event of a stream; `type` is also the event's name, and says which of the members it has."""

    type: Literal[
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
        "error",
    ]
    message: AnthropicMessage | UnsetType = UNSET
    index: Count | UnsetType = UNSET
    content_block: AnthropicBlock | UnsetType = UNSET
    delta: dict[str, Any] | UnsetType = UNSET
    usage: AnthropicUsage | UnsetType = UNSET
    error: AnthropicErrorObject | UnsetType = UNSET


class AnthropicError(Struct, tag_field="type", tag="error"):
    """The envelope of an error."""

    error: AnthropicErrorObject
    request_id: str


class AnthropicCount(Struct):
    """What the messages count."""

    input_tokens: Count


class AnthropicFile(Struct, tag_field="type", tag="file"):
    """A file that is kept here."""

    id: str
    filename: str
    mime_type: str
    size_bytes: Count
    created_at: str
    expires_at: str
    downloadable: Literal[True] = True


class AnthropicFileList(Struct):
    """A page of the files of a user."""

    data: list[AnthropicFile]
    first_id: str | None
    last_id: str | None
    has_more: bool
    next_page: str | None


class AnthropicFileDeleted(Struct, tag_field="type", tag="file_deleted"):
    """The file is erased."""

    id: str

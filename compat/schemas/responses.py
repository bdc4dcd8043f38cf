"""POST responses: the request as OpenAI's newer clients send it. Items and tools are decoded one by one, by their kind."""

from typing import Annotated, Any, Literal

from msgspec import Meta, Raw, Struct

from compat.schemas.chat import (
    AtMost2,
    AudioPart,
    Effort,
    InputTextPart,
    OutputTextPart,
    RefusalPart,
    Share,
    StreamOptions,
    TextPart,
    TokenCount,
)


class InputImagePart(Struct, tag_field="type", tag="input_image"):
    """An image: a data URL, an https URL, or the id of a stored file."""

    image_url: str | None = None
    file_id: str | None = None
    detail: str | None = None


class InputFilePart(Struct, tag_field="type", tag="input_file"):
    """A document: a data URL or bare base64 in file_data, or the id of a stored file."""

    file_data: str | None = None
    file_url: str | None = None
    file_id: str | None = None
    filename: str | None = None


ResponsePart = TextPart | InputTextPart | OutputTextPart | RefusalPart | AudioPart | InputImagePart | InputFilePart
ResponseContent = str | list[ResponsePart]


class MessageItem(Struct):
    """What somebody said. Most clients leave its type out."""

    role: Literal["user", "assistant", "system", "developer"]
    content: ResponseContent


class FunctionCallItem(Struct):
    """A call that the model made."""

    call_id: str
    name: str
    arguments: str = ""
    namespace: str | None = None


class CustomCallItem(Struct):
    """A custom tool's call."""

    call_id: str
    name: str
    input: str = ""
    namespace: str | None = None


class CallOutputItem(Struct):
    """The result of a call, of either kind."""

    call_id: str
    output: ResponseContent


class ReasoningItem(Struct):
    """What the model thought; its signatures travel in it, sealed."""

    encrypted_content: str | None = None


class CodeOutput(Struct):
    """Something that code put out: what it printed, or a picture."""

    type: str
    logs: str = ""


class CodeCallItem(Struct):
    """Code that was run before."""

    code: str | None = None
    status: str | None = None
    outputs: list[CodeOutput] | None = None


class ImageCallItem(Struct):
    """An image that was drawn before, in base64."""

    result: str | None = None


ITEMS: dict[str, type[Struct]] = {
    "message": MessageItem,
    "function_call": FunctionCallItem,
    "function_call_output": CallOutputItem,
    "custom_tool_call": CustomCallItem,
    "custom_tool_call_output": CallOutputItem,
    "reasoning": ReasoningItem,
    "image_generation_call": ImageCallItem,
    "code_interpreter_call": CodeCallItem,
}
"""The kinds of input items that mean something here."""


class Kind(Struct):
    """What an item or a tool is."""

    type: str = ""


class FunctionTool(Struct):
    """A function; its calls fit its schema unless it says otherwise."""

    name: str
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class CustomTool(Struct):
    """A tool that takes free text."""

    name: str
    description: str | None = None
    format: Any = None


class NamespaceTool(Struct):
    """Functions and custom tools under one name."""

    name: Annotated[str, Meta(min_length=1, max_length=128)]
    tools: Annotated[list[Raw], Meta(min_length=1, max_length=128)]


class ImageTool(Struct):
    """The tool that draws."""

    model: Annotated[str, Meta(min_length=1, max_length=256)] | None = None
    size: Annotated[str, Meta(max_length=32)] | None = None
    quality: str | None = None
    background: str | None = None


class NamedChoice(Struct):
    """A tool_choice that is an object; also one tool of its list."""

    type: str
    name: str | None = None
    namespace: str | None = None
    mode: Literal["auto", "required"] = "auto"
    tools: list["NamedChoice"] | None = None


class TextFormat(Struct):
    """What form the answer must have."""

    type: Literal["text", "json_object", "json_schema"] = "text"
    name: str | None = None
    schema: dict[str, Any] | None = None
    description: str | None = None
    strict: bool | None = None


class TextOptions(Struct):
    """How the text is to be."""

    format: TextFormat | None = None
    verbosity: str | None = None


class ReasoningOptions(Struct):
    """How much to think, and whether to tell of it."""

    effort: Effort | None = None
    summary: Literal["auto", "concise", "detailed", "none"] | None = None
    generate_summary: Literal["auto", "concise", "detailed", "none"] | None = None


class ConversationName(Struct):
    """A conversation by its id."""

    id: Annotated[str, Meta(max_length=64)]


Metadata = Annotated[
    dict[Annotated[str, Meta(max_length=64)], Annotated[str, Meta(max_length=512)]], Meta(max_length=16)
]


class ResponseRequest(Struct):
    """The members that have an effect, that are told back, or whose type is checked because OpenAI checks it."""

    model: Annotated[str, Meta(min_length=1, max_length=256)]
    input: str | Annotated[list[Raw], Meta(min_length=1, max_length=10_000)]
    instructions: str | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    max_output_tokens: TokenCount | None = None
    max_tool_calls: int | None = None
    temperature: AtMost2 | None = None
    top_p: Share | None = None
    top_logprobs: Annotated[int, Meta(ge=0, le=20)] | None = None
    tools: Annotated[list[Raw], Meta(max_length=128)] | None = None
    tool_choice: Literal["none", "auto", "required"] | NamedChoice | None = None
    parallel_tool_calls: bool | None = None
    text: TextOptions | None = None
    reasoning: ReasoningOptions | None = None
    include: list[str] | None = None
    truncation: Literal["auto", "disabled"] | None = None
    metadata: Metadata | None = None
    store: bool | None = None
    background: bool | None = None
    previous_response_id: Annotated[str, Meta(max_length=64)] | None = None
    conversation: Annotated[str, Meta(max_length=64)] | ConversationName | None = None
    prompt: Any = None
    service_tier: str | None = None
    user: Annotated[str, Meta(max_length=1024)] | None = None
    safety_identifier: Annotated[str, Meta(max_length=64)] | None = None
    prompt_cache_key: str | None = None

    @property
    def conversation_id(self) -> str | None:
        """The id of the conversation, in whichever form it came."""
        named = self.conversation
        return named.id if isinstance(named, ConversationName) else named

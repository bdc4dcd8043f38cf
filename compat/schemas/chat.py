"""POST chat/completions: the request as OpenAI's clients send it. Types are strict, unknown members are ignored."""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

Text = str
AtMost2 = Annotated[float, Meta(ge=0, le=2)]
Penalty = Annotated[float, Meta(ge=-2, le=2)]
Share = Annotated[float, Meta(ge=0, le=1)]
# Far above any model's limit; what lies between is cut to the model's own (clients copy the figure from other models).
TokenCount = Annotated[int, Meta(ge=1, le=10_000_000)]
Seed = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
Effort = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]


class TextPart(Struct, tag_field="type", tag="text"):
    """Plain text."""

    text: str


class InputTextPart(TextPart, tag_field="type", tag="input_text"):
    """The Responses API's name for text, which hybrid clients send here too."""


class OutputTextPart(TextPart, tag_field="type", tag="output_text"):
    """The Responses API's name for text of the assistant."""


class RefusalPart(Struct, tag_field="type", tag="refusal"):
    """An assistant's refusal, sent back as history."""

    refusal: str


class ImageUrl(Struct):
    """Where an image is: a data URL or an https URL."""

    url: str
    detail: str | None = None


class ImagePart(Struct, tag_field="type", tag="image_url"):
    """An image; some clients send the URL as a plain string."""

    image_url: ImageUrl | str


class InputAudio(Struct):
    """Base64 audio and its format."""

    data: str
    format: str = "wav"


class AudioPart(Struct, tag_field="type", tag="input_audio"):
    """A sound."""

    input_audio: InputAudio


class InputFile(Struct):
    """A document: a data URL or bare base64 in file_data, or the id of a stored file."""

    file_data: str | None = None
    filename: str | None = None
    file_id: str | None = None


class FilePart(Struct, tag_field="type", tag="file"):
    """A document, mostly a PDF."""

    file: InputFile


ContentPart = TextPart | InputTextPart | OutputTextPart | RefusalPart | ImagePart | AudioPart | FilePart
Content = str | list[ContentPart]


class CalledFunction(Struct):
    """The name and the JSON text of a function call."""

    name: str
    arguments: str | dict[str, Any] | None = None


class CalledCustom(Struct):
    """The name and the free text of a custom tool call."""

    name: str
    input: str = ""


class ToolCall(Struct):
    """One call in an assistant message."""

    id: str | int | None = None
    type: str | None = "function"
    function: CalledFunction | None = None
    custom: CalledCustom | None = None
    extra_content: Any = None


class SystemMessage(Struct, tag_field="role", tag="system"):
    """Instructions."""

    content: Content
    name: str | None = None


class DeveloperMessage(SystemMessage, tag_field="role", tag="developer"):
    """Instructions, by their newer name."""


class UserMessage(Struct, tag_field="role", tag="user"):
    """What the user says."""

    content: Content
    name: str | None = None


class AssistantMessage(Struct, tag_field="role", tag="assistant"):
    """What the model said before."""

    content: Content | None = None
    refusal: str | None = None
    tool_calls: list[ToolCall] | None = None
    function_call: CalledFunction | None = None
    extra_content: Any = None
    images: Any = None
    """What it drew, as the answer had it; other shapes are passed over."""


class CodeMessage(AssistantMessage):
    """Code that the model ran before, and as its second part what that printed. It is made here of other doors' requests."""

    outcome: str = ""
    """Gemini's word for how it went."""


class ToolMessage(Struct, tag_field="role", tag="tool"):
    """The result of a tool call."""

    content: Content | None = None
    tool_call_id: str | int | None = None


class FunctionMessage(Struct, tag_field="role", tag="function"):
    """The result of a legacy function call, matched by name."""

    name: str
    content: Content | None = None


Message = SystemMessage | DeveloperMessage | UserMessage | AssistantMessage | ToolMessage | FunctionMessage


class FunctionDefinition(Struct):
    """A function that the model may call."""

    name: str
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class CustomDefinition(Struct):
    """A tool that takes free text."""

    name: str
    description: str | None = None
    format: Any = None


class Tool(Struct):
    """A function, or a custom tool. Some clients leave the type of a function out."""

    type: Literal["function", "custom"] = "function"
    function: FunctionDefinition | None = None
    custom: CustomDefinition | None = None


class ToolName(Struct):
    """The name of a tool."""

    name: str


class AllowedTool(Struct):
    """One tool of an allowed_tools choice."""

    type: str = "function"
    function: ToolName | None = None
    custom: ToolName | None = None


class AllowedTools(Struct):
    """The tools that may be called this time."""

    mode: Literal["auto", "required"]
    tools: list[AllowedTool]


class ToolChoice(Struct):
    """A tool_choice that is an object: a named function, a named custom tool, or a list of allowed ones."""

    type: Literal["function", "custom", "allowed_tools"]
    function: ToolName | None = None
    custom: ToolName | None = None
    allowed_tools: AllowedTools | None = None


class FunctionChoice(Struct):
    """The legacy function_call with a name."""

    name: str


class JsonSchema(Struct):
    """The schema of a json_schema response format."""

    name: str
    schema: dict[str, Any] | None = None
    description: str | None = None
    strict: bool | None = None


class ResponseFormat(Struct):
    """What form the answer must have."""

    type: Literal["text", "json_object", "json_schema"]
    json_schema: JsonSchema | None = None


class StreamOptions(Struct):
    """Only include_usage has an effect."""

    include_usage: bool | None = None
    include_obfuscation: bool | None = None


class Reasoning(Struct):
    """OpenRouter's and Open WebUI's way to ask for an effort."""

    effort: Effort | None = None


class AudioOutput(Struct):
    """The voice of a spoken answer."""

    voice: str | dict[str, Any] = "alloy"
    format: Literal["wav", "aac", "mp3", "flac", "opus", "pcm16"] = "wav"


class ImageConfig(Struct):
    """The shape and size of images that are drawn: OpenRouter's members, or those of OpenAI's images."""

    aspect_ratio: str | None = None
    image_size: str | None = None
    size: Annotated[str, Meta(max_length=32)] | None = None
    quality: str | None = None


class ChatRequest(Struct):
    """The members that have an effect, or whose type is checked because OpenAI checks it."""

    model: Annotated[str, Meta(min_length=1, max_length=256)]
    messages: Annotated[list[Message], Meta(min_length=1, max_length=10_000)]
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    max_tokens: TokenCount | None = None
    max_completion_tokens: TokenCount | None = None
    temperature: AtMost2 | None = None
    top_p: Share | None = None
    top_k: int | None = None
    n: Annotated[int, Meta(ge=1, le=16)] | None = None
    stop: str | list[str] | None = None
    presence_penalty: Penalty | None = None
    frequency_penalty: Penalty | None = None
    seed: Seed | None = None
    logit_bias: Annotated[dict[str, Annotated[float, Meta(ge=-100, le=100)]], Meta(max_length=1024)] | None = None
    logprobs: bool | None = None
    top_logprobs: Annotated[int, Meta(ge=0, le=20)] | None = None
    response_format: ResponseFormat | None = None
    tools: Annotated[list[Tool], Meta(max_length=128)] | None = None
    tool_choice: Literal["none", "auto", "required", "any"] | ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    functions: Annotated[list[FunctionDefinition], Meta(max_length=128)] | None = None
    function_call: Literal["none", "auto"] | FunctionChoice | None = None
    reasoning_effort: Effort | None = None
    reasoning: Reasoning | None = None
    modalities: list[Literal["text", "audio", "image"]] | None = None
    audio: AudioOutput | None = None
    image_config: ImageConfig | None = None
    web_search_options: dict[str, Any] | None = None
    service_tier: str | None = None
    user: Annotated[str, Meta(max_length=1024)] | None = None
    extra_body: Any = None
    google: Any = None

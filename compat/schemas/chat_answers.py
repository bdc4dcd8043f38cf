"""What chat/completions and completions answer, for the API document."""

from typing import Any, Literal

from msgspec import UNSET, Struct, UnsetType

from compat.schemas.answers import ChosenLogprob, Count, UnixSeconds

FinishReason = Literal["stop", "length", "content_filter", "tool_calls", "function_call"]


class PromptTokens(Struct):
    """The prompt's tokens in detail."""

    cached_tokens: Count
    audio_tokens: Count


class CompletionTokens(Struct):
    """The answer's tokens in detail."""

    reasoning_tokens: Count
    audio_tokens: Count
    accepted_prediction_tokens: Count
    rejected_prediction_tokens: Count


class TokenUsage(Struct):
    """Tokens as Gemini counts them; reasoning is part of completion_tokens."""

    prompt_tokens: Count
    completion_tokens: Count
    total_tokens: Count
    prompt_tokens_details: PromptTokens
    completion_tokens_details: CompletionTokens


class Logprobs(Struct):
    """The tokens of a choice, where they were asked for and the model tells them."""

    content: list[ChosenLogprob] | None
    refusal: None


class AnsweredFunction(Struct):
    """A function's name and the JSON text of its arguments."""

    name: str
    arguments: str


class AnsweredCustom(Struct):
    """A custom tool's name and its free text."""

    name: str
    input: str


class AnsweredCall(Struct):
    """A call that the model wants made. Send it back as it is, extra_content too: newer models demand their signature."""

    id: str
    type: Literal["function", "custom"]
    function: AnsweredFunction | UnsetType = UNSET
    custom: AnsweredCustom | UnsetType = UNSET
    extra_content: dict[str, Any] | UnsetType = UNSET


class StreamedCall(AnsweredCall):
    """A call in a stream: it comes whole, in one chunk."""

    index: Count = 0


class UrlCitation(Struct):
    """A web page, and which characters of the text rest on it."""

    url: str
    title: str
    start_index: Count
    end_index: Count


class Annotation(Struct):
    """A source of the answer."""

    type: Literal["url_citation"]
    url_citation: UrlCitation


class DataUrl(Struct):
    """An image as a data URL."""

    url: str


class AnsweredImage(Struct):
    """An image that the model made."""

    index: Count
    type: Literal["image_url"]
    image_url: DataUrl


class AnsweredAudio(Struct):
    """Sound that the model made, in base64."""

    id: str
    expires_at: UnixSeconds
    data: str
    transcript: str


class Delta(Struct):
    """What a chunk adds to the message of a choice."""

    role: Literal["assistant"] | UnsetType = UNSET
    content: str | UnsetType = UNSET
    refusal: str | UnsetType | None = UNSET
    reasoning_content: str | UnsetType = UNSET
    tool_calls: list[StreamedCall] | UnsetType = UNSET
    function_call: AnsweredFunction | UnsetType = UNSET
    annotations: list[Annotation] | UnsetType = UNSET
    images: list[AnsweredImage] | UnsetType = UNSET
    audio: AnsweredAudio | UnsetType = UNSET
    extra_content: dict[str, Any] | UnsetType = UNSET


class AnswerMessage(Struct):
    """What the model says."""

    role: Literal["assistant"]
    content: str | None
    refusal: str | None
    annotations: list[Annotation]
    reasoning_content: str | UnsetType = UNSET
    tool_calls: list[AnsweredCall] | UnsetType = UNSET
    function_call: AnsweredFunction | UnsetType = UNSET
    images: list[AnsweredImage] | UnsetType = UNSET
    audio: AnsweredAudio | UnsetType = UNSET
    extra_content: dict[str, Any] | UnsetType = UNSET


class ChatChoice(Struct):
    """One of n answers."""

    index: Count
    message: AnswerMessage
    logprobs: Logprobs | None
    finish_reason: FinishReason


class ChatCompletion(Struct):
    """A whole answer."""

    id: str
    object: Literal["chat.completion"]
    created: UnixSeconds
    model: str
    choices: list[ChatChoice]
    usage: TokenUsage
    service_tier: str
    system_fingerprint: str | None


class ChunkChoice(Struct):
    """What a chunk adds to one choice."""

    index: Count
    delta: Delta
    logprobs: Logprobs | None
    finish_reason: FinishReason | None


class ChatCompletionChunk(Struct):
    """The data of one event of a stream. With include_usage the last one has no choice and the usage."""

    id: str
    object: Literal["chat.completion.chunk"]
    created: UnixSeconds
    model: str
    service_tier: str
    choices: list[ChunkChoice]
    usage: TokenUsage | UnsetType | None = UNSET


class TextLogprobs(Struct):
    """The legacy form: lists that run in parallel."""

    tokens: list[str]
    token_logprobs: list[float]
    top_logprobs: list[dict[str, float]]
    text_offset: list[Count]


class TextChoice(Struct):
    """One text, or in a stream a piece of it."""

    text: str
    index: Count
    logprobs: TextLogprobs | None
    finish_reason: FinishReason | None


class TextCompletion(Struct):
    """A legacy completion; in a stream the data of an event, with a piece of the text."""

    id: str
    object: Literal["text_completion"]
    created: UnixSeconds
    model: str
    choices: list[TextChoice]
    usage: TokenUsage | UnsetType | None = UNSET

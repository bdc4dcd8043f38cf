"""What POST responses answers, as answers.py has it for the other routes: the API document is made from here."""

from typing import Any, Literal

from msgspec import UNSET, Struct, UnsetType

from compat.schemas.answers import ChosenLogprob, Count, UnixSeconds
from compat.schemas.responses import ConversationName

Status = Literal["queued", "in_progress", "completed", "incomplete", "failed", "cancelled"]
Progress = Literal["in_progress", "completed", "incomplete"]


class ResponseCitation(Struct, tag_field="type", tag="url_citation"):
    """A web page, and which characters of the text rest on it."""

    url: str
    title: str
    start_index: Count
    end_index: Count


class OutputText(Struct, tag_field="type", tag="output_text"):
    """What the model says."""

    text: str
    annotations: list[ResponseCitation]
    logprobs: list[ChosenLogprob]


class OutputRefusal(Struct, tag_field="type", tag="refusal"):
    """Why the model's answer was withheld."""

    refusal: str


class OutputMessage(Struct, tag_field="type", tag="message"):
    """A message of the model's: one text, or one refusal."""

    id: str
    status: Progress
    role: Literal["assistant"]
    content: list[OutputText | OutputRefusal]


class OutputFunctionCall(Struct, tag_field="type", tag="function_call"):
    """A function that the model wants called; `arguments` is JSON text."""

    id: str
    status: Progress
    call_id: str
    name: str
    arguments: str
    namespace: str | UnsetType = UNSET


class OutputCustomCall(Struct, tag_field="type", tag="custom_tool_call"):
    """A custom tool that the model wants called."""

    id: str
    status: Progress
    call_id: str
    name: str
    input: str
    namespace: str | UnsetType = UNSET


class SummaryText(Struct, tag_field="type", tag="summary_text"):
    """What the model thought."""

    text: str


class OutputReasoning(Struct, tag_field="type", tag="reasoning"):
    """Thoughts. Send it back as it is: the signatures that newer models demand travel in encrypted_content."""

    id: str
    summary: list[SummaryText]
    encrypted_content: str | UnsetType = UNSET


class SearchSource(Struct):
    """A page that was found."""

    type: Literal["url"]
    url: str


class Search(Struct):
    """What was looked up."""

    type: Literal["search"]
    query: str
    sources: list[SearchSource] | UnsetType = UNSET


class OutputSearch(Struct, tag_field="type", tag="web_search_call"):
    """A search of the web that Gemini made."""

    id: str
    status: Progress
    action: Search


class OutputImage(Struct, tag_field="type", tag="image_generation_call"):
    """An image that the model made, in base64."""

    id: str
    status: Progress
    result: str | None


class CodeLogs(Struct, tag_field="type", tag="logs"):
    """What code printed."""

    logs: str


class CodeImage(Struct, tag_field="type", tag="image"):
    """What code drew: a data URL."""

    url: str


class OutputCode(Struct, tag_field="type", tag="code_interpreter_call"):
    """Code that Gemini wrote and ran. There is no container: its id is made up."""

    id: str
    status: Literal["in_progress", "interpreting", "completed", "incomplete", "failed"]
    container_id: str
    code: str
    outputs: list[CodeLogs | CodeImage] | None


OutputItem = (
    OutputMessage | OutputFunctionCall | OutputCustomCall | OutputReasoning | OutputSearch | OutputCode | OutputImage
)


class CachedTokens(Struct):
    """The input's tokens in detail."""

    cached_tokens: Count
    cache_write_tokens: Count


class ReasoningTokens(Struct):
    """The output's tokens in detail."""

    reasoning_tokens: Count


class ResponseTokens(Struct):
    """Tokens as Gemini counts them; reasoning is part of output_tokens."""

    input_tokens: Count
    input_tokens_details: CachedTokens
    output_tokens: Count
    output_tokens_details: ReasoningTokens
    total_tokens: Count


class Incomplete(Struct):
    """Why the output ends early."""

    reason: Literal["max_output_tokens", "content_filter"]


class ResponseFailure(Struct):
    """Why the response has failed."""

    code: Literal["server_error", "rate_limit_exceeded"]
    message: str


class Response(Struct):
    """A whole answer, with the request told back."""

    id: str
    object: Literal["response"]
    created_at: UnixSeconds
    completed_at: UnixSeconds | None
    status: Status
    model: str
    output: list[OutputItem]
    usage: ResponseTokens | None
    error: ResponseFailure | None
    incomplete_details: Incomplete | None
    conversation: ConversationName | None
    instructions: str | None
    max_output_tokens: Count | None
    max_tool_calls: int | None
    metadata: dict[str, str]
    parallel_tool_calls: bool
    previous_response_id: str | None
    prompt_cache_key: str | None
    reasoning: dict[str, str | None]
    safety_identifier: str | None
    service_tier: str
    store: bool
    background: bool
    temperature: float
    top_p: float
    text: dict[str, Any]
    tool_choice: str | dict[str, Any]
    tools: list[dict[str, Any]]
    top_logprobs: Count
    truncation: Literal["auto", "disabled"]
    user: str | None


class ResponseEvent(Struct):
    """The data of one event of a stream; `type` is also the event's name, and says which of the members it has."""

    type: str
    sequence_number: Count
    response: Response | UnsetType = UNSET
    item: OutputItem | UnsetType = UNSET
    item_id: str | UnsetType = UNSET
    output_index: Count | UnsetType = UNSET
    content_index: Count | UnsetType = UNSET
    summary_index: Count | UnsetType = UNSET
    annotation_index: Count | UnsetType = UNSET
    part: OutputText | OutputRefusal | SummaryText | UnsetType = UNSET
    annotation: ResponseCitation | UnsetType = UNSET
    logprobs: list[ChosenLogprob] | UnsetType = UNSET
    delta: str | UnsetType = UNSET
    text: str | UnsetType = UNSET
    refusal: str | UnsetType = UNSET
    name: str | UnsetType = UNSET
    arguments: str | UnsetType = UNSET
    input: str | UnsetType = UNSET
    code: str | UnsetType = UNSET


class DeletedResponse(Struct):
    """It is gone."""

    id: str
    object: Literal["response"]
    deleted: bool


class Item(Struct):
    """An item as it was given or answered: what else it has depends on its type."""

    id: str
    type: str


class ItemList(Struct):
    """A page of items, as they were given or answered; the ids are "" where there is none."""

    object: Literal["list"]
    data: list[Item]
    first_id: str
    last_id: str
    has_more: bool


class Conversation(Struct):
    """A conversation, without its items."""

    id: str
    object: Literal["conversation"]
    created_at: UnixSeconds
    metadata: dict[str, str]


class DeletedConversation(Struct):
    """It is gone, with its items."""

    id: str
    object: Literal["conversation.deleted"]
    deleted: bool


class ResponseInputTokens(Struct):
    """What the input counts."""

    object: Literal["response.input_tokens"]
    input_tokens: Count

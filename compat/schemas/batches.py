"""A batch as clients ask for it, and the lines of its file (OpenAI API, batches)."""

from typing import Annotated, Any, Literal

from msgspec import Meta, Raw, Struct

from compat.schemas.answers import Count, UnixSeconds
from compat.schemas.files import ExpiresAfter

Endpoint = Literal[
    "/v1/chat/completions",
    "/v1/responses",
    "/v1/embeddings",
    "/v1/completions",
    "/v1/moderations",
    "/v1/images/generations",
    "/v1/images/edits",
]
_Key = Annotated[str, Meta(max_length=64)]
_Word = Annotated[str, Meta(max_length=512)]


class BatchRequest(Struct):
    """Requests to be run while nobody waits for them."""

    input_file_id: str
    endpoint: Endpoint
    completion_window: Literal["24h"]
    metadata: Annotated[dict[_Key, _Word], Meta(max_length=16)] | None = None
    output_expires_after: ExpiresAfter | None = None


class BatchLine(Struct):
    """One line of the input: a request, and the client's name for it."""

    custom_id: Annotated[str, Meta(min_length=1, max_length=512)]
    method: str
    url: str
    body: Raw


class Ways(Struct):
    """The ways to be answered that a line's body may name, and no batch has."""

    stream: Any = None
    background: Any = None


class Asked(Struct):
    """The model that a line's body names, whatever else it holds."""

    model: Any = None


# --- What is answered ------------------------------------------------------------------------------------------


class BatchError(Struct):
    """What is wrong with the input file, or a line of it."""

    code: str
    message: str
    param: str | None
    line: int | None


class BatchErrors(Struct):
    """The first of what is wrong."""

    data: list[BatchError]
    object: Literal["list"] = "list"


class BatchCounts(Struct):
    """How far it has come."""

    total: Count
    completed: Count
    failed: Count


class CachedDetails(Struct):
    """What was read from Gemini's cache."""

    cached_tokens: Count


class ThoughtDetails(Struct):
    """What was thought."""

    reasoning_tokens: Count


class BatchUsage(Struct):
    """What the lines used until now."""

    input_tokens: Count
    input_tokens_details: CachedDetails
    output_tokens: Count
    output_tokens_details: ThoughtDetails
    total_tokens: Count


class Batch(Struct):
    """A batch: what was asked for, and how far it has come."""

    id: str
    endpoint: str
    model: str | None
    errors: BatchErrors | None
    input_file_id: str
    completion_window: str
    status: str
    output_file_id: str | None
    error_file_id: str | None
    created_at: UnixSeconds
    in_progress_at: UnixSeconds | None
    expires_at: UnixSeconds
    finalizing_at: UnixSeconds | None
    completed_at: UnixSeconds | None
    failed_at: UnixSeconds | None
    expired_at: UnixSeconds | None
    cancelling_at: UnixSeconds | None
    cancelled_at: UnixSeconds | None
    request_counts: BatchCounts
    usage: BatchUsage | None
    metadata: dict[str, str] | None
    object: Literal["batch"] = "batch"


class BatchList(Struct):
    """A page of the batches of a user."""

    data: list[Batch]
    first_id: str | None
    last_id: str | None
    has_more: bool
    object: Literal["list"] = "list"


class LineResponse(Struct):
    """What a line was answered."""

    status_code: int
    request_id: str
    body: Raw


class LineError(Struct):
    """Why a line was not answered."""

    code: str
    message: str


class BatchOutput(Struct):
    """One line of the output, or of the errors."""

    id: str
    custom_id: str
    response: LineResponse | None
    error: LineError | None

"""What Gemini sends back. Anything may be missing, enums are open (Gemini API, GenerateContentResponse)."""

from typing import Any

from msgspec import Struct, field


class InlineData(Struct):
    """Bytes in base64, with their type."""

    mimeType: str = ""
    data: str = ""


class FunctionCall(Struct):
    """A call; `args` is missing for functions without parameters, `id` before Gemini 3."""

    name: str = ""
    args: dict[str, Any] | None = None
    id: str | None = None


class ExecutableCode(Struct):
    """Code that Gemini wrote to be run."""

    code: str = ""


class CodeExecutionResult(Struct):
    """What running it brought."""

    outcome: str = ""
    output: str = ""


class Part(Struct):
    """One data member and its side members; parts of other server-side tools are passed over."""

    text: str | None = None
    thought: bool | None = None
    thoughtSignature: str | None = None
    inlineData: InlineData | None = None
    functionCall: FunctionCall | None = None
    executableCode: ExecutableCode | None = None
    codeExecutionResult: CodeExecutionResult | None = None


class Content(Struct):
    """The parts of a candidate."""

    parts: list[Part] | None = None


class Web(Struct):
    """A page that an answer rests on."""

    uri: str = ""
    title: str = ""


class GroundingChunk(Struct):
    """A source; only web pages are told to clients."""

    web: Web | None = None


class Segment(Struct):
    """A stretch of the answer; offsets are bytes of UTF-8 within one part."""

    startIndex: int = 0
    endIndex: int = 0
    text: str = ""


class GroundingSupport(Struct):
    """Which sources a stretch rests on."""

    segment: Segment | None = None
    groundingChunkIndices: list[int] | None = None


class GroundingMetadata(Struct):
    """What a search brought."""

    groundingChunks: list[GroundingChunk] | None = None
    groundingSupports: list[GroundingSupport] | None = None
    webSearchQueries: list[str] | None = None


class TokenLogprob(Struct):
    """One token and its log probability."""

    token: str = ""
    logProbability: float = 0.0


class TopCandidates(Struct):
    """The likeliest tokens of one step."""

    candidates: list[TokenLogprob] | None = None


class LogprobsResult(Struct):
    """Two lists that run in parallel by step."""

    chosenCandidates: list[TokenLogprob] | None = None
    topCandidates: list[TopCandidates] | None = None


class SafetyRating(Struct):
    """How likely a content belongs to a category: NEGLIGIBLE, LOW, MEDIUM, HIGH."""

    category: str = ""
    probability: str = ""
    blocked: bool = False


class Candidate(Struct):
    """One alternative answer, or a piece of it."""

    content: Content | None = None
    finishReason: str | None = None
    finishMessage: str | None = None
    index: int | None = None
    safetyRatings: list[SafetyRating] | None = None
    groundingMetadata: GroundingMetadata | None = None
    logprobsResult: LogprobsResult | None = None


class ModalityCount(Struct):
    """Tokens of one kind of content."""

    modality: str = ""
    tokenCount: int = 0


class UsageMetadata(Struct):
    """Token counts: in a stream a running total, each of which may be missing from any reply."""

    promptTokenCount: int | None = None
    cachedContentTokenCount: int | None = None
    candidatesTokenCount: int | None = None
    thoughtsTokenCount: int | None = None
    toolUsePromptTokenCount: int | None = None
    totalTokenCount: int | None = None
    promptTokensDetails: list[ModalityCount] | None = None
    candidatesTokensDetails: list[ModalityCount] | None = None
    serviceTier: str | None = None


class PromptFeedback(Struct):
    """Why a prompt was refused."""

    blockReason: str | None = None
    safetyRatings: list[SafetyRating] | None = None
    blockReasonMessage: str | None = None


class Reply(Struct):
    """One JSON object of Gemini's: the whole answer, or one event of a stream."""

    candidates: list[Candidate] | None = None
    promptFeedback: PromptFeedback | None = None
    usageMetadata: UsageMetadata | None = None
    modelVersion: str | None = None
    responseId: str | None = None
    error: Any = None
    text: bytes = field(default=b"", name="")
    """The JSON that it was read from, for a client that speaks Gemini's own dialect; set by who reads it."""


class Embedding(Struct):
    """One vector."""

    values: list[float]


class EmbeddingReply(Struct):
    """The vectors of a batch in order. gemini-embedding-001 sends no usage."""

    embeddings: list[Embedding]
    usageMetadata: UsageMetadata | None = None
    text: bytes = field(default=b"", name="")
    """As of a reply."""


class CountReply(Struct):
    """What a prompt counts (Gemini API, countTokens)."""

    totalTokens: int
    text: bytes = field(default=b"", name="")
    """As of a reply."""


class UploadedFile(Struct):
    """A file that a project holds (Gemini API, files)."""

    name: str
    """`files/…`"""
    uri: str
    state: str = ""
    """PROCESSING, then ACTIVE or FAILED."""
    expirationTime: str | None = None


class UploadReply(Struct):
    """What the end of an upload brings."""

    file: UploadedFile


class ModelList(Struct):
    """One page of models, each as it came: `name`, `inputTokenLimit`, `supportedGenerationMethods` and more."""

    models: list[dict[str, Any]] | None = None
    nextPageToken: str | None = None

"""Gemini's own requests and answers for the API document. Requests are read by gemini_request/, answers pass as they come."""

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

Object = dict[str, Any]


class GenerateContentRequest(Struct):
    """A conversation in Gemini's words. Names may be in snake_case as well; members that Gemini does not know are refused."""

    contents: Annotated[list[Object], Meta(min_length=1)]
    systemInstruction: Object | None = None
    tools: list[Object] | None = None
    toolConfig: Object | None = None
    safetySettings: list[Object] | None = None
    generationConfig: Object | None = None
    serviceTier: str | None = None
    continuationToken: str | None = None
    model: str | None = None
    store: bool | None = None
    labels: dict[str, str] | None = None
    cachedContent: str | None = None


class CountTokensRequest(Struct):
    """Contents alone, or a whole request."""

    contents: list[Object] | None = None
    generateContentRequest: Object | None = None


class EmbedContentRequest(Struct):
    """One content."""

    content: Object
    model: str | None = None
    taskType: str | None = None
    title: str | None = None
    outputDimensionality: int | None = None


class BatchEmbedContentsRequest(Struct):
    """Several contents."""

    requests: Annotated[list[EmbedContentRequest], Meta(min_length=1, max_length=100)]


class GenerateContentResponse(Struct):
    """Gemini's answer, or a piece of it, as it came. Members that are not listed may be there as well."""

    candidates: list[Object] | UnsetType = UNSET
    promptFeedback: Object | UnsetType = UNSET
    usageMetadata: Object | UnsetType = UNSET
    modelVersion: str | UnsetType = UNSET
    responseId: str | UnsetType = UNSET


class CountTokensResponse(Struct):
    """What a prompt counts."""

    totalTokens: int
    promptTokensDetails: list[Object] | UnsetType = UNSET
    cachedContentTokenCount: int | UnsetType = UNSET


class ContentEmbedding(Struct):
    """One vector, of the length that Gemini gave it."""

    values: list[float]


class EmbedContentResponse(Struct):
    """The vector of a content."""

    embedding: ContentEmbedding
    usageMetadata: Object | UnsetType = UNSET


class BatchEmbedContentsResponse(Struct):
    """The vectors of several contents, in order."""

    embeddings: list[ContentEmbedding]
    usageMetadata: Object | UnsetType = UNSET


class GeminiModel(Struct):
    """A model, as Gemini tells of it or of the one that a mapped name stands for."""

    name: str
    supportedGenerationMethods: list[str]
    displayName: str | UnsetType = UNSET
    description: str | UnsetType = UNSET
    version: str | UnsetType = UNSET
    inputTokenLimit: int | UnsetType = UNSET
    outputTokenLimit: int | UnsetType = UNSET


class GeminiModelList(Struct):
    """One page of models."""

    models: list[GeminiModel]
    nextPageToken: str | UnsetType = UNSET


class GeminiFile(Struct):
    """A file that is kept here."""

    name: str
    mimeType: str
    sizeBytes: str
    createTime: str
    updateTime: str
    expirationTime: str
    uri: str
    state: Literal["ACTIVE"]
    source: Literal["UPLOADED"]
    displayName: str | UnsetType = UNSET
    sha256Hash: str | UnsetType = UNSET


class GeminiFileList(Struct):
    """One page of files."""

    files: list[GeminiFile]
    nextPageToken: str | UnsetType = UNSET


class GeminiUpload(Struct):
    """The file, once all of it has come; until then nothing, and the headers tell."""

    file: GeminiFile | UnsetType = UNSET


class CreateFileRequest(Struct):
    """What is said of a file that is to come."""

    file: Object | None = None


class Nothing(Struct):
    """An object without members."""


class GeminiStatus(Struct):
    """What went wrong, and where: ErrorInfo has our code as the reason, BadRequest the member, RetryInfo the wait."""

    code: int
    message: str
    status: str
    details: list[Object] | UnsetType = UNSET


class GeminiError(Struct):
    """The envelope of Google's errors."""

    error: GeminiStatus

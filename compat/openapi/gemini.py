"""The words of the API document for Gemini's own routes."""

from typing import Any

from compat import errors
from compat.openapi.operation import ASKING, DOOR, Operation
from compat.schemas import gemini_documents

_OF_GEMINI: dict[str, Any] = {
    "name": "model_id",
    "in": "path",
    "required": True,
    "schema": {"type": "string"},
    "description": "A mapped name, or one of Gemini's own.",
    "example": "gemini-2.5-flash",
}
_HELLO: dict[str, Any] = {"contents": [{"role": "user", "parts": [{"text": "Say hello in one word."}]}]}
_VECTOR: dict[str, Any] = {"content": {"parts": [{"text": "a text"}]}}


def _of_gemini(name: str, summary: str, description: str, request: type | None, answer: type, **more: Any) -> Operation:
    """One of Gemini's own, all alike but for these words."""
    return Operation(
        name=name,
        group="Gemini",
        summary=summary,
        description=description,
        request=request,
        answer=answer,
        error=gemini_documents.GeminiError,
        of_gemini=True,
        **({"errors": ASKING, "parameters": (_OF_GEMINI,)} | more),
    )


GEMINI: dict[tuple[str, str], Operation] = {
    ("/v1beta/models/{model_id}:generateContent", "POST"): _of_gemini(
        "generateContent",
        "Answer a conversation, in Gemini's words",
        "Gemini's own API: the request is checked and passed on, the answer comes as Gemini gave it, under an id of ours. "
        "The same route is served below `/v1`.",
        gemini_documents.GenerateContentRequest,
        gemini_documents.GenerateContentResponse,
        example=_HELLO,
    ),
    ("/v1beta/models/{model_id}:streamGenerateContent", "POST"): _of_gemini(
        "streamGenerateContent",
        "Answer a conversation as a stream, in Gemini's words",
        "The same, piece by piece: with `?alt=sse` each as an event, else all in an array that grows. An error after the first "
        "piece is the last one, and has a member `error`.",
        gemini_documents.GenerateContentRequest,
        gemini_documents.GenerateContentResponse,
        example=_HELLO,
        event=gemini_documents.GenerateContentResponse,
        many=True,
        parameters=(
            _OF_GEMINI,
            {
                "name": "alt",
                "in": "query",
                "required": False,
                "description": "`sse` for Server-Sent Events.",
                "schema": {"type": "string"},
            },
        ),
    ),
    ("/v1beta/models/{model_id}:countTokens", "POST"): _of_gemini(
        "countTokens",
        "Count the tokens of a conversation, in Gemini's words",
        "What contents, or a whole request, count with the model that would answer. It costs no tokens.",
        gemini_documents.CountTokensRequest,
        gemini_documents.CountTokensResponse,
        example=_HELLO,
    ),
    ("/v1beta/models/{model_id}:embedContent", "POST"): _of_gemini(
        "embedContent",
        "Make a vector, in Gemini's words",
        "The vector of one content, as Gemini gave it.",
        gemini_documents.EmbedContentRequest,
        gemini_documents.EmbedContentResponse,
        example=_VECTOR,
    ),
    ("/v1beta/models/{model_id}:batchEmbedContents", "POST"): _of_gemini(
        "batchEmbedContents",
        "Make vectors, in Gemini's words",
        "The vectors of several contents, as Gemini gave them.",
        gemini_documents.BatchEmbedContentsRequest,
        gemini_documents.BatchEmbedContentsResponse,
        example={"requests": [_VECTOR]},
    ),
    ("/v1beta/models", "GET"): _of_gemini(
        "listGeminiModels",
        "List the models, in Gemini's words",
        "The models that the token may use, mapped names first; for these the limits of the model that they stand for.",
        None,
        gemini_documents.GeminiModelList,
        errors=(*DOOR, errors.InvalidRequest),
        parameters=(
            {
                "name": "pageSize",
                "in": "query",
                "required": False,
                "description": "How many to tell at once.",
                "schema": {"type": "integer", "minimum": 1, "maximum": 1000, "default": 50},
            },
            {
                "name": "pageToken",
                "in": "query",
                "required": False,
                "description": "The `nextPageToken` of the page before.",
                "schema": {"type": "string"},
            },
        ),
    ),
    ("/v1beta/models/{model_id}", "GET"): _of_gemini(
        "retrieveGeminiModel",
        "Look a model up, in Gemini's words",
        "One model of the list. One that the token may not use is not found.",
        None,
        gemini_documents.GeminiModel,
        errors=(*DOOR, errors.UnknownModel),
    ),
}

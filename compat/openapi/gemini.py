"""The words of the API document for Gemini's own routes."""

from typing import Any

from compat import errors
from compat.openapi.operation import ASKING, BODY, DOOR, Operation
from compat.schemas import gemini_documents

_OF_GEMINI: dict[str, Any] = {
    "name": "model_id",
    "in": "path",
    "required": True,
    "schema": {"type": "string"},
    "description": "A mapped name, or one of Gemini's own.",
    "example": "gemini-2.5-flash",
}
_FILE: dict[str, Any] = {
    "name": "file_id",
    "in": "path",
    "required": True,
    "schema": {"type": "string"},
    "description": "What is behind `files/` in its name.",
    "example": "0123456789abcdef01234567",
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


def _header(name: str, description: str, **schema: Any) -> dict[str, Any]:
    return {
        "name": name,
        "in": "header",
        "required": False,
        "description": description,
        "schema": {"type": "string"} | schema,
    }


def _page(most: int, usual: int) -> tuple[dict[str, Any], ...]:
    """The parameters of a list that is told page by page."""
    return (
        {
            "name": "pageSize",
            "in": "query",
            "required": False,
            "description": "How many to tell at once.",
            "schema": {"type": "integer", "minimum": 1, "maximum": most, "default": usual},
        },
        {
            "name": "pageToken",
            "in": "query",
            "required": False,
            "description": "The `nextPageToken` of the page before.",
            "schema": {"type": "string"},
        },
    )


_UPLOAD = (
    _header(
        "X-Goog-Upload-Protocol",
        "`resumable`: the body tells of the file, which comes in pieces to the address in the answer's `X-Goog-Upload-URL`. "
        "`raw`: the body is the file.",
        enum=["resumable", "raw"],
        default="raw",
    ),
    _header(
        "X-Goog-Upload-Command",
        "`start`; to the address of an upload `upload`, `finalize`, both with a comma between them, `query` or `cancel`.",
    ),
    _header("X-Goog-Upload-Offset", "With a piece: how many bytes of the file were before it.", type="integer"),
    _header("X-Goog-Upload-Header-Content-Length", "With `start`: the bytes of the whole file.", type="integer"),
    _header("X-Goog-Upload-Header-Content-Type", "With `start`: the type of the file."),
    _header("X-Goog-Upload-File-Name", "Its name, where the body has no `displayName`."),
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
        parameters=_page(1000, 50),
    ),
    ("/v1beta/models/{model_id}", "GET"): _of_gemini(
        "retrieveGeminiModel",
        "Look a model up, in Gemini's words",
        "One model of the list. One that the token may not use is not found.",
        None,
        gemini_documents.GeminiModel,
        errors=(*DOOR, errors.UnknownModel),
    ),
    ("/upload/v1beta/files", "POST"): _of_gemini(
        "uploadGeminiFile",
        "Leave a file here, in Gemini's words",
        "Google's upload protocol, as Gemini's clients speak it. The pieces of a file go to the address that the beginning is "
        "answered with: it is good for an hour and for this file alone, and needs no token beside it. It is one of your files, "
        "as those of `/v1/files` are.",
        gemini_documents.CreateFileRequest,
        gemini_documents.GeminiUpload,
        example={"file": {"displayName": "report.pdf", "mimeType": "application/pdf"}},
        errors=(*DOOR, *BODY, errors.LinkOver),
        parameters=_UPLOAD,
    ),
    ("/v1beta/files", "GET"): _of_gemini(
        "listGeminiFiles",
        "List your files, in Gemini's words",
        "The files of the token's user, the newest first.",
        None,
        gemini_documents.GeminiFileList,
        errors=(*DOOR, errors.InvalidRequest),
        parameters=_page(100, 10),
    ),
    ("/v1beta/files/{file_id}", "GET"): _of_gemini(
        "retrieveGeminiFile",
        "See one file, in Gemini's words",
        "What is known of a file of yours. Requests name it by its `uri` or its `name`.",
        None,
        gemini_documents.GeminiFile,
        errors=DOOR,
        parameters=(_FILE,),
    ),
    ("/v1beta/files/{file_id}", "DELETE"): _of_gemini(
        "deleteGeminiFile",
        "Erase a file, in Gemini's words",
        "It is gone at once.",
        None,
        gemini_documents.Nothing,
        errors=DOOR,
        parameters=(_FILE,),
    ),
}

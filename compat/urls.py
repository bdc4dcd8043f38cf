"""The routes of the API, each with and without /v1 and a trailing slash: one table, looked up without a resolver."""

import re
from collections.abc import Awaitable, Callable
from typing import Any

from compat import views
from compat.answers import Response

View = Callable[..., Awaitable[Response]]

_GEMINI: dict[str, View] = {
    "models/{model_id}:generateContent": views.GenerateContent.as_view(),
    "models/{model_id}:streamGenerateContent": views.StreamGenerateContent.as_view(),
    "models/{model_id}:countTokens": views.CountTokens.as_view(),
    "models/{model_id}:embedContent": views.EmbedContent.as_view(),
    "models/{model_id}:batchEmbedContents": views.BatchEmbedContents.as_view(),
}
"""Gemini's own: below v1beta, and below its v1 as well, which is what its newest clients ask."""

ROUTES: dict[str, View] = {
    **_GEMINI,
    **{f"v1beta/{route}": view for route, view in _GEMINI.items()},
    "v1beta/models": views.GeminiModels.as_view(),
    "v1beta/models/{model_id}": views.OneGeminiModel.as_view(),
    "v1beta/files": views.GeminiFiles.as_view(),
    "v1beta/files/{file_id}": views.OneGeminiFile.as_view(),
    "upload/v1beta/files": views.GeminiUploads.as_view(),
    "upload/v1/files": views.GeminiUploads.as_view(),
    "chat/completions": views.ChatCompletions.as_view(),
    "chat": views.ChatCompletions.as_view(),
    "completions": views.Completions.as_view(),
    "embeddings": views.Embeddings.as_view(),
    "audio/speech": views.Speech.as_view(),
    "audio/transcriptions": views.Transcriptions.as_view(),
    "audio/translations": views.SpokenTranslations.as_view(),
    "responses": views.Responses.as_view(),
    "responses/input_tokens": views.ResponseInputTokens.as_view(),
    "responses/{response_id}": views.OneResponse.as_view(),
    "responses/{response_id}/cancel": views.CancelResponse.as_view(),
    "responses/{response_id}/input_items": views.ResponseInputItems.as_view(),
    "conversations": views.Conversations.as_view(),
    "conversations/{conversation_id}": views.OneConversation.as_view(),
    "conversations/{conversation_id}/items": views.ConversationItems.as_view(),
    "conversations/{conversation_id}/items/{item_id}": views.OneConversationItem.as_view(),
    "images/generations": views.ImageGenerations.as_view(),
    "images/edits": views.ImageEdits.as_view(),
    "images/variations": views.ImageVariations.as_view(),
    "images/files/{name}": views.ImageFile.as_view(),
    "messages": views.Messages.as_view(),
    "messages/count_tokens": views.MessageTokens.as_view(),
    "moderations": views.Moderations.as_view(),
    "models": views.Models.as_view(),
    "models/{model_id}": views.OneModel.as_view(),
    "files": views.Files.as_view(),
    "files/{file_id}": views.OneFile.as_view(),
    "files/{file_id}/content": views.FileContent.as_view(),
    "uploads": views.Uploads.as_view(),
    "uploads/{upload_id}/parts": views.UploadParts.as_view(),
    "uploads/{upload_id}/complete": views.CompleteUpload.as_view(),
    "uploads/{upload_id}/cancel": views.CancelUpload.as_view(),
    "batches": views.Batches.as_view(),
    "batches/{batch_id}": views.OneBatch.as_view(),
    "batches/{batch_id}/cancel": views.BatchCancel.as_view(),
    "contributions": views.Contributions.as_view(),
    "usage": views.OwnUsage.as_view(),
}
ALIASES = {"chat", "upload/v1/files", *_GEMINI}
"""Second names of a route, which the API document does not list again."""
# Ids arrive percent-encoded and are decoded before this: only the one of a model may hold a slash (models%2Fgemini-…).
_PARTS = {"{model_id}": "(?P<model_id>.+)"}
_UNKNOWN: View = views.UnknownPath.as_view()
_UNKNOWN_TO_GEMINI: View = views.UnknownGeminiPath.as_view()
_BELOW_GEMINI = ("v1beta/", "upload/v1beta/", "upload/v1/")
_SLASHES = re.compile(r"/{2,}")
_PART = re.compile(r"{(\w+)}")
_PLAIN = {f"{before}{route}": view for route, view in ROUTES.items() if "{" not in route for before in ("", "/v1/")}
_WITH_PARTS: list[tuple[re.Pattern[str], View]] = [
    (re.compile(_PART.sub(lambda part: _PARTS.get(part[0], f"(?P<{part[1]}>[^/]+)"), route)), view)
    for route, view in ROUTES.items()
    if "{" in route
]


def is_openai(path: str) -> bool:
    """True for every path below /v1 and /v1beta, and for the routes themselves without it."""
    return path.lstrip("/").startswith("v1/") or path in ("/v1", "/v1/") or find_view(path)[0] is not _UNKNOWN


def find_view(path: str) -> tuple[View, dict[str, Any]]:
    """The view for a path and the arguments from it; a view that answers 404 for every other."""
    view = _PLAIN.get(path) or _PLAIN.get(plain := _plain(path))
    if view is not None:
        return view, {}
    for pattern, view in _WITH_PARTS:
        if found := pattern.fullmatch(plain):
            return view, found.groupdict()
    return _UNKNOWN_TO_GEMINI if f"{plain}/".startswith(_BELOW_GEMINI) else _UNKNOWN, {}


def _plain(path: str) -> str:
    """The path without /v1, outer and doubled slashes."""
    plain = path.strip("/")
    if "//" in plain:
        plain = _SLASHES.sub("/", plain)
    return plain[3:] if plain.startswith("v1/") else plain

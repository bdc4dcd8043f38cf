"""What every route of Anthropic's API has."""

from typing import Any

from compat.answers import Answer, Response
from compat.asyncview import AsyncAPIView
from compat.errors import CompatError
from compat.request import LeanRequest
from compat.translation.anthropic.errors import to_envelope


class InAnthropicsWords(AsyncAPIView):
    """Its errors, and its name for the request's id."""

    async def dispatch(self, request: LeanRequest, *args: Any, **kwargs: Any) -> Response:  # type: ignore[override]
        """The same; Anthropic's clients look for the request's id under a name of their own."""
        response = await super().dispatch(request, *args, **kwargs)
        response.headers["request-id"] = response.headers["x-request-id"]
        return response

    def error_answer(self, error: CompatError, request_id: str) -> Answer:
        """Anthropic's envelope."""
        return Answer(to_envelope(error.body(), error.status, request_id), error.status, error.headers())

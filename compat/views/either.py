"""Routes that OpenAI's API and another have by the same path."""

from typing import Any

from django.http import HttpRequest

from compat.answers import Response
from compat.asyncview import AsyncAPIView

# Gemini's clients send their key in it, and nobody else does: Gemini's API has models and files below /v1 too.
_KEY_OF_GEMINI = "HTTP_X_GOOG_API_KEY"


class InEitherWords(AsyncAPIView):
    """A route that OpenAI's API and Gemini's both have."""

    of_gemini: type[AsyncAPIView]
    """Who answers a client of Gemini's."""

    async def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Response:  # type: ignore[override]
        """Answer in the words of the API that was asked."""
        if _KEY_OF_GEMINI in request.META:
            return await self.of_gemini().dispatch(request, *args, **kwargs)
        return await super().dispatch(request, *args, **kwargs)

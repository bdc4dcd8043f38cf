"""Paths that OpenAI's API and another have in common."""

from typing import Any

from compat.answers import Response
from compat.asyncview import AsyncAPIView
from compat.request import LeanRequest

# Gemini's clients send their key in it, and nobody else does: Gemini's API has models and files below /v1 too.
_KEY_OF_GEMINI = b"x-goog-api-key"
# Anthropic's API asks for it in every request.
_VERSION_OF_ANTHROPIC = b"anthropic-version"


class InEitherWords(AsyncAPIView):
    """A path that other APIs have as well as OpenAI's."""

    of_gemini: type[AsyncAPIView] | None = None
    """Who answers a client of Gemini's; None where its API has no such route."""
    of_anthropic: type[AsyncAPIView] | None = None
    """Who answers a client of Anthropic's, likewise."""

    async def dispatch(self, request: LeanRequest, *args: Any, **kwargs: Any) -> Response:  # type: ignore[override]
        """Answer in the words of the API that was asked."""
        if self.of_gemini is not None and _KEY_OF_GEMINI in request.fields:
            return await self.of_gemini().dispatch(request, *args, **kwargs)
        if self.of_anthropic is not None and _VERSION_OF_ANTHROPIC in request.fields:
            return await self.of_anthropic().dispatch(request, *args, **kwargs)
        return await super().dispatch(request, *args, **kwargs)

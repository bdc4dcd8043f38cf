"""Every path below /v1 and /v1beta that is no route."""

from typing import NoReturn

from compat.asyncview import AsyncAPIView
from compat.errors import UnknownRoute
from compat.views.anthropic import InAnthropicsWords
from compat.views.either import InEitherWords
from compat.views.gemini import InGeminisWords


class _Unknown(AsyncAPIView):
    """Says so, in JSON, for every method."""

    is_open = True
    endpoint = "unknown"

    def handler(self, method: str) -> NoReturn:
        """None: raises UnknownRoute."""
        raise UnknownRoute(f"Invalid URL ({method} {self.request.path_info[:200]})")


class UnknownGeminiPath(InGeminisWords, _Unknown):
    """Says so in Google's words."""


class UnknownAnthropicPath(InAnthropicsWords, _Unknown):
    """Says so in Anthropic's words."""


class UnknownPath(InEitherWords, _Unknown):
    """Says so in the words of the API that was asked."""

    of_gemini, of_anthropic = UnknownGeminiPath, UnknownAnthropicPath

"""What every page says in its frame."""

from django.conf import settings
from django.http import HttpRequest


def frame(request: HttpRequest) -> dict[str, bool]:
    """The context of pages/base.html: whether the built-in simulator answers, so that nobody takes it for Gemini."""
    return {"simulator": settings.SIMULATOR}

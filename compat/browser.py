"""Pages whose scripts ask the API from the reader's own browser: connect and its self-test, and the playground."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from compat.snippets import EMBEDDING_MODEL, MODEL, SNIPPETS

_EFFORTS = ("none", "minimal", "low", "medium", "high")


@require_safe
@login_required
def connect(request: HttpRequest) -> HttpResponse:
    """The snippets, and the self-test."""
    base_url = request.build_absolute_uri("/v1")
    snippets = [(snippet, snippet.filled(base_url)) for snippet in SNIPPETS]
    known = {"snippets": snippets, "embedding_model": EMBEDDING_MODEL}
    return render(request, "browser/connect.html", known | _asking(base_url))


@require_safe
@login_required
def playground(request: HttpRequest) -> HttpResponse:
    """The chat. Nothing of it comes here: the page asks /v1 as any client does."""
    base_url = request.build_absolute_uri("/v1")
    return render(request, "browser/playground.html", {"efforts": _EFFORTS} | _asking(base_url))


def _asking(base_url: str) -> dict[str, str]:
    return {"base_url": base_url, "model": MODEL}

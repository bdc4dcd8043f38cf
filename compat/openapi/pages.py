"""The document as JSON for programs, and as a page for people."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from compat.openapi import document, document_json
from compat.openapi.reading import operations, shapes


@require_safe
def as_json(request: HttpRequest) -> HttpResponse:
    """GET /openapi.json: from any origin, for nothing in it is anybody's."""
    return HttpResponse(
        document_json(),
        content_type="application/json",
        headers={"Access-Control-Allow-Origin": "*", "Cache-Control": "public, max-age=300"},
    )


@require_safe
def docs(request: HttpRequest) -> HttpResponse:
    """GET /docs/."""
    base_url = request.build_absolute_uri("/v1")
    known = {
        "base_url": base_url,
        "groups": operations(document(), base_url),
        "shapes": shapes(document()),
        "headers": document()["components"]["headers"],
    }
    return render(request, "openapi/docs.html", known)

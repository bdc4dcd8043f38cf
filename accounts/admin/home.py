"""The admin's first page and header: what an operator must know before anything else."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest

from accounts.admin.pool_panel import pool_panel
from accounts.models import ContributedKey


def environment(request: HttpRequest) -> list[str] | None:
    """The badge in every page's header while the built-in simulator answers."""
    return ["Simulator, not Gemini", "warning"] if settings.SIMULATOR else None


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """What the first page says above the list of tables."""
    context["home"] = {"warnings": _warnings()}
    context["pool"] = pool_panel(request)
    return context


def _warnings() -> list[str]:
    usable = ContributedKey.objects.filter(state=ContributedKey.State.ACTIVE)
    of_gemini = usable.filter(upstream=ContributedKey.Upstream.GEMINI).count()
    if not settings.SIMULATOR:
        return [] if of_gemini else ["There is no usable contributed key, so no request can be answered. Add one."]
    simulator = "The upstream is the built-in simulator: its answers are made up, none comes from Gemini."
    if not of_gemini:
        return [simulator, "Add a Gemini API key as a contributed key, then start the server again to use Gemini."]
    return [simulator, f"Gemini keys waiting: {of_gemini}. Start the server again (without --demo) to use them."]

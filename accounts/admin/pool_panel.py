"""What the admin's first page says of the pool: forecasts, how the keys are, and what waits for a person."""

from typing import Any

from django.db.models import Count
from django.http import HttpRequest

from accounts.admin.projects import flagged
from accounts.models import ContributedKey
from accounts.pool.forecast import forecasts
from accounts.pool.storage import serving_upstream


def pool_panel(request: HttpRequest) -> dict[str, Any] | None:
    """The context of accounts/admin/pool_panel.html; None for who may not look at keys."""
    if not request.user.has_perm("accounts.view_contributedkey"):
        return None
    keys = ContributedKey.objects.filter(upstream=serving_upstream()).order_by()
    counts = dict(keys.values_list("state").annotate(Count("pk")))
    every = forecasts()
    unknown = [forecast for forecast in every if forecast.left is None and not forecast.known_left]
    return {
        "forecasts": [forecast for forecast in every if forecast not in unknown],
        "unknown": [forecast.model for forecast in unknown],
        "states": [(state.label, state.value, counts[state]) for state in ContributedKey.State if counts.get(state)],
        "flagged": flagged().count() if request.user.has_perm("accounts.view_projectpair") else 0,
    }

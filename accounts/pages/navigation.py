"""Where a signed-in person may go: one line a page, in the order of the navigation."""

from typing import Any, NamedTuple

from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class Place(NamedTuple):
    """One line of the navigation."""

    route: str
    """The name of its URL pattern."""
    title: str | Promise
    icon: str
    """The id of a picture in static/pages/icons.svg."""
    for_staff: bool = False


PLACES = (
    Place("dashboard", _("Dashboard"), "gauge"),
    Place("tokens", pgettext_lazy("of programs", "Tokens"), "key"),
    Place("batches", _("Batches"), "list"),
    Place("connect", _("Connect"), "plug"),
    Place("playground", _("Playground"), "chat"),
    Place("requests", _("Requests"), "search"),
    Place("contribute", _("Contribute"), "gift"),
    Place("status", _("Status"), "pulse"),
    Place("docs", _("API"), "book"),
    Place("admin:index", _("Admin"), "shield", for_staff=True),
)


def places_for(request: HttpRequest) -> list[dict[str, Any]]:
    """The lines that this person sees; `current` marks the one whose page, or a page below it, is open."""
    found = [
        (reverse(place.route), place)
        for place in PLACES
        if not place.for_staff or getattr(request.user, "is_staff", False)
    ]
    open_now = max((url for url, _place in found if request.path.startswith(url)), key=len, default="")
    return [{"title": place.title, "icon": place.icon, "url": url, "current": url == open_now} for url, place in found]

"""What is left to do on a new site, until there is a key, a user, a token and a first answer."""

from typing import NamedTuple

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.models import ContributedKey, IssuedToken, UsageHour, User


class Step(NamedTuple):
    """One step, done or with the way to do it."""

    sentence: str
    help: str
    url: str
    done: bool


def first_steps(request: HttpRequest) -> list[Step]:
    """The steps while one of them is left; none for whoever may not take them."""
    if not request.user.has_perms(["accounts.add_contributedkey", "accounts.add_user", "accounts.add_issuedtoken"]):
        return []
    keys = ContributedKey.objects.filter(upstream=ContributedKey.Upstream.GEMINI, state=ContributedKey.State.ACTIVE)
    key_help = _("Until then no request can be answered.")
    if settings.SIMULATOR:
        key_help = _("Until then the built-in simulator answers. Start the server again after adding it.")
    steps = [
        Step(_("Add a Gemini API key"), key_help, reverse("admin:accounts_contributedkey_add"), keys.exists()),
        Step(
            _("Add a user"),
            _("Someone who may be issued tokens, besides you."),
            reverse("admin:accounts_user_add"),
            User.objects.filter(is_staff=False).exists(),
        ),
        Step(
            _("Issue a token"),
            _("It is shown once. Clients send it as their API key."),
            reverse("admin:accounts_issuedtoken_add"),
            IssuedToken.objects.filter(revoked=None).exists(),
        ),
        Step(
            _("Send a first request"),
            _("Use the token with the base URL {url}.").format(url=request.build_absolute_uri("/v1")),
            "",
            UsageHour.objects.exists(),
        ),
    ]
    return [] if all(step.done for step in steps) else steps

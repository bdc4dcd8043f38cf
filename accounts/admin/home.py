"""The admin's first page and header: what an operator must know before anything else."""

from datetime import datetime
from typing import Any, NamedTuple

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import metering, pool, shared_store
from accounts.admin.first_steps import Step, first_steps
from accounts.admin.pool_panel import pool_panel
from accounts.admin.site_checks import Finding, findings
from accounts.live.traffic import traffic
from accounts.models import ContributedKey
from accounts.overview import Bar, Charts, Cooldown, Latest, charts, cooldowns, latest, spenders
from accounts.pool.storage import serving_upstream

# So many of the last quarter of an hour tell more than chance.
_ENOUGH = 10
_TOO_MANY = 0.1


class Usage(NamedTuple):
    """What those see who may see usage."""

    charts: Charts
    chart_data: dict[str, Any]
    spenders: list[dict[str, Any]]
    latest: Latest
    running: int


class Home(NamedTuple):
    """Everything above the list of tables; None is what this person may not see."""

    troubles: list[str]
    simulator: bool
    waiting_keys: int
    """Gemini keys that nobody asks while the simulator answers."""
    steps: list[Step]
    findings: list[Finding]
    usage: Usage | None
    cooldowns: tuple[list[Cooldown], int] | None


def environment(request: HttpRequest) -> list[str] | None:
    """The badge in every page's header while the built-in simulator answers."""
    return [_("Simulator, not Gemini"), "warning"] if settings.SIMULATOR else None


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """What the first page says above the list of tables."""
    usage = _usage(timezone.now()) if request.user.has_perm("accounts.view_usagerecord") else None
    may_see_keys = request.user.has_perm("accounts.view_contributedkey")
    context["home"] = Home(
        _troubles(usage),
        settings.SIMULATOR,
        _usable(ContributedKey.Upstream.GEMINI) if settings.SIMULATOR else 0,
        first_steps(request),
        findings() if request.user.is_superuser else [],
        usage,
        cooldowns() if may_see_keys else None,
    )
    context["pool"] = pool_panel(request)
    return context


def _usage(now: datetime) -> Usage:
    drawn = charts(now)
    data = {"hours": _series(drawn.hours), "days": _series(drawn.days)}
    return Usage(drawn, data, spenders(now), latest(now), len(traffic.running))


def _series(bars: list[Bar]) -> dict[str, list[int]]:
    return {
        "began": [int(bar.began.timestamp()) for bar in bars],
        "requests": [bar.requests for bar in bars],
        "errors": [bar.errors for bar in bars],
        "tokens": [bar.tokens for bar in bars],
    }


def _troubles(usage: Usage | None) -> list[str]:
    """What keeps the site from doing its work; none when it does it."""
    troubles = []
    if not _usable(serving_upstream()):
        troubles.append(_("There is no usable contributed key, so no request can be answered. Add one."))
    if usage and usage.latest.of >= _ENOUGH and usage.latest.broken > _TOO_MANY * usage.latest.of:
        told = _("{broken} of the last {of} requests failed for reasons of the upstream or of this site.")
        troubles.append(told.format(broken=usage.latest.broken, of=usage.latest.of))
    if "" in pool.shut():
        troubles.append(_("Nothing is sent upstream for some seconds: several quota domains were refused at once."))
    if shared_store.is_away():
        troubles.append(_("Redis does not answer. Each process goes on by itself, with its part of every limit."))
    if metering.is_behind():
        troubles.append(_("The database takes no usage records. They wait in the journal and are not lost."))
    return troubles


def _usable(upstream: str) -> int:
    return ContributedKey.objects.filter(state=ContributedKey.State.ACTIVE, upstream=upstream).count()

"""People, something of ada's everywhere, and a browser for each role."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
from django.apps import apps
from django.conf import settings
from django.contrib.auth.models import Group
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone

from accounts.contributions import checking, flood, intake
from accounts.contributions.offer import Caps, Offer
from accounts.issuing import issue_token, revoke_token
from accounts.models import IssuedToken, KeyEvent, LearnedQuota, StaffAct, UsageRecord, UsageTotal, User
from accounts.secret import Secret
from tests.access.table import ADMIN_TABLES, FORBIDDEN, IN, LOGIN, NOT_FOUND, PAGES, ROLES, STAFF, SUPERUSER, Page
from tests.admin.filling import fill

WRITES = ("INSERT", "UPDATE", "DELETE")
CANARY = "adas-own-canary"
"""In whatever is ada's: nobody else may ever read it."""


@dataclass
class World:
    """Everybody, and what is ada's."""

    ada: User
    bob: User
    staff: User
    root: User
    token: IssuedToken
    """Ada's."""
    texts: dict[str, str]
    """The tokens of ada, bob, staff and root, and one of ada's that was revoked ("revoked")."""
    receipt: str
    """The code of a receipt of nobody's."""
    request: str
    """The id of a usage record of ada's, hex."""


def make_world() -> World:
    ada, bob = User.objects.create_user("ada"), User.objects.create_user("bob")
    staff, root = User.objects.create_user("staff", is_staff=True), User.objects.create_superuser("root")
    token, text = issue_token(ada, name=CANARY, rpm=5)
    revoked, revoked_text = issue_token(ada, name=f"{CANARY}-revoked")
    revoke_token(revoked)
    texts = {"ada": text, "revoked": revoked_text}
    texts |= {user.username: issue_token(user)[1] for user in (bob, staff, root)}
    request = use(ada, token).hex
    return World(ada, bob, staff, root, token, texts, lend("fake-key-of-the-receipt-01"), request)


def lend(key: str) -> str:
    return intake.receive(Offer([Secret(key)], "", Caps()))


def use(user: User, token: IssuedToken) -> UUID:
    """The id of a request of a user's, whose model says whose it was."""
    counts = dict.fromkeys(
        ("prompt_tokens", "cached_tokens", "tool_prompt_tokens", "completion_tokens", "reasoning_tokens"), 3
    )
    now, owner = timezone.now(), f"{user.pk}:{token.pk}"
    whose = {"user": user, "token": token, "owner": owner, "model": CANARY, "total_tokens": 15}
    times = dict.fromkeys(("queue_ms", "first_byte_ms", "total_ms"), 1)
    record = UsageRecord.objects.create(
        **{"created": now, "endpoint": "chat/completions", "stream": False, "status": 200, "attempts": 1},
        **{"counts_from": "upstream", **whose, **counts, **times},
    )
    UsageTotal.objects.create(day=now.date(), requests=1, **whose, **counts)
    return record.pk


@pytest.fixture(scope="module")
def world(django_db_setup, django_db_blocker, tmp_path_factory) -> Iterator[World]:
    """The same for all tests of a module: each request is undone when it was answered. A row is in every table of the admin."""
    with pytest.MonkeyPatch.context() as patch, django_db_blocker.unblock(), transaction.atomic():
        patch.setattr(settings, "DATA_DIR", tmp_path_factory.mktemp("site"))
        patch.setattr(settings, "STATIC_ROOT", None)
        patch.setattr(checking, "check_soon", lambda: None)
        flood.contributions.reopen()
        made = make_world()
        fill(1)
        Group.objects.create(name="a group")
        LearnedQuota.objects.create(domain="d", model="gemini-2.5-flash", rpm=5)
        KeyEvent.objects.create(domain="d", was="active", became="resting")
        StaffAct.objects.create(actor="root", act="changed", table="user", name="ada")
        yield made
        transaction.set_rollback(True)


class Browser:
    """Requests as one role; what each does to the database is undone, its session included, unless it is kept."""

    def __init__(self, world: World, role: str) -> None:
        self._headers = {"host": "localhost", "accept": "text/html"}
        self._session = Client()
        if role == "revoked":
            self._headers["authorization"] = f"Bearer {world.texts['revoked']}"
        elif role != "anonymous":
            self._session.force_login(getattr(world, role))

    def ask(
        self,
        method: str,
        path: str,
        data: dict[str, Any] | None = None,
        check: Callable[[Any], None] = lambda answer: None,
    ) -> Any:
        """The answer, after `check` has looked at it and at the database.

        `answer.writes` are the statements that changed something but a session.
        """
        client = Client(headers=self._headers)
        client.cookies.update(self._session.cookies)
        with transaction.atomic(), CaptureQueriesContext(connection) as queries:
            answer = getattr(client, method)(f"/{path}", data or {})
            check(answer)
            transaction.set_rollback(True)
        statements = [query["sql"] for query in queries]
        answer.writes = [text for text in statements if text.startswith(WRITES) and "django_session" not in text]
        return answer


@pytest.fixture(scope="module")
def browsers(world) -> dict[str, Browser]:
    """One for each role."""
    return {role: Browser(world, role) for role in ROLES}


def outcome(answer: Any) -> str:
    """What became of a request, in the words of the table."""
    if answer.status_code == 302 and "login/?next=" in answer.url:
        return LOGIN
    return {403: FORBIDDEN, 404: NOT_FOUND}.get(answer.status_code, IN)


def every_route() -> Iterator[str]:
    """Every route outside the API as its urls.py spells it; of a regular expression only the names."""
    return _routes(get_resolver().url_patterns, "")


def _routes(patterns: list[URLPattern | URLResolver], before: str) -> Iterator[str]:
    for pattern in patterns:
        route = before + re.sub(r"\^?\(\?P(<\w+>)[^)]*\)", r"\1", str(pattern.pattern)).removesuffix("$")
        if isinstance(pattern, URLResolver):
            yield from _routes(pattern.url_patterns, route)
        else:
            yield route


def table_pages() -> dict[str, Page]:
    """PAGES, and the usual pages of each table of the admin."""
    found = dict(PAGES)
    for name, (added, deleted) in ADMIN_TABLES.items():
        row = {"values": lambda world, name=name: {"object_id": apps.get_model(*name.split("/")).objects.first().pk}}
        found |= {
            f"admin/{name}/": Page(SUPERUSER),
            f"admin/{name}/add/": Page(added),
            f"admin/{name}/<path:object_id>/": Page(STAFF, **row),
            f"admin/{name}/<path:object_id>/change/": Page(SUPERUSER, **row),
            f"admin/{name}/<path:object_id>/delete/": Page(deleted, **row),
            f"admin/{name}/<path:object_id>/history/": Page(SUPERUSER, **row),
        }
    return found


def path_of(route: str, page: Page, world: World) -> str:
    """A path of this route."""
    values = page.values(world)
    return re.sub(r"<(?:\w+:)?(\w+)>", lambda found: str(values[found[1]]), route)

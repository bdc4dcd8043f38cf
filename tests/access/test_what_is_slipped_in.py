"""No field can be mass-assigned: what a form or a body does not ask for changes nothing, on any page and any route."""

from collections.abc import Callable, Iterable
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import Permission
from django.db import models, transaction
from django.utils import timezone

from accounts.models import LIMIT_FIELDS, ContributedKey, IssuedToken, Plan, UsageRecord, UsageTotal, User
from tests.access.conftest import Browser, World, outcome, path_of, table_pages
from tests.access.table import ADMIN_TABLES, BY_THE_SITE, IN

pytestmark = pytest.mark.django_db

SENDABLE = {route: page for route, page in table_pages().items() if not route.startswith("admin/") and page.sends}
POWERS = ("id", "is_superuser", "is_staff", "is_active", "plan_id", "date_joined", *LIMIT_FIELDS)


def extras(world: World) -> dict[str, Any]:
    """What somebody would slip in who has read the source: the names of columns that are nobody's to send."""
    return {
        **{
            "user": world.ada.pk,
            "user_id": world.ada.pk,
            "owner": world.ada.pk,
            "id": world.ada.pk,
            "pk": world.ada.pk,
        },
        **{"username": "ada", "is_staff": "on", "is_superuser": "on", "is_active": "on", "role": "admin"},
        **{"plan": Plan.objects.first().pk, "groups": 1, "user_permissions": 1, "date_joined": "2001-01-01"},
        **dict.fromkeys(LIMIT_FIELDS, 999_999),
        **{"budget": 10**12, "used": 0, "created": "2001-01-01", "revoked": "", "last_used": "2001-01-01"},
        **{"digest": "d" * 64, "prefix": "chosen01", "pepper_version": "chosen", "tells_sub_users": "on"},
        **{"state": "active", "source": "operator", "upstream": "simulator", "ciphertext": "c", "fingerprint": "f"},
        **{"reason": "", "successes": 10**6, "redeemed": "on", "decided": "on", "receipt": 1},
    }


def rows(query: models.QuerySet[Any], *fields: str) -> list[dict[str, Any]]:
    return list(query.order_by("pk").values(*fields))


def guarded(world: World, me: User | None) -> dict[str, Any]:
    """What nobody may change by any page: others' things, one's own powers, and what the site wrote."""
    everybody = [world.ada.pk, world.bob.pk, world.staff.pk, world.root.pk]
    mine = me.pk if me else None
    return {
        "powers": rows(User.objects.filter(pk__in=everybody), *POWERS),
        "others": rows(User.objects.filter(pk__in=everybody).exclude(pk=mine)),
        "others' tokens": rows(IssuedToken.objects.exclude(user=mine)),
        "keys of the operator": rows(ContributedKey.objects.exclude(source="contribution")),
        "usage": rows(UsageRecord.objects.all()) + rows(UsageTotal.objects.all()),
        "plans": rows(Plan.objects.all()),
        "the powerful": rows(User.objects.filter(models.Q(is_staff=True) | models.Q(is_superuser=True)), "id"),
    }


@pytest.mark.parametrize("route", [route for route in table_pages() if not route.startswith("admin/")])
def test_a_page_that_takes_a_form_says_in_the_table_what_it_takes(world, browsers, route):
    page = table_pages()[route]
    answer = browsers["ada"].ask("post", path_of(route, page, world))
    takes_nothing = answer.status_code == 405 or (answer.status_code == 302 and not answer.writes)
    assert takes_nothing or page.sends, "give the Page in tests/access/table.py a form that it accepts: sends="


@pytest.mark.parametrize(
    ("route", "role"),
    [(route, role) for route, page in SENDABLE.items() for role in ("anonymous", "bob") if page.access[role] == IN],
)
def test_a_form_takes_nothing_that_it_does_not_ask_for(world, browsers, route, role):
    page, me = SENDABLE[route], world.bob if role == "bob" else None
    before, known = guarded(world, me), list(User.objects.values_list("pk", flat=True))

    def check(answer: Any) -> None:
        assert answer.status_code < 400, answer.content.decode()
        assert guarded(world, me) == before
        for token in IssuedToken.objects.filter(user=me):
            assert token.prefix != "chosen01" and token.digest != "d" * 64
            assert token.created.year > 2001 and token.last_used is None
        for key in ContributedKey.objects.filter(source="contribution"):
            assert (key.owner, key.state, key.upstream, key.successes) == (None, "received", "gemini", 0)
        for user in User.objects.exclude(pk__in=known):
            assert not user.is_staff and not any(getattr(user, name) for name in LIMIT_FIELDS)

    browsers[role].ask("post", path_of(route, page, world), {**extras(world), **page.sends(world)}, check)


# --- the admin ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name, kind in ADMIN_TABLES.items() if kind != BY_THE_SITE])
def test_a_page_of_the_admin_takes_only_the_fields_that_it_shows(world, name):
    """By a member of staff who has every right but is no superuser."""
    model = apps.get_model(*name.split("/"))
    row = model._default_manager.exclude(pk__in=[world.root.pk] if model is User else []).first()
    with transaction.atomic():
        world.staff.user_permissions.set(Permission.objects.all())
        staff = Browser(world, "staff")
        path = f"admin/{name}/{row.pk}/change/"
        found = staff.ask("get", path)
        assert outcome(found) == IN
        form = found.context["adminform"].form
        shown = set(form.fields)
        sent = {key: value for key, value in initial(found.context).items() if value is not None}
        hidden = [field for field in model._meta.concrete_fields if field.name not in shown and not field.primary_key]
        before = {field.attname: getattr(row, field.attname) for field in hidden}

        def check(answer: Any) -> None:
            assert answer.status_code == 302, answer.content.decode()[:2000]
            row.refresh_from_db()
            now = {field.attname: getattr(row, field.attname) for field in hidden}
            now |= {name: before[name] for name in ("updated",) if name in now}  # written at each save
            assert now == before

        staff.ask("post", path, {**{field.name: other_value(field) for field in hidden}, **sent}, check)
        transaction.set_rollback(True)


def initial(context: Any) -> dict[str, Any]:
    """What a browser would send back of a page of the admin, its inlines included."""
    forms = [context["adminform"].form]
    for inline in context["inline_admin_formsets"]:
        forms += [inline.formset.management_form, *inline.formset.initial_forms]
    return {bound.html_name: sendable(bound.value()) for form in forms for bound in form}


def sendable(value: Any) -> Any:
    if isinstance(value, bool):
        return "on" if value else None
    if isinstance(value, Iterable) and not isinstance(value, str):
        return [getattr(one, "pk", one) for one in value]
    return value


OTHER_VALUES: list[tuple[type[models.Field], Callable[[], Any]]] = [
    (models.DateTimeField, lambda: timezone.now().isoformat()),
    (models.BooleanField, lambda: "on"),
    (models.ForeignKey, lambda: 1),
    (models.IntegerField, lambda: 77),
    (models.Field, lambda: "slipped in"),
]


def other_value(field: models.Field) -> Any:
    return next(make() for kind, make in OTHER_VALUES if isinstance(field, kind))

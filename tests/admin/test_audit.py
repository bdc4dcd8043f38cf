"""The audit log: every act of staff leaves a row that nothing of the site's changes or takes away, and no secret."""

import io
import json

import pytest
from django.core.management import call_command

from accounts.contributing import contribute
from accounts.issuing import issue_token
from accounts.models import ContributedKey, IssuedToken, Plan, StaffAct, User
from accounts.models.acts import Written
from compat.models import ModelMapping
from tests.admin.filling import HOSTILE, KEY, SITE
from tests.admin.query_counts import recorded_queries
from tests.admin.test_rights import mapping

pytestmark = pytest.mark.django_db


def acts():
    """(actor, act, table, name) of every act, the oldest first."""
    return list(StaffAct.objects.order_by("id").values_list("actor", "act", "table", "name"))


def changes():
    """What the last act changed."""
    return {name: tuple(pair) for name, pair in StaffAct.objects.first().changes.items()}


def act_on(root, path, action, row):
    data = {"action": action, "_selected_action": [row.pk], "confirmed": "yes", "post": "yes"}
    root.post(f"{SITE}accounts/{path}/", data)


def test_a_key_is_added_disabled_and_deleted(root):
    root.post(SITE + "accounts/contributedkey/add/", {"key_text": KEY, "label": "first", "project": "p"})
    key = ContributedKey.objects.get()
    assert changes() == {
        "key_text": ("hidden", "hidden"),
        "label": ("", "first"),
        "project": ("", "p"),
    }
    act_on(root, "contributedkey", "disable", key)
    act_on(root, "contributedkey", "disable", key)  # it is so already: no act
    act_on(root, "contributedkey", "delete_selected", key)
    name = f"first …{KEY[-4:]}"
    assert acts() == [("root", act, "contributed key", name) for act in ("added", "disabled", "deleted")]
    assert {act.row for act in StaffAct.objects.all()} == {str(key.pk)}
    assert KEY not in json.dumps(list(StaffAct.objects.values()), default=str)


def test_a_token_is_issued_and_revoked(root):
    ada = User.objects.create_user("ada")
    html = root.post(
        SITE + "accounts/issuedtoken/add/", {"user": ada.pk, "name": "mine", "rpm": 7, "allowed_models": "gpt-4*"}
    ).content.decode()
    token = IssuedToken.objects.get()
    assert changes() == {"user": ("", "ada"), "name": ("", "mine"), "rpm": ("", "7"), "allowed_models": ("", "gpt-4*")}
    act_on(root, "issuedtoken", "revoke", token)
    assert [act for _, act, _, _ in acts()] == ["added", "revoked"]
    secret = html.split("tumbler-")[1].split("<")[0].partition("_")[2]
    assert secret and secret not in json.dumps(list(StaffAct.objects.values()), default=str)


def test_a_role_a_budget_and_a_plan_are_changed_with_what_they_were(root):
    plan = Plan.objects.create(name="generous")
    ada = User.objects.create_user("ada", rpm=60)
    form = {"username": "ada", "time_zone": "UTC", "is_active": "on", "is_staff": "on", "rpm": "600", "plan": plan.pk}
    root.post(f"{SITE}accounts/user/{ada.pk}/change/", {**form, "monthly_cost": "1.5"})
    assert changes() == {
        "is_staff": ("False", "True"),
        "rpm": ("60", "600"),
        "plan": ("", "generous"),
        "monthly_cost": ("", "1.5"),
    }
    root.post(f"{SITE}accounts/user/{ada.pk}/change/", {**form, "monthly_cost": "1.5"})
    assert len(acts()) == 1, "a form that changes nothing is no act"


def test_a_password_is_set_and_not_told(root):
    ada = User.objects.create_user("ada", password="unchanged-password-1")
    words = {"password1": "long-enough-77", "password2": "long-enough-77", "usable_password": "true"}
    assert root.post(f"{SITE}accounts/user/{ada.pk}/password/", words).status_code == 302
    assert set(changes().values()) == {("hidden", "hidden")}
    assert "long-enough" not in json.dumps(list(StaffAct.objects.values()), default=str)


def test_a_mapping_is_changed_with_its_targets(root):
    root.post(SITE + "compat/modelmapping/add/", mapping("my-model", "gemini-a"))
    row = ModelMapping.objects.get(name="my-model")
    assert changes()["name"] == ("", "my-model")
    assert any(told == ("", "added") for told in changes().values())
    act = {"action": "disable", "_selected_action": [row.pk]}
    root.post(SITE + "compat/modelmapping/", act)
    assert acts()[-1] == ("root", "disabled", "model mapping", "my-model")


def test_commands_are_acts_of_the_command_line(monkeypatch, tmp_path, settings):
    settings.DATA_DIR = tmp_path
    call_command("issue_token", "bob", stdout=io.StringIO())
    call_command("export_usage", stdout=io.StringIO())
    call_command("rotate_encryption_key", stdout=io.StringIO())
    assert [(actor, act) for actor, act, _, _ in acts()] == [
        ("command line", "issued"),
        ("command line", "exported"),
        ("command line", "re-encrypted"),
    ]


def test_what_is_written_stays(root):
    contribute(KEY, source="operator")
    act_on(root, "contributedkey", "disable", ContributedKey.objects.get())
    act = StaffAct.objects.get()
    for attempt in (
        lambda: StaffAct.objects.all().delete(),
        lambda: StaffAct.objects.update(actor="nobody"),
        lambda: StaffAct.objects.filter(pk=act.pk).bulk_update([act], ["actor"]),
        act.delete,
        act.save,
    ):
        with pytest.raises(Written):
            attempt()
    url = f"{SITE}accounts/staffact/"
    assert root.post(f"{url}{act.pk}/change/", {"actor": "nobody"}).status_code == 403
    assert root.post(f"{url}{act.pk}/delete/", {"post": "yes"}).status_code == 403
    assert root.get(f"{url}add/").status_code == 403
    User.objects.get(username="root").delete()
    assert acts() == [("root", "disabled", "contributed key", f"key …{KEY[-4:]}")]


def test_it_is_read_by_those_who_may_in_a_recorded_number_of_queries(root, staff):
    ada = User.objects.create_user("ada")
    issue_token(ada, name=HOSTILE)
    act_on(root, "issuedtoken", "revoke", IssuedToken.objects.get())
    root.post(f"{SITE}accounts/user/{ada.pk}/change/", {"username": "ada", "time_zone": "UTC", "rpm": "5"})
    root.get(SITE + "accounts/staffact/")
    with recorded_queries("accounts/staffact/"):
        html = root.get(SITE + "accounts/staffact/").content.decode()
    assert "<b>is_active</b>: True → False" in html
    assert "<img src=x" not in html
    assert root.get(SITE + "accounts/staffact/?q=ada").status_code == 200
    assert staff("view_user").get(SITE + "accounts/staffact/").status_code == 403
    assert "Audit log" in staff("view_staffact").get(SITE + "accounts/staffact/").content.decode()

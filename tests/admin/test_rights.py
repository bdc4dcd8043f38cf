import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from accounts.contributing import contribute
from accounts.issuing import issue_token
from accounts.models import ContributedKey, IssuedToken, KeyDay, Plan, UsageRecord, UsageTotal, User
from compat.models import ModelMapping
from tests.admin.filling import KEY, LISTS, SITE, fill, signed_in

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("path", ["", *LISTS])
def test_a_stranger_and_an_ordinary_user_are_sent_to_the_login(path):
    ordinary = signed_in(User.objects.create_user("ada"))
    for client in (Client(headers={"host": "localhost"}), ordinary):
        answer = client.get(SITE + path)
        assert answer.status_code == 302
        assert "/admin/login/" in answer.url


@pytest.mark.parametrize("path", LISTS)
def test_staff_without_permission_see_no_list_and_no_link_to_it(staff, path):
    client = staff()
    assert client.get(SITE + path).status_code == 403
    assert path not in client.get(SITE).content.decode()


def test_staff_who_may_only_look_can_change_nothing(staff):
    fill(1)
    key, token = ContributedKey.objects.get(), IssuedToken.objects.get()
    client = staff("view_contributedkey", "view_issuedtoken")
    before = list(ContributedKey.objects.values()), list(IssuedToken.objects.values())
    for url, data in [
        (f"accounts/contributedkey/{key.pk}/change/", {"label": "x"}),
        (f"accounts/contributedkey/{key.pk}/delete/", {"post": "yes"}),
        ("accounts/contributedkey/add/", {"key_text": KEY, "label": ""}),
        (f"accounts/issuedtoken/{token.pk}/change/", {"name": "x", "allowed_models": "[]"}),
        ("accounts/issuedtoken/add/", {"user": token.user_id, "allowed_models": "[]"}),
    ]:
        assert client.post(SITE + url, data).status_code == 403, url
    for path, action, row in [
        ("contributedkey", "disable", key),
        ("contributedkey", "enable", key),
        ("contributedkey", "check_keys", key),
        ("contributedkey", "reset_cooldown", key),
        ("contributedkey", "delete_selected", key),
        ("issuedtoken", "revoke", token),
    ]:
        data = {"action": action, "_selected_action": [row.pk], "confirmed": "yes", "post": "yes"}
        client.post(f"{SITE}accounts/{path}/", data)
    assert (list(ContributedKey.objects.values()), list(IssuedToken.objects.values())) == before


@pytest.mark.parametrize("table", [UsageRecord, UsageTotal, KeyDay])
def test_nobody_adds_changes_or_deletes_what_the_site_wrote(root, table):
    fill(1)
    row = table.objects.get()
    before = table.objects.values().get()
    url = f"{SITE}accounts/{table._meta.model_name}/"
    assert root.get(url + "add/").status_code == 403
    assert root.post(f"{url}{row.pk}/change/", {"total_tokens": 0, "requests": 0}).status_code == 403
    assert root.post(f"{url}{row.pk}/delete/", {"post": "yes"}).status_code == 403
    root.post(url, {"action": "delete_selected", "_selected_action": [row.pk], "post": "yes"})
    assert table.objects.values().get() == before


def test_staff_cannot_make_themselves_or_others_powerful(staff):
    client = staff("change_user", "view_user", "add_user")
    me = User.objects.get(username="staff")
    ada = User.objects.create_user("ada")
    everything = Permission.objects.values_list("pk", flat=True)
    for user in (me, ada):
        client.post(
            f"{SITE}accounts/user/{user.pk}/change/",
            {
                "username": user.username,
                "is_active": "on",
                "is_staff": "on",
                "is_superuser": "on",
                "user_permissions": list(everything),
                "time_zone": "UTC",
                "rpm": 7,
            },
        )
        user.refresh_from_db()
        assert user.rpm == 7, "the form itself was accepted"
        assert not user.is_superuser
    assert not ada.is_staff
    assert me.user_permissions.count() == 3


def test_staff_cannot_touch_a_superusers_account_or_password(staff):
    boss = User.objects.create_superuser("boss", password="unchanged-password-1")
    client = staff("change_user", "view_user", "delete_user")
    data = {
        "username": "boss",
        "password1": "taken-over-1234",
        "password2": "taken-over-1234",
        "usable_password": "true",
    }
    assert client.post(f"{SITE}accounts/user/{boss.pk}/password/", data).status_code == 403
    assert client.post(f"{SITE}accounts/user/{boss.pk}/change/", data).status_code == 403
    assert client.post(f"{SITE}accounts/user/{boss.pk}/delete/", {"post": "yes"}).status_code == 403
    client.post(SITE + "accounts/user/", {"action": "delete_selected", "_selected_action": [boss.pk], "post": "yes"})
    boss.refresh_from_db()
    assert boss.check_password("unchanged-password-1")


def test_a_superuser_can_do_it_all(root):
    root.post(
        SITE + "accounts/user/add/",
        {"username": "ada", "usable_password": "true", "password1": "long-enough-77", "password2": "long-enough-77"},
    )
    ada = User.objects.get(username="ada")
    root.post(
        f"{SITE}accounts/user/{ada.pk}/change/",
        {
            **{"username": "ada", "is_active": "on", "is_staff": "on", "is_superuser": "on"},
            **{"monthly_cost": "1.5", "time_zone": "UTC"},
        },
    )
    ada.refresh_from_db()
    assert ada.is_superuser and str(ada.monthly_cost) == "1.500000"
    assert "long-enough" not in root.get(f"{SITE}accounts/user/{ada.pk}/change/").content.decode()


def test_disabling_a_user_in_the_admin_refuses_their_tokens(root):
    from accounts.callers import _find_caller

    ada = User.objects.create_user("ada")
    _, text = issue_token(ada)
    assert _find_caller(text)
    root.post(f"{SITE}accounts/user/{ada.pk}/change/", {"username": "ada", "time_zone": "UTC"})
    assert _find_caller(text) is None
    assert "user disabled" in root.get(SITE + "accounts/issuedtoken/").content.decode()


def test_deleting_a_user_leaves_the_usage_without_a_name(root):
    fill(1)
    user = User.objects.get(plan__isnull=False)
    assert root.post(f"{SITE}accounts/user/{user.pk}/delete/", {"post": "yes"}).status_code == 302
    assert not User.objects.filter(pk=user.pk).exists()
    assert UsageRecord.objects.get().user is None
    assert UsageTotal.objects.get().owner
    assert ContributedKey.objects.get().owner is None


def test_only_one_plan_can_be_the_default_and_new_users_are_offered_it(root):
    plan = Plan.objects.create(name="standard", is_default=True)
    html = root.post(SITE + "accounts/plan/add/", {"name": "other", "is_default": "on"}).content.decode()
    assert Plan.objects.count() == 1
    assert "Another plan is the default already" in html
    assert f'value="{plan.pk}" selected' in root.get(SITE + "accounts/user/add/").content.decode()


def targets(*names):
    rows = {"targets-TOTAL_FORMS": len(names), "targets-INITIAL_FORMS": 0}
    for number, name in enumerate(names):
        rows |= {
            f"targets-{number}-gemini_model": name,
            f"targets-{number}-weight": 1,
            f"targets-{number}-position": number,
        }
    return rows


def mapping(name, *names):
    return {
        "name": name,
        "strategy": "failover",
        "switch_minutes": 60,
        "switch_requests": 100,
        "enabled": "on",
        **targets(*names),
    }


def test_a_mapping_is_made_with_its_targets_in_order(root):
    answer = root.post(SITE + "compat/modelmapping/add/", mapping("my-*", "gemini-b", "gemini-a"))
    assert answer.status_code == 302
    made = ModelMapping.objects.get(name="my-*")
    assert [target.gemini_model for target in made.targets.all()] == ["gemini-b", "gemini-a"]


@pytest.mark.parametrize(
    "posted",
    [
        mapping("my-model"),
        mapping("my model", "gemini-a"),
        mapping("my-model", "models/gemini-a"),
        mapping("my-model", "gemini-a", "gemini-a"),
        {**mapping("my-model", "gemini-a"), "switch_minutes": 0},
    ],
)
def test_a_mapping_that_could_not_work_is_refused(root, posted):
    assert root.post(SITE + "compat/modelmapping/add/", posted).status_code == 200
    assert not ModelMapping.objects.filter(name__startswith="my").exists()


def test_mappings_are_switched_off_and_on_by_actions(root):
    row = ModelMapping.objects.create(name="my-model")
    for action, state in (("disable", False), ("enable", True)):
        html = root.post(
            SITE + "compat/modelmapping/", {"action": action, "_selected_action": [row.pk]}, follow=True
        ).content.decode()
        assert f"1 {action}d." in html
        row.refresh_from_db()
        assert row.enabled is state


def test_a_contributed_keys_owner_is_no_part_of_usage():
    key = contribute(KEY, source="admin").key
    assert not any(field.related_model is ContributedKey for field in UsageRecord._meta.get_fields())
    assert not any(field.related_model is ContributedKey for field in UsageTotal._meta.get_fields())
    assert not any(field.related_model is User for field in KeyDay._meta.get_fields())
    assert key

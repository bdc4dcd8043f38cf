from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.utils import timezone

from accounts.callers import _find_caller
from accounts.issuing import issue_token
from accounts.models import IssuedToken, User
from tests.admin.filling import SITE

pytestmark = pytest.mark.django_db
LIST = SITE + "accounts/issuedtoken/"


@pytest.fixture
def ada(db):
    return User.objects.create_user("ada")


def form_for(owner, **values):
    return {"user": owner.pk, "name": "laptop", "expires_0": "", "expires_1": "", "allowed_models": "[]", **values}


def test_a_new_token_is_shown_once_in_the_answer_to_the_form(root, ada):
    answer = root.post(LIST + "add/", form_for(ada, rpm=5, allowed_models="gpt-4*, o3\n\n gemini-x "))
    assert answer.status_code == 200
    text = answer.context["text"]
    assert f'value="{text}"' in answer.content.decode()
    assert "no-store" in answer.headers["Cache-Control"]
    caller = _find_caller(text)
    assert (caller.username, caller.token_limits.rpm, caller.allowed_models) == ("ada", 5, ("gpt-4*", "o3", "gemini-x"))
    secret = text.rpartition("_")[2]
    token = IssuedToken.objects.get()
    for path in ("", f"{token.pk}/change/", f"{token.pk}/history/", "add/"):
        assert secret not in root.get(LIST + path).content.decode()
    assert not any(secret in str(cookie) for cookie in root.cookies.values())
    entry = LogEntry.objects.get()
    assert "laptop" in entry.object_repr
    assert secret not in f"{entry.object_repr}{entry.change_message}"
    assert secret not in str(dict(root.session.items()))


@pytest.mark.parametrize(
    "wrong",
    [
        {"rpm": 0},
        {"allowed_models": '{"a": 1}'},
        {"allowed_models": "[7]"},
        {"allowed_models": "[nonsense"},
        {"user": ""},
        {"user": 10**6},
    ],
)
def test_a_form_with_a_wrong_value_makes_no_token(root, ada, wrong):
    answer = root.post(LIST + "add/", form_for(ada, **wrong))
    assert answer.status_code == 200
    assert "text" not in answer.context
    assert not IssuedToken.objects.exists()


def test_revoking_asks_first_and_is_noted(root, ada):
    (token, text), (other, other_text) = issue_token(ada), issue_token(ada)
    chosen = {"action": "revoke", "_selected_action": [token.pk]}
    asked = root.post(LIST, chosen)
    assert "It cannot be undone" in asked.content.decode()
    assert _find_caller(text)
    done = root.post(LIST, {**chosen, "confirmed": "yes"}, follow=True)
    assert "1 revoked." in done.content.decode()
    assert _find_caller(text) is None
    assert _find_caller(other_text)
    assert LogEntry.objects.get().object_id == str(token.pk)
    assert (
        "0 revoked. 1 were so already." in root.post(LIST, {**chosen, "confirmed": "yes"}, follow=True).content.decode()
    )
    assert other.pk


def test_revoking_every_row_of_every_page_asks_with_the_number(root, ada):
    for _ in range(60):
        issue_token(ada)
    chosen = {"action": "revoke", "_selected_action": [IssuedToken.objects.first().pk], "select_across": "1"}
    html = root.post(LIST, chosen).content.decode()
    assert "(60)" in html and "and 40 more" in html
    assert html.count('name="_selected_action"') == 1
    root.post(LIST, {**chosen, "confirmed": "yes"})
    assert not IssuedToken.objects.filter(revoked=None).exists()


def test_a_token_stays_with_its_user_and_fixed_columns_cannot_be_posted(root, ada):
    bob = User.objects.create_user("bob")
    token, text = issue_token(ada)
    before = IssuedToken.objects.values().get()
    url = f"{LIST}{token.pk}/change/"
    posted = form_for(
        bob,
        name="renamed",
        digest="0" * 64,
        prefix="stolen12",
        pepper_version="x",
        revoked_0="2020-01-01",
        revoked_1="00:00",
        created_0="2020-01-01",
        created_1="00:00",
        last_used_0="2020-01-01",
        id=999,
    )
    assert root.post(url, posted).status_code == 302
    after = IssuedToken.objects.values().get()
    assert after.pop("name") == "renamed"
    before.pop("name")
    assert after == before
    assert _find_caller(text).user_id == ada.pk


def test_an_expiry_set_in_the_admin_is_in_force_at_once(root, ada):
    token, text = issue_token(ada)
    past = timezone.now() - timedelta(days=1)
    root.post(f"{LIST}{token.pk}/change/", form_for(ada, expires_0=past.date(), expires_1="00:00:00"))
    assert _find_caller(text) is None
    assert "expired" in root.get(LIST).content.decode()


def test_the_models_of_a_token_are_shown_a_line_each_and_a_json_list_is_understood(root, ada):
    token, _ = issue_token(ada, allowed_models=["gpt-4*", "o3"])
    url = f"{LIST}{token.pk}/change/"
    assert "gpt-4*\no3</textarea>" in root.get(url).content.decode()
    assert root.post(url, form_for(ada, allowed_models='["o1"]')).status_code == 302
    token.refresh_from_db()
    assert token.allowed_models == ["o1"]

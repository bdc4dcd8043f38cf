import re
from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from accounts.issuing import issue_token, looks_issued, revoke_token
from accounts.models import IssuedToken, Plan, User


def test_a_token_has_the_published_shape_and_only_its_digest_is_kept(ada):
    token, text = issue_token(ada, name="laptop")
    assert re.fullmatch(r"tumbler-[0-9A-Za-z]{8,}_[0-9A-Za-z]{34,}", text)
    secret = text.split("_")[1]
    row = IssuedToken.objects.values().get(pk=token.pk)
    assert text.startswith(f"tumbler-{row['prefix']}_")
    assert not any(secret[:12] in str(value) for value in row.values())
    assert secret not in f"{token} {token!r}"


def test_no_two_tokens_are_alike(ada):
    texts = {issue_token(ada)[1] for _ in range(20)}
    assert len(texts) == 20


def test_a_token_with_any_one_character_changed_does_not_look_issued(ada):
    _, text = issue_token(ada)
    assert looks_issued(text)
    for place in range(len(text)):
        wrong = text[:place] + ("a" if text[place] != "a" else "b") + text[place + 1 :]
        assert not looks_issued(wrong), wrong


@pytest.mark.parametrize(
    "text",
    ["", "tumbler-", "tumbler-abcdefgh_", "sk-1234", "tumbler-" + "ä" * 10 + "_" + "b" * 34, "\ud800", "x" * 10**6],
)
def test_other_texts_do_not_look_issued(text):
    assert not looks_issued(text)


@pytest.mark.parametrize("around", ["{}\n", " {}", "{}x", "{}\0"])
def test_a_token_with_something_around_it_does_not_look_issued(ada, around):
    _, text = issue_token(ada)
    assert not looks_issued(around.format(text))


def test_limits_models_and_expiry_are_kept(ada):
    expires = timezone.now() + timedelta(days=3)
    token, _ = issue_token(ada, expires=expires, allowed_models=["gpt-4*"], rpm=5, monthly_tokens=10**12)
    token.refresh_from_db()
    assert (token.rpm, token.monthly_tokens, token.allowed_models) == (5, 10**12, ["gpt-4*"])
    assert (token.tpm, token.expires) == (None, expires)


@pytest.mark.parametrize(
    "wrong", [{"rpm": 0}, {"rpm": -1}, {"name": "n" * 101}, {"allowed_models": [""]}, {"allowed_models": [7]}]
)
def test_a_value_out_of_range_makes_no_token(ada, wrong):
    with pytest.raises(ValidationError):
        issue_token(ada, **wrong)
    assert not IssuedToken.objects.exists()


def test_what_is_no_limit_cannot_be_smuggled_in_as_one(ada):
    with pytest.raises(TypeError):
        issue_token(ada, revoked=None)


def test_revoking_is_dated_once(ada):
    token, _ = issue_token(ada)
    assert revoke_token(token)
    first = IssuedToken.objects.get().revoked
    assert not revoke_token(token)
    assert IssuedToken.objects.get().revoked == first is not None


def test_a_new_user_without_a_plan_gets_the_default_one(db):
    assert User.objects.create_user("early").plan is None
    plan, own = Plan.objects.create(name="standard", is_default=True), Plan.objects.create(name="own")
    assert User.objects.create_user("late").plan == plan
    assert User.objects.get_or_create(username="later")[0].plan == plan
    assert User.objects.create_user("special", plan=own).plan == own

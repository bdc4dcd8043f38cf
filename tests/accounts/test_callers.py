import asyncio
import time
from dataclasses import fields
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import callers
from accounts.callers import UNKNOWN, Caller, LimitSet, anonymous_caller, forget, recognise, remembered
from accounts.in_db import in_db
from accounts.issuing import issue_token, revoke_token
from accounts.models import LIMIT_FIELDS, IssuedToken, Plan, User
from accounts.token_text import new_token_text

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def look_ups(monkeypatch):
    """The database look-ups made, counted."""
    made = []

    async def counting(act, *args):
        made.append(args)
        return await callers_in_db(act, *args)

    callers_in_db = callers.in_db
    monkeypatch.setattr(callers, "in_db_soon", counting)
    return made


@pytest.fixture
def later(monkeypatch):
    """Move the monotonic clock that the memory goes by."""
    ahead = [0.0]
    monotonic = time.monotonic
    monkeypatch.setattr(callers.time, "monotonic", lambda: monotonic() + ahead[0])

    def move(seconds):
        ahead[0] += seconds

    return move


async def issued(user, **about):
    return await in_db(issue_token, user, **about)


async def test_a_token_is_recognised_and_then_remembered_without_the_database(committed_ada, look_ups):
    token, text = await issued(committed_ada, allowed_models=["gpt-4*"])
    assert remembered(text) is UNKNOWN
    caller = await recognise(text)
    assert (caller.user_id, caller.token_id, caller.username) == (committed_ada.pk, token.pk, "ada")
    assert remembered(text) is caller
    assert await recognise(text) is caller
    assert len(look_ups) == 1


async def test_a_mistyped_token_costs_no_look_up(committed_ada, look_ups):
    _, text = await issued(committed_ada)
    for wrong in (text[:-1] + "!", text.swapcase(), "", "Bearer", "\ud800"):
        assert remembered(wrong) is None
        assert await recognise(wrong) is None
    assert look_ups == []


async def test_a_well_formed_token_that_was_never_issued_is_refused_and_remembered_as_refused(look_ups, later):
    text = new_token_text()
    assert await recognise(text) is None
    assert remembered(text) is None
    assert await recognise(text) is None
    assert len(look_ups) == 1
    later(2.1)
    assert remembered(text) is UNKNOWN


async def test_a_known_prefix_with_another_secret_is_refused(committed_ada):
    token, _ = await issued(committed_ada)
    from accounts import token_text

    body = f"tumbler-{token.prefix}_{'a' * 28}"
    assert await recognise(body + token_text._checksum(body)) is None


def test_known_and_unknown_prefixes_cost_the_same_query_and_digest(ada, monkeypatch, django_assert_num_queries):
    digests = []
    digest_of = callers.digest_of
    monkeypatch.setattr(callers, "digest_of", lambda *args: digests.append(args) or digest_of(*args))
    _, text = issue_token(ada)
    IssuedToken.objects.update(last_used=timezone.now())
    for asked in (text, new_token_text()):
        with django_assert_num_queries(1):
            callers._find_caller(asked)
    assert len(digests) == 2


@pytest.mark.parametrize("how", ["revoked", "expired", "disabled", "pepper gone", "deleted"])
async def test_a_token_that_no_longer_holds_is_refused(committed_ada, settings, how):
    token, text = await issued(committed_ada)
    assert await recognise(text)

    def spoil():
        match how:
            case "revoked":
                revoke_token(token)
            case "expired":
                token.expires = timezone.now() - timedelta(seconds=1)
                token.save()
            case "disabled":
                committed_ada.is_active = False
                committed_ada.save()
            case "pepper gone":
                settings.TOKEN_PEPPERS = ["another"]
                forget()
            case "deleted":
                token.delete()

    await in_db(spoil)
    assert await recognise(text) is None


async def test_a_change_elsewhere_is_in_force_within_five_seconds(committed_ada, later):
    token, text = await issued(committed_ada)
    assert await recognise(text)
    # update() sends no signal: it is what another process's change looks like from here.
    await in_db(IssuedToken.objects.filter(pk=token.pk).update, revoked=timezone.now())
    later(3.9)
    assert remembered(text) is not UNKNOWN
    later(0.2)
    assert await recognise(text) is None
    assert remembered(text) is None


async def test_expiry_is_checked_on_a_remembered_token(committed_ada, monkeypatch):
    _, text = await issued(committed_ada, expires=timezone.now() + timedelta(hours=1))
    assert await recognise(text)
    now = time.time()
    monkeypatch.setattr(callers.time, "time", lambda: now + 3601)
    assert remembered(text) is None


async def test_tokens_under_an_older_pepper_hold_and_new_ones_take_the_newest(committed_ada, settings):
    settings.TOKEN_PEPPERS = ["older"]
    old_token, old_text = await issued(committed_ada)
    settings.TOKEN_PEPPERS = ["newest", "older"]
    new_token, new_text = await issued(committed_ada)
    assert await recognise(old_text)
    assert await recognise(new_text)
    assert old_token.pepper_version != new_token.pepper_version
    settings.TOKEN_PEPPERS = ["newest"]
    forget()
    assert await recognise(old_text) is None
    assert await recognise(new_text)


async def test_many_requests_at_once_share_one_look_up(committed_ada, look_ups):
    _, text = await issued(committed_ada)
    answers = await asyncio.gather(*(recognise(text) for _ in range(50)))
    assert len(look_ups) == 1
    assert len(set(answers)) == 1 and answers[0]


async def test_the_first_to_ask_may_leave_without_spoiling_the_answer_for_the_others(committed_ada, look_ups):
    _, text = await issued(committed_ada)
    first = asyncio.create_task(recognise(text))
    second = asyncio.create_task(recognise(text))
    await asyncio.sleep(0)
    first.cancel()
    assert await second
    assert len(look_ups) == 1


async def test_an_answer_that_a_revocation_overtook_is_not_remembered(committed_ada, monkeypatch):
    token, text = await issued(committed_ada)

    async def overtaken(act, *args):
        answer = await in_db(act, *args)
        await in_db(revoke_token, token)
        return answer

    monkeypatch.setattr(callers, "in_db_soon", overtaken)
    assert await recognise(text)
    assert remembered(text) is UNKNOWN


async def test_a_failing_database_is_not_remembered_as_a_refusal(committed_ada, monkeypatch):
    _, text = await issued(committed_ada)

    async def broken(act, *args):
        raise ConnectionError

    with monkeypatch.context() as patch:
        patch.setattr(callers, "in_db_soon", broken)
        with pytest.raises(ConnectionError):
            await recognise(text)
    assert await recognise(text)


async def test_forgetting_one_user_leaves_the_others_remembered(committed_ada):
    bob = await in_db(User.objects.create, username="bob")
    (_, ada_text), (_, bob_text) = await issued(committed_ada), await issued(bob)
    await recognise(ada_text), await recognise(bob_text)
    forget(user_id=bob.pk)
    assert remembered(bob_text) is UNKNOWN
    assert isinstance(remembered(ada_text), Caller)


async def test_a_flood_of_made_up_tokens_pushes_no_caller_out(committed_ada, monkeypatch):
    monkeypatch.setattr(callers, "_REMEMBERED_AT_MOST", 5)
    _, text = await issued(committed_ada)
    await recognise(text)
    for _ in range(10):
        assert await recognise(new_token_text()) is None
    assert remembered(text) is not UNKNOWN
    assert len(callers._refusals) == 5


async def test_the_memory_of_callers_is_bounded(committed_ada, monkeypatch):
    monkeypatch.setattr(callers, "_REMEMBERED_AT_MOST", 3)
    texts = [(await issued(committed_ada))[1] for _ in range(5)]
    for text in texts:
        await recognise(text)
    assert [remembered(text) is UNKNOWN for text in texts] == [True, True, False, False, False]


async def test_the_memory_holds_no_token(committed_ada):
    _, text = await issued(committed_ada)
    await recognise(text)
    await recognise(new_token_text())
    assert text.split("_")[1] not in repr((callers._callers, callers._refusals))
    assert not any(b"tumbler" in key for key in (*callers._callers, *callers._refusals))


async def test_own_limits_win_over_the_plans_field_by_field(transactional_db):
    plan = await in_db(Plan.objects.create, name="standard", rpm=60, tpm=1000)
    user = await in_db(User.objects.create, username="eve", plan=plan, rpm=5)
    _, text = await issued(user, rpd=7)
    caller = await recognise(text)
    assert caller.user_limits == LimitSet(rpm=5, tpm=1000)
    assert caller.token_limits == LimitSet(rpd=7)
    plan.tpm = 2000
    await in_db(plan.save)
    assert (await recognise(text)).user_limits.tpm == 2000


def test_a_limit_set_has_one_attribute_a_limit_field():
    assert tuple(field.name for field in fields(LimitSet)) == LIMIT_FIELDS


@pytest.mark.parametrize(
    ("allowed", "asked", "may"),
    [
        ((), ["anything"], True),
        (("gpt-4*",), ["gpt-4o"], True),
        (("gpt-4*",), ["gpt-3.5-turbo"], False),
        (("gemini-3.8-flash",), ["models/gemini-3.8-flash", "gemini-3.8-flash"], True),
        (("a", "b?"), ["b1"], True),
        (("a",), [], False),
    ],
)
def test_a_token_may_use_the_models_its_patterns_name(allowed, asked, may):
    caller = Caller(1, 1, "ada", allowed, LimitSet(), LimitSet(), None)
    assert caller.may_use(asked) is may


async def test_the_last_use_is_written_at_most_once_a_minute(committed_ada, last_uses):
    token, text = await issued(committed_ada)

    async def last_use():
        forget()
        await recognise(text)
        await callers._noting[asyncio.get_running_loop()]
        return (await in_db(IssuedToken.objects.get, pk=token.pk)).last_used

    first = await last_use()
    assert first
    assert await last_use() == first
    await in_db(IssuedToken.objects.update, last_used=first - timedelta(minutes=2))
    assert await last_use() >= first


async def test_open_access_makes_the_user_anonymous_once_and_can_be_closed_by_disabling_it(transactional_db):
    caller = await anonymous_caller()
    assert (caller.username, caller.token_id, caller.allowed_models) == ("anonymous", None, ())
    assert await anonymous_caller() == await anonymous_caller() == caller
    user = await in_db(User.objects.get)
    assert not user.has_usable_password()
    user.is_active = False
    await in_db(user.save)
    assert await anonymous_caller() is None


def test_a_remembered_caller_costs_no_query(ada):
    _, text = issue_token(ada)
    callers._remember(callers._key_of(text), callers._find_caller(text), time.monotonic())
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert isinstance(remembered(text), Caller)
    assert len(queries) == 0

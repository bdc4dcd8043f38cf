"""The page that explains a request: what happened, for its owner and for staff; for everybody else it is not there."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from accounts.issuing import issue_token
from accounts.models import UsageRecord, User
from accounts.pages.explaining import VERDICTS, explain, record_id
from compat.gemini import failures
from compat.gemini.failures import FAILURES, Blame, Failure, Next

FALLEN_BACK = [
    ["gemini-pro", "quota", 10, 120],
    ["gemini-pro", "overloaded", 130, 400],
    ["gemini-flash", "answered", 640, 300],
]


@pytest.fixture
def ada(db):
    return User.objects.create_user("ada")


def recorded(user, **changes):
    token, _ = issue_token(user, name="laptop")
    counts = {"prompt_tokens": 1200, "cached_tokens": 0, "tool_prompt_tokens": 0, "completion_tokens": 34}
    counts |= {"reasoning_tokens": 20, "total_tokens": 1234, "counts_from": "upstream"}
    ended = {"status": 200, "attempts": 1, "gemini_model": "gemini-flash", "error_code": "", "cost": 0}
    times = {"queue_ms": 10, "first_byte_ms": 940, "total_ms": 1500}
    return UsageRecord.objects.create(
        id=uuid4(),
        created=datetime(2026, 11, 30, 12, tzinfo=UTC),
        user=user,
        token=token,
        owner=f"{user.pk}:{token.pk}",
        endpoint="chat.completions",
        stream=True,
        **(counts | ended | times | {"model": "gpt-4o"} | changes),
    )


def page(user, record, status=200):
    client = Client(headers={"host": "localhost", "accept": "text/html"})
    client.force_login(user)
    answer = client.get(f"/accounts/requests/req_{record.pk.hex}/")
    assert answer.status_code == status
    return answer.content.decode()


# --- What is told -------------------------------------------------------------------------------------------


def test_its_owner_reads_the_attempts_in_order_with_reason_and_time(ada):
    text = page(ada, recorded(ada, attempts=3, tried=FALLEN_BACK))
    places = [
        text.index(words)
        for words in (
            "Attempt 1: gemini-pro",
            "the quota was used up",
            "Attempt 2: gemini-pro",
            "Gemini was overloaded",
            "Attempt 3: gemini-flash",
        )
    ]
    assert places == sorted(places)
    assert "120 ms" in text and "400 ms" in text and "300 ms" in text
    assert "gpt-4o" in text and "1,234" in text and "laptop" in text


def test_the_models_stand_in_the_order_in_which_they_were_asked(ada):
    assert explain(recorded(ada, attempts=3, tried=FALLEN_BACK)).models == ("gemini-pro", "gemini-flash")


def test_one_attempt_that_answered_is_told_from_the_columns_alone(ada):
    explained = explain(recorded(ada))
    [attempt] = explained.attempts
    assert (attempt.model, attempt.is_good, attempt.began, attempt.took) == ("gemini-flash", True, 10, 930)
    assert [span.kind for span in explained.spans] == ["wait", "good", "answer"]


def test_every_bar_lies_inside_the_timeline(ada):
    for tried in (None, FALLEN_BACK, [["m", "quota", 1500, 9]], [["m", "quota", 0, 99_000]]):
        for span in explain(recorded(ada, tried=tried, attempts=1)).spans:
            assert span.x >= 0 and span.width >= 6 and span.x + span.width <= 1000


def test_attempts_that_were_not_written_down_are_counted(ada):
    record = recorded(ada, attempts=60, tried=[["m", "quota", 0, 5]] * 40, status=429, error_code="pool_exhausted")
    text = page(ada, record)
    assert "20 more attempts were made" in text and "pool_exhausted" in text


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"status": 499, "error_code": "client_closed"}, "The client left after 1.5 s."),
        ({"status": 499, "error_code": "interrupted", "counts_from": "interrupted"}, "The server ended while it ran."),
        ({"status": 503, "error_code": "no_upstream_key", "attempts": 0}, "Nothing was sent to Gemini."),
    ],
)
def test_every_ending_has_its_words(ada, changes, words):
    assert words in page(ada, recorded(ada, **changes))


def test_every_way_an_attempt_may_end_has_its_words():
    rows = [failure for _, failure in FAILURES] + [row for row in vars(failures).values() if isinstance(row, Failure)]
    ended = {failure.verdict for failure in rows} | {"answered", "blocked", "left"}
    assert ended == set(VERDICTS)


def test_of_a_key_nothing_is_told_but_that_it_or_its_quota_was_the_reason():
    for blame in (Blame.KEY, Blame.PROJECT, Blame.QUOTA):
        assert Failure("key_leaked", blame, Next.KEY).verdict in {"key", "quota"}


def test_text_of_a_clients_is_inert(ada):
    record = recorded(ada, model="<img src=x onerror=alert(1)>")
    assert "<img src=x" not in page(ada, record)


# --- Who may read it ----------------------------------------------------------------------------------------


def test_for_others_it_is_not_there(ada):
    record, bob = recorded(ada), User.objects.create_user("bob")
    page(bob, record, 404)
    page(User.objects.create_user("staff", is_staff=True), record, 404)


def test_staff_who_may_see_usage_read_whose_it_was(ada):
    staff = User.objects.create_user("watcher", is_staff=True)
    staff.user_permissions.add(Permission.objects.get(codename="view_usagerecord"))
    text = page(staff, recorded(ada))
    assert "<dd>ada</dd>" in text


def test_the_right_alone_without_being_staff_opens_nothing(ada):
    bob = User.objects.create_user("bob")
    bob.user_permissions.add(Permission.objects.get(codename="view_usagerecord"))
    page(bob, recorded(ada), 404)


# --- Finding it ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["req_{}", "{}", " req_{} "])
def test_an_id_is_found_as_it_was_copied(ada, form):
    record = recorded(ada)
    client = Client(headers={"host": "localhost"})
    client.force_login(ada)
    answer = client.get("/accounts/requests/", {"id": form.format(record.pk.hex)})
    assert answer.url == f"/accounts/requests/req_{record.pk.hex}/"


@pytest.mark.parametrize("text", ["req_nothing", "req_" + "0" * 32, "../../etc", "\x00"])
def test_an_id_of_nothing_says_so(ada, text):
    client = Client(headers={"host": "localhost"})
    client.force_login(ada)
    answer = client.get("/accounts/requests/", {"id": text})
    assert answer.status_code == 404 and "No request of yours has this id" in answer.content.decode()


def test_the_list_of_requests_asks_as_much_for_ten_as_for_one(ada, django_assert_max_num_queries):
    records = [recorded(ada) for _ in range(10)]
    client = Client(headers={"host": "localhost"})
    client.force_login(ada)
    with django_assert_max_num_queries(4):
        page = client.get("/accounts/requests/").content.decode()
    assert all(f"/accounts/requests/req_{record.pk.hex}/" in page for record in records)


def test_what_is_no_id_is_none():
    assert record_id("req_zzz") is None and record_id("") is None

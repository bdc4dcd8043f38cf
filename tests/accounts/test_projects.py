"""Two keys of one Google project give themselves away; an operator joins them, or says that they are two."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from accounts.contributing import contribute, erase_key
from accounts.models import ContributedKey, KeyCooldown, KeyEvent, LearnedQuota, Overrun, ProjectPair
from accounts.pool import news
from accounts.pool.news import Unwritten
from accounts.pool.storage import write_down
from accounts.projects import FLAGGED_AT, JOINED_AT, decline, join

pytestmark = pytest.mark.django_db
MODEL = "gemini-3.8-flash"
START = moment = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    monkeypatch.setattr("django.utils.timezone.now", lambda: moment)


@pytest.fixture
def two():
    return [contribute(f"fake-key-of-a-project-{number}", source="admin").key for number in range(2)]


def refused(key, after, used=5, allowed=10, limit="rpm", model=MODEL):
    """One process finds so many seconds after the start that the key was refused below its limit, and writes it down."""
    global moment
    moment = START + timedelta(seconds=after)
    overrun = news.Overrun((key.quota_domain, model), limit, START.timestamp() + after, used, allowed)
    write_down(Unwritten(overruns=[overrun]))


def together(two, times, apart=1.0, every=60.5, **how):
    for number in range(times):
        refused(two[0], number * every, **how)
        refused(two[1], number * every + apart, **how)


def the_pair():
    return ProjectPair.objects.first()


def test_keys_that_are_refused_together_again_and_again_are_flagged(two):
    together(two, FLAGGED_AT - 1)
    assert (the_pair().state, the_pair().coincidences) == ("watched", FLAGGED_AT - 1)
    refused(two[0], 65)
    assert the_pair().coincidences == FLAGGED_AT - 1, "the same minute counts once"
    refused(two[0], 1000)
    refused(two[1], 1001)
    assert (the_pair().state, the_pair().model, the_pair().limit) == ("flagged", MODEL, "rpm")
    assert ContributedKey.objects.filter(project="").count() == 2, "nobody has joined them"


def test_days_that_run_out_within_minutes_of_each_other_count_as_well(two):
    for day in range(FLAGGED_AT):
        refused(two[0], day * 86_400, limit="rpd", used=100, allowed=250)
        refused(two[1], day * 86_400 + 200, limit="rpd", used=140, allowed=250)
    assert the_pair().state == "flagged"


@pytest.mark.parametrize(
    "how", [{"apart": 4.0}, {"apart": 301.0, "limit": "rpd", "every": 86_400}], ids=["minutes", "days"]
)
def test_what_happens_apart_in_time_is_no_coincidence(two, how):
    together(two, 4, **how)
    assert the_pair() is None


def test_another_model_or_another_limit_is_no_coincidence(two):
    for number in range(4):
        refused(two[0], number * 100)
        refused(two[1], number * 100, model="gemini-3.7-flash")
        refused(two[1], number * 100, limit="tpm", allowed=1_000)
    assert the_pair() is None


def test_two_that_served_more_than_one_project_may_are_two(two):
    together(two, FLAGGED_AT)
    together(two, 1, used=8)
    assert the_pair() is None
    together(two, FLAGGED_AT + 1, used=7)
    assert the_pair() is None, "nor are they noticed while both serve much"


def test_coincidences_of_long_ago_do_not_add_up(two):
    together(two, FLAGGED_AT, every=15 * 86_400)
    assert (the_pair().state, the_pair().coincidences) == ("watched", 1)


def test_three_keys_of_one_project_make_three_pairs(two):
    three = [*two, contribute("fake-key-of-a-project-9", source="admin").key]
    for key in three:
        refused(key, 0, used=3)
    assert ProjectPair.objects.count() == 3


def test_they_are_joined_by_themselves_only_where_that_is_set(two, settings):
    together(two, JOINED_AT)
    assert ContributedKey.objects.filter(project="").count() == 2
    settings.JOIN_PROJECTS = True
    refused(two[0], 1000)
    refused(two[1], 1000)
    assert len(set(ContributedKey.objects.values_list("project", flat=True)) - {""}) == 1
    assert the_pair() is None


def test_joined_keys_share_what_was_known_of_each(two):
    one, other = two
    now = timezone.now()
    for key, hours, rpd in ((one, 1, 250), (other, 2, 100)):
        KeyCooldown.objects.create(
            domain=key.quota_domain, model=MODEL, until=now + timedelta(hours=hours), reason="quota_day"
        )
        LearnedQuota.objects.create(domain=key.quota_domain, model=MODEL, rpd=rpd, learned=now - timedelta(hours=hours))
    together(two, FLAGGED_AT)
    assert join(the_pair())
    one.refresh_from_db()
    other.refresh_from_db()
    assert one.quota_domain == other.quota_domain and one.project.startswith("shared ")
    assert KeyCooldown.objects.get().until == now + timedelta(hours=2)
    assert (LearnedQuota.objects.get().domain, LearnedQuota.objects.get().rpd) == (one.quota_domain, 250)
    assert not Overrun.objects.exists() and not ProjectPair.objects.exists()
    joined = KeyEvent.objects.filter(became="joined")
    assert {event.key_id for event in joined} == {one.pk, other.pk}


def test_a_key_joins_the_project_that_is_named(two):
    one, other = two
    ContributedKey.objects.filter(pk=one.pk).update(project="mine")
    one.refresh_from_db()
    together(two, FLAGGED_AT)
    before = ContributedKey.objects.get(pk=other.pk).updated
    assert join(the_pair())
    joined = ContributedKey.objects.get(pk=other.pk)
    assert (joined.project, joined.updated > before or joined.updated == timezone.now()) == ("mine", True)


def test_what_was_declined_is_never_flagged_or_joined_again(two, settings):
    settings.JOIN_PROJECTS = True
    together(two, FLAGGED_AT)
    assert decline(the_pair()) and not decline(the_pair())
    together(two, JOINED_AT + 1, every=61)
    assert the_pair().state == "declined"
    assert ContributedKey.objects.filter(project="").count() == 2


def test_a_refusal_to_join_one_key_holds_for_the_project_that_it_joins(two):
    one, other = two
    third = contribute("fake-key-of-a-project-9", source="admin").key
    first, second = sorted((one.quota_domain, third.quota_domain))
    ProjectPair.objects.create(first=first, second=second, state="declined")
    first, second = sorted((one.quota_domain, other.quota_domain))
    assert join(ProjectPair.objects.create(first=first, second=second))
    one.refresh_from_db()
    left = ProjectPair.objects.get()
    assert ({left.first, left.second}, left.state) == ({one.quota_domain, third.quota_domain}, "declined")


def test_a_pair_of_which_one_is_gone_cannot_be_joined(two):
    together(two, FLAGGED_AT)
    ContributedKey.objects.filter(pk=two[0].pk).delete()
    assert not join(the_pair())
    assert the_pair() is None


def test_an_erased_key_takes_its_pairs_along(two):
    together(two, 1)
    erase_key(two[0])
    assert the_pair() is None
    assert not Overrun.objects.filter(domain=two[0].quota_domain).exists()


def test_the_moments_are_kept_for_minutes_only(two):
    refused(two[0], 0)
    refused(two[0], 86_400)
    assert Overrun.objects.count() == 1

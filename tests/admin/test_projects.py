import pytest
from django.contrib.admin.models import LogEntry

from accounts.contributing import contribute
from accounts.models import ContributedKey, ProjectPair
from tests.admin.filling import SITE

pytestmark = pytest.mark.django_db
LIST = SITE + "accounts/projectpair/"


def make_pair(number=0):
    domains = [
        contribute(f"fake-key-of-a-pair-{number}-{end}", source="admin", label=f"key {number}").key.quota_domain
        for end in ("0001", "0002")
    ]
    first, second = sorted(domains)
    return ProjectPair.objects.create(
        first=first, second=second, state="flagged", coincidences=3, model="gemini-3.8-flash", limit="rpm"
    )


def test_the_list_says_which_keys_and_why(root):
    make_pair()
    html = root.get(LIST).content.decode()
    assert "key 0 …0001" in html and "key 0 …0002" in html
    assert "gemini-3.8-flash: requests a minute" in html and "probably one project" in html


def test_one_click_joins_and_it_is_told_and_logged(root):
    pair = make_pair()
    html = root.post(f"{LIST}{pair.pk}/join/", follow=True).content.decode()
    assert "joined: they share one quota from now on" in html
    assert len(set(ContributedKey.objects.values_list("project", flat=True))) == 1
    assert not ProjectPair.objects.exists()
    assert "Joined" in LogEntry.objects.get().change_message
    assert root.post(f"{LIST}{pair.pk}/join/").status_code == 404


def test_one_click_declines_and_the_pair_stays_so(root):
    pair = make_pair()
    assert "kept apart" in root.post(f"{LIST}{pair.pk}/decline/", follow=True).content.decode()
    pair.refresh_from_db()
    assert pair.state == "declined"
    html = root.get(LIST).content.decode()
    assert "Yes, join them" in html and "No, keep apart" not in html


def test_a_link_does_not_join(root):
    assert root.get(f"{LIST}{make_pair().pk}/join/").status_code == 405
    assert ProjectPair.objects.exists()


def test_who_may_not_change_keys_may_not_join_them(staff):
    pair = make_pair()
    for act in ("join", "decline"):
        assert staff("view_projectpair").post(f"{LIST}{pair.pk}/{act}/").status_code == 403
    pair.refresh_from_db()
    assert pair.state == "flagged"


def test_many_pairs_are_decided_at_once(root, staff):
    one, two, three = (make_pair(number) for number in range(3))
    chosen = {"_selected_action": [one.pk, two.pk]}
    staff("view_projectpair").post(LIST, {**chosen, "action": "join_chosen", "confirmed": "yes"})
    assert ProjectPair.objects.filter(state="flagged").count() == 3
    assert "Join the keys of these pairs?" in root.post(LIST, {**chosen, "action": "join_chosen"}).content.decode()
    root.post(LIST, {**chosen, "action": "join_chosen", "confirmed": "yes"})
    assert ProjectPair.objects.get() == three
    root.post(LIST, {"_selected_action": [three.pk], "action": "decline_chosen"})
    assert ProjectPair.objects.get().state == "declined"


def test_three_keys_of_one_project_are_joined_pair_by_pair(root):
    pair = make_pair()
    third = contribute("fake-key-of-a-pair-third", source="admin").key.quota_domain
    for domain in (pair.first, pair.second):
        first, second = sorted((domain, third))
        ProjectPair.objects.create(first=first, second=second, state="flagged")
    pks = list(ProjectPair.objects.values_list("pk", flat=True))
    root.post(LIST, {"_selected_action": pks, "action": "join_chosen", "confirmed": "yes"})
    assert not ProjectPair.objects.exists()
    assert len(set(ContributedKey.objects.values_list("project", flat=True))) == 1

"""The box in the admin that tries a model name: it says what a request would do, and does nothing."""

import re

import pytest

from compat.mapping import forget_mappings, resolve
from compat.models import ModelMapping
from compat.relay.gone import remember_gone
from compat.trying import try_name
from tests.admin.filling import HOSTILE, SITE
from tests.admin.query_counts import recorded_queries

pytestmark = pytest.mark.django_db
TRY = SITE + "compat/modelmapping/try/"


def make(name, *targets, **fields):
    mapping = ModelMapping.objects.create(name=name, **fields)
    for position, target in enumerate(targets):
        mapping.targets.create(gemini_model=target, position=position, weight=position + 1)
    return mapping


def shown(root, name):
    """(the sentence, [(model, why)]) of the page."""
    html = root.get(TRY, {"name": name}).content.decode()
    rows = re.findall(r"<li><strong>(.*?)</strong><span>(.*?)</span>", html)
    return html, rows


@pytest.fixture
def nothing_mapped():
    ModelMapping.objects.all().delete()


def test_a_mapped_name_shows_its_targets_in_order_and_leads_to_its_mapping(root, nothing_mapped):
    mapping = make("my-model", "gemini-b", "gemini-a")
    html, rows = shown(root, "my-model")
    assert "It is mapped by its own name." in html
    assert rows == [
        ("gemini-b", "asked first"),
        ("gemini-a", "asked when those above have failed or have no quota left"),
    ]
    assert f"/admin/compat/modelmapping/{mapping.pk}/change/" in html


def test_the_longest_pattern_and_a_routers_prefix_are_told(root, nothing_mapped):
    make("my-*", "gemini-a")
    make("my-model-*", "gemini-b")
    html, rows = shown(root, "my-model-7")
    assert "my-model-7 fits the pattern my-model-*, the longest of those that fit." in html
    assert [model for model, _ in rows] == ["gemini-b"]
    make("plain", "gemini-c")
    html, rows = shown(root, "vendor/plain:free")
    assert "Without its prefix it is plain, which is mapped by its own name." in html
    assert [model for model, _ in rows] == ["gemini-c"]


@pytest.mark.parametrize(
    ("strategy", "whys"),
    [
        ("weighted", ["first in 1 of 3 requests", "first in 2 of 3 requests"]),
        ("count", ["first for 100 requests in turn"] * 2),
    ],
)
def test_turns_are_told_and_not_taken(root, nothing_mapped, strategy, whys):
    make("my-model", "gemini-a", "gemini-b", strategy=strategy)
    for _ in range(3):
        _, rows = shown(root, "my-model")
        assert rows == list(zip(["gemini-a", "gemini-b"], whys, strict=True))


def test_by_time_it_shows_who_leads_now_and_until_when(root, nothing_mapped, monkeypatch):
    make("my-model", "gemini-a", "gemini-b", strategy="time", switch_minutes=60)
    for hour, first in ((10, "gemini-a"), (11, "gemini-b")):
        monkeypatch.setattr("compat.trying.time.time", lambda hour=hour: hour * 3600.0 + 120)
        _, rows = shown(root, "my-model")
        assert rows[0] == (first, f"first until {hour + 1}:00 UTC")
        assert len(rows) == 2


def test_names_that_are_not_mapped_pass_fall_back_or_are_refused(root, nothing_mapped, settings):
    html, rows = shown(root, "gemini-3.8-flash")
    assert rows == [("gemini-3.8-flash", "asked first")] and "it is asked as it is" in html
    settings.DEFAULT_MODEL, settings.UNKNOWN_MODELS = "gemini-default", "default"
    html, rows = shown(root, "who-knows")
    assert rows == [("gemini-default", "asked first")] and "answered by DEFAULT_MODEL, gemini-default" in html
    make("gemini-default", "gemini-a", "gemini-b")
    html, rows = shown(root, "who-knows")
    assert [model for model, _ in rows] == ["gemini-a", "gemini-b"] and "which is mapped" in html
    settings.UNKNOWN_MODELS = "refuse"
    html, rows = shown(root, "who-knows")
    assert rows == [] and "It is refused with status 404." in html


def test_a_model_that_google_called_gone_is_marked_and_a_mapping_switched_off_does_not_count(root, nothing_mapped):
    make("my-model", "gemini-a", "gemini-b")
    remember_gone("gemini-a")
    html, _ = shown(root, "my-model")
    assert html.count("passed over for a day") == 1
    ModelMapping.objects.update(enabled=False)
    html, _ = shown(root, "my-model")
    assert "No mapping fits." in html


def test_any_text_is_shown_as_text(root):
    for text in (HOSTILE, "x" * 1000, "\x00", "a/../b", "漢字"):
        html, rows = shown(root, text)
        assert "<img src=x" not in html
        assert rows == [] and "refused" in html
    assert "Try a name" in root.get(TRY).content.decode()


def test_the_list_has_the_box_and_the_page_a_recorded_number_of_queries(root):
    assert 'action="/admin/compat/modelmapping/try/"' in root.get(SITE + "compat/modelmapping/").content.decode()
    # Transactional tests before this one may have flushed the seeded mappings: one is always there.
    ModelMapping.objects.create(name="counted").targets.create(gemini_model="gemini-3.8-flash")
    root.get(TRY, {"name": "counted"})
    with recorded_queries("compat/modelmapping/try/"):
        assert root.get(TRY, {"name": "counted"}).status_code == 200


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "name", ["my-model", "my-other", "models/gemini-x", "gemini-3.8-flash", "vendor/my-model:free", "?"]
)
async def test_it_says_what_a_request_would_do(name, settings):
    from asgiref.sync import sync_to_async

    await sync_to_async(make)("my-model", "gemini-a", "gemini-b")
    await sync_to_async(make)("my-*", "gemini-c")
    forget_mappings()
    told = await sync_to_async(try_name)(name)
    if told.refused:
        with pytest.raises(Exception, match="does not exist"):
            await resolve(name)
    else:
        assert (await resolve(name)).targets == tuple(target.model for target in told.targets)

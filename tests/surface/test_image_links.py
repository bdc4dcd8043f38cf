"""Links to images: they hold for an hour, for one image, and nothing that is kept opens it without its link."""

import base64
import json
import logging
import uuid
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from asgiref.sync import sync_to_async
from django.utils import timezone

from accounts import kept_images
from accounts.models import KeptImage, User
from compat.simulator.media import image
from tests.live.openapi import check
from tests.surface.conftest import ask
from tests.surface.test_images import DRAWN, MODEL, generate, reply

BYTES = base64.b64decode(image({})["data"])


@pytest.fixture
def site(site):
    site.gemini.reply = reply(DRAWN)
    return site


async def link(site, **members):
    answered = await generate(site, response_format="url", **members)
    check(answered.json, "ImagesResponse")
    return [urlsplit(one["url"]) for one in answered.json["data"]]


async def fetch(path, query, method="GET", headers=()):
    return await ask(path, method=method, query=query.encode(), headers=headers)


async def test_a_link_opens_its_image_without_a_token(site):
    [url] = await link(site)
    assert (url.scheme, url.netloc) == ("http", "localhost")
    answered = await fetch(url.path, url.query)
    assert (answered.status, answered.body) == (200, BYTES)
    told = answered.headers
    assert told["content-type"] == "image/png" and told["content-length"] == str(len(BYTES))
    assert told["x-content-type-options"] == "nosniff"
    assert told["content-security-policy"] == "default-src 'none'; sandbox"
    assert told["cache-control"] == "no-store, private"


async def test_head_is_as_get_and_a_range_is_answered_whole(site):
    [url] = await link(site)
    head = await fetch(url.path, url.query, "HEAD")
    assert (head.status, head.body, head.headers["content-length"]) == (200, b"", str(len(BYTES)))
    ranged = await fetch(url.path, url.query, headers=(("range", "bytes=0-9"),))
    assert (ranged.status, ranged.body) == (200, BYTES)
    assert (await fetch(url.path, url.query, "DELETE")).status == 405


@pytest.mark.parametrize(
    ("model", "wanted", "member"),
    [
        ("dall-e-3", None, "url"),
        ("dall-e-3", "b64_json", "b64_json"),
        ("gpt-image-1", None, "b64_json"),
        ("gpt-image-1", "url", "url"),
        (None, None, "b64_json"),
    ],
)
async def test_links_are_the_answer_where_openais_models_answer_so(site, model, wanted, member, image_mappings):
    answered = await generate(site, model=model, response_format=wanted)
    assert [list(one) for one in answered.json["data"]] == [[member]]


def changed(query, **parts):
    members = dict(part.split("=", 1) for part in query.split("&"))
    return "&".join(f"{name}={value}" for name, value in {**members, **parts}.items())


async def test_a_link_that_was_changed_opens_nothing(site):
    first, second = await link(site, n=2)
    other = dict(part.split("=", 1) for part in second.query.split("&"))
    nobody = f"/v1/images/files/{uuid.uuid4()}.png"
    for path, query in (
        (first.path, ""),
        (first.path, second.query),
        (first.path, changed(first.query, expires="9999999999")),
        (first.path, changed(first.query, key=other["key"])),
        (first.path, changed(first.query, signature=other["signature"])),
        (first.path, changed(first.query, signature="")),
        (first.path, changed(first.query, key="%ff")),
        (nobody, first.query),
        ("/v1/images/files/nothing", "expires=x&key=&signature=é"),
        (f"/v1/images/files/{'x' * 5_000}", first.query),
    ):
        answered = await fetch(path, query)
        assert (answered.status, answered.error["code"]) == (404, "link_over"), (path, query)


async def test_a_link_that_is_none_of_ours_is_refused_without_a_look_into_the_database(site, monkeypatch):
    [url] = await link(site)
    monkeypatch.setattr(kept_images, "open_kept", lambda *_: pytest.fail("it was looked up"))
    assert (await fetch(url.path, changed(url.query, expires="9999999999"))).status == 404


async def test_no_line_of_the_log_tells_of_a_link(site, caplog):
    caplog.set_level(logging.DEBUG)
    [url] = await link(site)
    for query in (url.query, changed(url.query, signature="wrong")):
        await fetch(url.path, query)
    parts = dict(part.split("=", 1) for part in url.query.split("&"))
    assert not [secret for secret in (url.path, parts["key"], parts["signature"]) if secret in caplog.text]


async def test_a_link_ends_with_its_time(site, monkeypatch):
    [url] = await link(site)
    later = timezone.now() + timedelta(hours=1, seconds=1)
    monkeypatch.setattr(timezone, "now", lambda: later)
    assert (await fetch(url.path, url.query)).error["code"] == "link_over"
    assert await sync_to_async(kept_images.purge_expired)() == 1


async def test_an_image_that_was_erased_is_over(site):
    [url] = await link(site)
    await sync_to_async(KeptImage.objects.all().delete)()
    assert (await fetch(url.path, url.query)).error["code"] == "link_over"


async def test_what_is_kept_is_sealed_and_its_key_is_in_the_link_alone(site):
    [url] = await link(site)
    row = await sync_to_async(KeptImage.objects.get)()
    members = dict(part.split("=", 1) for part in url.query.split("&"))
    key = base64.urlsafe_b64decode(members["key"] + "=")
    sealed = bytes(row.sealed)
    assert b"PNG" not in sealed and key not in sealed
    assert kept_images.open_kept.__module__ == "accounts.kept_images"
    assert await sync_to_async(kept_images.open_kept)(row.id, key) == ("image/png", BYTES)
    assert await sync_to_async(kept_images.open_kept)(row.id, bytes(32)) is None
    assert await sync_to_async(kept_images.open_kept)(row.id, b"short") is None


async def test_whatever_gemini_calls_an_image_is_served_as_a_harmless_kind(site):
    site.gemini.reply = reply({"inlineData": {"mimeType": "image/svg+xml; " + "x" * 99, "data": "PHN2Zy8+"}})
    [url] = await link(site)
    assert (await fetch(url.path, url.query)).headers["content-type"] == "image/png"


async def test_a_link_goes_where_the_client_asked(site):
    body = json.dumps({"model": MODEL, "prompt": "A cat", "response_format": "url"}).encode()
    forwarded = (("x-forwarded-proto", "https"),)
    answered = await site.ask("/images/generations", body, host="a.localhost:3000", headers=forwarded)
    url = answered.json["data"][0]["url"]
    assert url.startswith("https://a.localhost:3000/v1/images/files/")


async def test_links_may_be_switched_off(site, settings):
    settings.IMAGE_LINK_SECONDS = 0
    answered = await generate(site, response_format="url")
    assert (answered.status, answered.error["param"]) == (400, "response_format")
    assert await site.untouched()
    assert list((await generate(site)).json["data"][0]) == ["b64_json"]


# --- Room -------------------------------------------------------------------------------------------------


@pytest.fixture
def room(settings):
    """800 bytes for all, 100 for each owner."""
    settings.IMAGE_LINK_BYTES = 800


def sizes(owner):
    return sorted(KeptImage.objects.filter(owner=owner).values_list("size", flat=True))


def kept(owner, *lengths):
    return kept_images.keep(owner.pk, [("image/png", bytes(length)) for length in lengths])


@pytest.mark.django_db
def test_the_oldest_of_an_owner_make_room_for_their_next(room):
    ada = User.objects.create_user("ada")
    for length in (40, 41, 42):
        kept(ada, length)
    assert sizes(ada) == [41, 42]
    kept(ada, 50, 50)
    assert sizes(ada) == [50, 50]


@pytest.mark.django_db
def test_more_than_an_owner_may_keep_is_refused_and_nothing_is_erased(room):
    ada = User.objects.create_user("ada")
    kept(ada, 90)
    with pytest.raises(kept_images.NoRoom):
        kept(ada, 60, 41)
    assert sizes(ada) == [90]


@pytest.mark.django_db
def test_all_owners_together_have_their_bound(room):
    owners = [User.objects.create_user(f"user-{number}") for number in range(9)]
    for owner in owners:
        kept(owner, 100)
    assert [sizes(owner) for owner in owners] == [[], *[[100]] * 8]


@pytest.mark.django_db
def test_a_user_who_is_deleted_takes_their_images_along(room):
    ada = User.objects.create_user("ada")
    kept(ada, 10)
    ada.delete()
    assert not KeptImage.objects.exists()


async def test_images_that_do_not_fit_are_told_so(site, settings):
    settings.IMAGE_LINK_BYTES = 8
    answered = await generate(site, response_format="url")
    assert (answered.status, answered.error["code"]) == (400, "unsupported_value")
    assert "b64_json" in answered.error["message"]

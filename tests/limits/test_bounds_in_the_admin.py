"""Where an operator sets what a token may do, when a user's day begins, and what a model costs."""

import pytest
from django.test import Client

from accounts.models import IssuedToken, ModelPrice, User

pytestmark = pytest.mark.django_db
SITE = "http://localhost/admin/accounts/"


@pytest.fixture
def root():
    client = Client(headers={"host": "localhost"})
    client.force_login(User.objects.create_superuser("root"))
    return client


@pytest.fixture
def ada():
    return User.objects.create_user("ada")


def test_a_token_is_bound_to_networks_scopes_and_sub_users(root, ada):
    form = {"user": ada.pk, "allowed_networks": "192.0.2.7\n2001:db8::1/32", "scopes": ["chat", "usage"]}
    assert root.post(f"{SITE}issuedtoken/add/", form | {"tells_sub_users": "on", "rpm": 5}).status_code == 200
    token = IssuedToken.objects.get()
    assert token.allowed_networks == ["192.0.2.7/32", "2001:db8::/32"]
    assert token.scopes == ["chat", "usage"]
    assert token.tells_sub_users
    page = root.get(f"{SITE}issuedtoken/{token.pk}/change/").content.decode()
    assert "192.0.2.7/32\n2001:db8::/32" in page
    root.post(f"{SITE}issuedtoken/{token.pk}/change/", {"name": "laptop", "allowed_networks": ""})
    token.refresh_from_db()
    assert (token.name, token.allowed_networks, token.scopes, token.tells_sub_users) == ("laptop", [], [], False)


@pytest.mark.parametrize(
    "bad", [{"allowed_networks": "192.0.2.0/33"}, {"allowed_networks": "localhost"}, {"scopes": ["all"]}]
)
def test_bounds_that_make_no_sense_are_refused(root, ada, bad):
    answer = root.post(f"{SITE}issuedtoken/add/", {"user": ada.pk, **bad})
    assert "error" in answer.content.decode()
    assert not IssuedToken.objects.exists()


@pytest.mark.parametrize(("zone", "taken"), [("Europe/Berlin", True), ("Middle/Earth", False), ("", False)])
def test_a_user_has_a_time_zone_that_exists(root, ada, zone, taken):
    root.post(f"{SITE}user/{ada.pk}/change/", {"username": "ada", "time_zone": zone, "is_active": "on"})
    ada.refresh_from_db()
    assert ada.time_zone == (zone if taken else "UTC")


def test_an_operator_sets_a_price(root):
    root.post(f"{SITE}modelprice/add/", {"model": "gemini-4-*", "prompt": "0.5", "completion": "2"})
    price = ModelPrice.objects.get()
    assert (float(price.prompt), price.cached, float(price.completion)) == (0.5, None, 2.0)
    root.post(f"{SITE}modelprice/add/", {"model": "gemini-5", "prompt": "-1", "completion": "2"})
    assert ModelPrice.objects.count() == 1

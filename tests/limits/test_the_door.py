"""Who comes in: scopes, networks, wrong tokens in numbers. Every route for every role is in tests/access."""

import asyncio
import time

import pytest

from accounts import callers, failed_attempts
from accounts.addresses import client_address, household
from accounts.in_db import in_db
from accounts.issuing import issue_token
from accounts.models import User
from accounts.token_text import _checksum, new_token_text
from compat.urls import ROUTES
from tests.limits.app import CHAT, ask

pytestmark = pytest.mark.django_db(transaction=True)

BODIES = {
    "chat": CHAT,
    "chat/completions": CHAT,
    "completions": {"model": "gemini-2.5-flash", "prompt": "Hello"},
    "embeddings": {"model": "gemini-embedding-2", "input": "Hello"},
}
SCOPES = {
    "chat": "chat",
    "chat/completions": "chat",
    "completions": "chat",
    "embeddings": "embeddings",
    "usage": "usage",
    "files": "files",
    "batches": "files",
}


@pytest.fixture(autouse=True)
def no_failures():
    failed_attempts.forget()
    yield
    failed_attempts.forget()


@pytest.fixture
def later(monkeypatch):
    """Move the monotonic clock that failures and callers are remembered by."""
    ahead = [0.0]
    monotonic = time.monotonic
    for module in (failed_attempts, callers):
        monkeypatch.setattr(module.time, "monotonic", lambda: monotonic() + ahead[0])

    def move(seconds):
        ahead[0] += seconds

    return move


async def issued(user, **about):
    return (await in_db(issue_token, user, **about))[1]


async def call(path, **about):
    """A request to a route, by the method it has."""
    body = BODIES.get(path)
    return await ask(f"/v1/{path}", body, method="POST" if body else "GET", **about)


@pytest.mark.parametrize("scope", ["chat", "embeddings", "usage", "files"])
async def test_a_token_is_good_for_its_scope_and_nothing_else(ada, gemini, scope):
    token = await issued(ada, scopes=[scope])
    for path, needed in SCOPES.items():
        if path not in ROUTES:
            continue
        answer = await call(path, token=token)
        if needed == scope:
            assert answer.status != 403
        else:
            assert (answer.status, answer.code) == (403, "insufficient_permissions")
            assert needed in answer.error["message"]
    assert (await call("models", token=token)).status == 200


@pytest.mark.parametrize(
    ("networks", "client", "allowed"),
    [
        (["192.0.2.0/24"], ("192.0.2.77", 1), True),
        (["192.0.2.0/24"], ("192.0.3.1", 1), False),
        (["192.0.2.7"], ("192.0.2.7", 1), True),
        (["192.0.2.7"], ("::ffff:192.0.2.7", 1), True),
        (["2001:db8::/32"], ("2001:db8:1::5", 1), True),
        (["2001:db8::/32"], ("192.0.2.7", 1), False),
        (["192.0.2.0/24"], None, False),
        ([], None, True),
    ],
)
async def test_a_token_is_good_from_its_networks_alone(ada, networks, client, allowed):
    token = await issued(ada, allowed_networks=networks)
    # Once it has to be looked up, and then it is remembered.
    for answer in [await call("models", token=token, client=client) for _ in range(2)]:
        assert (answer.status == 200) is allowed
        if not allowed:
            assert (answer.status, answer.code) == (403, "insufficient_permissions")


async def test_a_client_cannot_write_itself_into_a_network(ada):
    token = await issued(ada, allowed_networks=["192.0.2.0/24"])
    forged = (("x-forwarded-for", "192.0.2.1"),)
    assert (await call("models", token=token, headers=forged)).status == 403


@pytest.mark.parametrize(
    ("proxies", "peer", "forwarded", "address"),
    [
        (0, "198.51.100.1", ["192.0.2.1"], "198.51.100.1"),
        (1, "10.0.0.1", ["203.0.113.9, 192.0.2.1"], "192.0.2.1"),
        (2, "10.0.0.1", ["203.0.113.9, 192.0.2.1"], "203.0.113.9"),
        (2, "10.0.0.1", ["203.0.113.9", "192.0.2.1"], "203.0.113.9"),
        (2, "10.0.0.1", ["192.0.2.1"], "10.0.0.1"),
        (1, "10.0.0.1", ["192.0.2.1:4711"], "192.0.2.1"),
        (1, "10.0.0.1", ["[2001:db8::1]:4711"], "2001:db8::1"),
        (1, "10.0.0.1", ["nonsense"], "None"),
        (1, "10.0.0.1", [], "10.0.0.1"),
    ],
)
def test_the_address_is_the_one_that_the_trusted_proxies_saw(settings, proxies, peer, forwarded, address):
    settings.TRUSTED_PROXIES = proxies
    assert str(client_address(peer, forwarded)) == address


def test_a_household_of_ipv6_is_counted_as_one():
    assert household(client_address("2001:db8::1", [])) == household(client_address("2001:db8::ffff:2", []))
    assert household(client_address("2001:db8:0:1::1", [])) != household(client_address("2001:db8::1", []))


async def test_wrong_tokens_in_numbers_are_refused_before_the_database_is_asked(ada, later, work):
    for _ in range(failed_attempts.PER_ADDRESS):
        assert (await call("models", token=new_token_text())).code == "invalid_api_key"
    work.begin()
    refused = await call("models", token=new_token_text())
    assert (refused.status, refused.code) == (429, "rate_limit_exceeded")
    assert 1 <= int(refused.headers["retry-after"]) <= 61
    assert work.done() == (0, 0)
    # From elsewhere, and a minute later, it goes on.
    assert (await call("models", token=new_token_text(), client=("192.0.2.1", 1))).code == "invalid_api_key"
    later(61)
    assert (await call("models", token=new_token_text())).code == "invalid_api_key"


async def test_a_guesser_who_writes_another_address_into_each_request_is_counted_as_one(ada):
    codes = []
    for number in range(failed_attempts.PER_ADDRESS + 2):
        forged = (("x-forwarded-for", f"203.0.113.{number}"), ("forwarded", f"for=203.0.113.{number}"))
        codes.append((await call("models", token=new_token_text(), headers=forged)).status)
    assert codes == [401] * failed_attempts.PER_ADDRESS + [429] * 2


async def test_a_guesser_of_one_prefix_is_stopped_from_any_address(ada):
    prefix = (await issued(ada)).partition("_")[0]
    statuses = []
    for number in range(failed_attempts.PER_PREFIX + 2):
        body = f"{prefix}_{number:028d}"
        answer = await call("models", token=body + _checksum(body), client=(f"192.0.2.{number}", 1))
        statuses.append(answer.status)
    assert statuses == [401] * failed_attempts.PER_PREFIX + [429] * 2


async def test_a_token_that_was_good_is_not_held_up_by_its_neighbours_mistakes(ada, later):
    token = await issued(ada)
    assert (await call("models", token=token)).status == 200
    for _ in range(failed_attempts.PER_ADDRESS):
        await call("models", token=new_token_text())
    later(5)
    assert (await call("models", token=token)).status == 200


async def test_of_a_flood_of_wrong_tokens_few_reach_the_database(ada):
    answers = await asyncio.gather(*(call("models", token=new_token_text()) for _ in range(200)))
    asked = sum(answer.status == 401 for answer in answers)
    assert failed_attempts.PER_ADDRESS <= asked < failed_attempts.PER_ADDRESS + failed_attempts.AT_ONCE
    assert sum(answer.status == 429 for answer in answers) == 200 - asked


async def test_a_session_opens_no_route_of_the_api(site):
    cookie = await in_db(session_of_root)
    answer = await ask("/v1/models", method="GET", headers=(("cookie", f"sessionid={cookie}"),))
    assert answer.status == 401


def session_of_root():
    from django.test import Client

    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    return client.cookies["sessionid"].value

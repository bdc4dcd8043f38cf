"""POST /v1/contributions through the app that servers run."""

import json

import httpx
import pytest

from accounts.contributions.terms import VERSION
from accounts.models import ContributedKey, Receipt
from tests.contributions.conftest import CODE, DEAD, KEY, OTHER, Visitor

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
async def api():
    from tumbler_site.asgi import application

    transport = httpx.ASGITransport(app=application, client=("198.51.100.9", 1234))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        yield client


async def rows(query):
    return [row async for row in query]


@pytest.mark.parametrize("path", ["/v1/contributions", "/contributions/", "/v1/contributions/"])
async def test_a_key_is_taken_without_a_token_and_answered_with_a_receipt(api, path, quiet_site):
    answer = await api.post(path, json={"key": KEY, "consent": VERSION, "keep_share": 33})
    assert answer.status_code == 202
    told = answer.json()
    assert (told["object"], told["status"]) == ("contribution", "received")
    assert CODE.fullmatch(told["receipt"])
    [key] = await rows(ContributedKey.objects.all())
    assert (key.state, key.keep_share, key.source) == ("received", 33, "contribution")
    assert quiet_site.checks == 1
    assert answer.headers["x-request-id"].startswith("req_")
    assert "no-store" in answer.headers["cache-control"]


async def test_every_cap_may_be_given_and_the_receipt_opens_the_page(api):
    offer = {
        "keys": [KEY, OTHER],
        "consent": True,
        "project": "P",
        "paid": True,
        "models": ["gemini-4-*"],
        "hours_utc": {"from": 22, "until": 1},
        "unknown_member": 1,
    }
    code = (await api.post("/v1/contributions", json=offer)).json()["receipt"]
    for key in await rows(ContributedKey.objects.all()):
        assert (key.paid, key.allowed_models, key.hours_utc) == (True, ["gemini-4-*"], [22, 23, 0])
        assert key.project.startswith("P (")
    import asyncio

    page = await asyncio.to_thread(Visitor().told, code)
    assert "Key 2" in page


async def test_the_terms_are_there_to_be_read(api):
    told = (await api.get("/v1/contributions")).json()
    assert told["version"] == VERSION
    assert any("costs you money" in sentence for sentence in told["terms"])


async def test_good_dead_and_duplicate_keys_get_the_same_answer_in_the_same_time(api, work):
    seen, times = set(), []
    for key, work.takes in ((KEY, 0.03), (KEY, 0.002), (DEAD, 0.04), (OTHER, 0.099)):
        began = work.now
        answer = await api.post("/v1/contributions", json={"key": key, "consent": True})
        times.append(work.now - began)
        varying = {"x-request-id", "openai-processing-ms"}
        headers = tuple(item for item in answer.headers.items() if item[0] not in varying)
        seen.add((answer.status_code, CODE.sub("", answer.text), headers))
    assert len(seen) == 1
    assert times == pytest.approx([0.1] * 4)


@pytest.mark.parametrize(
    ("offer", "param"),
    [
        ({}, "consent"),
        ({"key": KEY}, "consent"),
        ({"key": KEY, "consent": False}, "consent"),
        ({"key": KEY, "consent": "2020-01-01"}, "consent"),
        ({"consent": True}, "key"),
        ({"keys": [], "consent": True}, "keys"),
        ({"key": "short", "consent": True}, "key"),
        ({"key": f"{KEY}\nX-Evil: 1", "consent": True}, "key"),
        ({"key": f"{KEY}\0", "consent": True}, "key"),
        ({"key": "fаke-contributed-key-0001", "consent": True}, "key"),
        ({"keys": [KEY, "=HYPERLINK(1)"], "consent": True}, "keys"),
        ({"key": 5, "consent": True}, "key"),
        ({"key": KEY, "consent": True, "keep_share": 91}, "keep_share"),
        ({"key": KEY, "consent": True, "models": ["<b>"]}, "models"),
        ({"key": KEY, "consent": True, "hours_utc": {"from": 24, "until": 1}}, "hours_utc.from"),
        ({"key": KEY, "consent": True, "project": "=cmd"}, "project"),
        ({"keys": [f"{KEY}-{n}" for n in range(21)], "consent": True}, "keys"),
    ],
)
async def test_a_mistake_gets_openais_envelope_and_names_the_member(api, offer, param):
    answer = await api.post("/v1/contributions", json=offer)
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert (error["type"], error["param"]) == ("invalid_request_error", param)
    assert "fake-contributed" not in answer.text
    assert not await Receipt.objects.aexists()


@pytest.mark.parametrize(
    ("method", "body", "status"),
    [
        ("POST", b"{", 400),
        ("POST", b"", 400),
        ("POST", json.dumps({"key": "x" * 40_000}).encode(), 413),
        ("PUT", b"{}", 405),
        ("DELETE", b"", 405),
    ],
)
async def test_other_bodies_and_methods_get_it_too(api, method, body, status):
    answer = await api.request(method, "/v1/contributions", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == status
    assert set(answer.json()["error"]) == {"message", "type", "param", "code"}


async def test_a_large_body_without_a_length_is_refused_as_well(api):
    async def pieces():
        for _ in range(40):
            yield b" " * 1024

    headers = {"content-type": "application/json"}
    assert (await api.post("/v1/contributions", content=pieces(), headers=headers)).status_code == 413


async def test_a_flood_is_answered_with_429_and_the_page_shares_the_count(api, settings):
    settings.CONTRIBUTIONS_PER_ADDRESS = 2
    for _ in range(2):
        await api.post("/v1/contributions", json={"key": "short", "consent": True})
    answer = await api.post("/v1/contributions", json={"key": KEY, "consent": True})
    assert answer.status_code == 429
    assert answer.json()["error"]["code"] == "rate_limit_exceeded"
    assert int(answer.headers["retry-after"]) > 3600
    assert answer.headers["x-should-retry"] == "false"
    import asyncio

    page = await asyncio.to_thread(Visitor("198.51.100.9").contribute)
    assert page.status_code == 429


async def test_a_browser_of_any_origin_may_ask_first(api):
    headers = {"origin": "https://example.org", "access-control-request-method": "POST"}
    answer = await api.options("/v1/contributions", headers=headers)
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (204, "*")

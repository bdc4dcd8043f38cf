"""Who is let in: every way to bring no token, a wrong one or two, and what a good one may not do."""

import hashlib
from datetime import timedelta

import pytest
from asgiref.sync import sync_to_async
from django.utils import timezone

from accounts import callers
from accounts.issuing import issue_token, revoke_token
from accounts.token_text import _checksum
from tests.surface.conftest import MODEL, ask

CHAT = b'{"model":"gemini-2.5-flash","messages":[{"role":"user","content":"Hi"}]}'
JSON = ("content-type", "application/json")
ROUTES = [
    ("POST", "/v1/chat/completions"),
    ("POST", "/v1/responses"),
    ("POST", "/v1/completions"),
    ("POST", "/v1/embeddings"),
    ("GET", "/v1/models"),
    ("GET", f"/v1/models/{MODEL}"),
]


async def refused(*headers, method="POST", path="/v1/chat/completions", **more):
    answered = await ask(path, CHAT, method=method, headers=(JSON, *headers), **more)
    assert answered.headers["content-type"] == "application/json"
    return answered


@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_without_a_token_no_route_answers(site, method, path):
    answered = await refused(method=method, path=path)
    assert (answered.status, answered.error["code"]) == (401, None)
    assert answered.headers["www-authenticate"] == "Bearer"
    assert await site.untouched()


@pytest.mark.parametrize(
    "value", ["Bearer", "Bearer ", "bearer", "Basic YTpi", "Basic", "", " ", "Digest x", "tumbler-x_y"]
)
async def test_a_header_without_a_bearer_token_is_none(site, value):
    answered = await refused(("authorization", value))
    assert (answered.status, answered.error["code"]) == (401, None)


def wrong_tokens(good):
    prefix, _, rest = good.partition("_")
    body = f"{prefix}_{'x' * (len(rest) - 6)}"
    other = f"tumbler-{'y' * 10}_{'x' * 28}"
    return {
        "nonsense": "x",
        "SQL": "' OR '1'='1",
        "an OpenAI key": "sk-abcdefghijklmnopqrstuvwxyz",
        "a wrong checksum": good[:-1] + ("0" if good[-1] != "0" else "1"),
        "a wrong secret": body + _checksum(body),
        "an unknown prefix": other + _checksum(other),
        "cut": good[:-3],
        "two words": f"{good} {good}",
        "a NUL": f"{good}\x00",
        "an accent": f"{good}é",
        "8 kB": "tumbler-" + "x" * 8_192,
        "in capitals": good.upper(),
    }


@pytest.mark.parametrize("kind", wrong_tokens("tumbler-0123456789_" + "a" * 34))
@pytest.mark.parametrize("header", ["authorization", "x-api-key"])
async def test_every_wrong_token_gets_the_same_answer(site, kind, header):
    wrong = wrong_tokens(site.token)[kind]
    answered = await refused((header, f"Bearer {wrong}" if header == "authorization" else wrong))
    assert (answered.status, answered.error["code"], answered.error["param"]) == (401, "invalid_api_key", None)
    assert wrong not in answered.body.decode() or len(wrong) < 2
    assert (
        hashlib.sha256(answered.body).hexdigest()
        == hashlib.sha256((await refused(("x-api-key", "z"))).body).hexdigest()
    )
    assert await site.untouched()


async def test_a_token_that_cannot_be_one_is_refused_without_a_query(site, monkeypatch):
    async def nobody_may_ask(text):
        raise AssertionError("the database was asked")

    monkeypatch.setattr(callers, "recognise", nobody_may_ask)
    assert (await refused(("authorization", f"Bearer {wrong_tokens(site.token)['a wrong checksum']}"))).status == 401


@pytest.mark.parametrize(
    "headers",
    [
        lambda token: (("authorization", f"Bearer {token}"),),
        lambda token: (("authorization", f"bearer {token}"),),
        lambda token: (("Authorization", f"BEARER   {token}  "),),
        lambda token: (("x-api-key", token),),
        lambda token: (("authorization", f"Bearer {token}"), ("x-api-key", "")),
        lambda token: (("authorization", f"Bearer {token}"), ("x-api-key", token)),
        lambda token: (("authorization", ""), ("x-api-key", token)),
        lambda token: (("authorization", f"Bearer {token}"), ("api-key", "ignored")),
    ],
)
async def test_a_good_token_is_taken_wherever_clients_put_it(site, headers):
    assert (await ask(body=CHAT, headers=(JSON, *headers(site.token)))).status == 200


@pytest.mark.parametrize(
    "headers",
    [
        (("authorization", "Bearer a"), ("authorization", "Bearer b")),
        (("authorization", "Bearer a"), ("x-api-key", "b")),
        (("x-api-key", "a"), ("x-api-key", "b")),
    ],
)
async def test_two_different_tokens_are_none(site, headers):
    answered = await refused(*headers)
    assert (answered.status, answered.error["code"]) == (400, "ambiguous_credentials")


async def test_a_good_token_beside_another_is_none_either(site):
    answered = await refused(("authorization", f"Bearer {site.token}"), ("x-api-key", "b"))
    assert (answered.status, answered.error["code"]) == (400, "ambiguous_credentials")
    assert await site.untouched()


@pytest.mark.parametrize("name", [b"key", b"api_key", b"access_token"])
async def test_a_token_in_the_address_is_none(site, name):
    answered = await refused(query=name + b"=" + site.token.encode())
    assert (answered.status, answered.error["code"]) == (401, None)
    assert site.token not in answered.body.decode()


async def test_a_session_is_no_token(site, client):
    def signed_in():
        client.force_login(site.user)
        return client.cookies["sessionid"].value

    session = await sync_to_async(signed_in)()
    assert (await refused(("cookie", f"sessionid={session}"))).status == 401


async def issued(site, **facts):
    return await sync_to_async(issue_token)(site.user, **facts)


async def test_an_expired_token_is_wrong(site):
    _, token = await issued(site, expires=timezone.now() - timedelta(seconds=1))
    answered = await refused(("authorization", f"Bearer {token}"))
    assert (answered.status, answered.error["code"]) == (401, "invalid_api_key")


async def test_a_revoked_token_is_wrong_at_once(site):
    row, token = await issued(site)
    assert (await ask(body=CHAT, headers=(JSON, ("x-api-key", token)))).status == 200
    await sync_to_async(revoke_token)(row)
    answered = await refused(("x-api-key", token))
    assert (answered.status, answered.error["code"]) == (401, "invalid_api_key")


async def test_the_token_of_a_disabled_user_is_wrong_at_once(site):
    assert (await site.chat()).status == 200
    site.user.is_active = False
    await sync_to_async(site.user.save)()
    assert (await site.chat()).error["code"] == "invalid_api_key"


@pytest.mark.parametrize("model", ["gemini-2.5-pro", "models/gemini-2.5-pro", "gpt-4o", "google/gemini-2.5-pro"])
async def test_a_model_outside_of_a_tokens_list_is_not_allowed(site, model):
    _, site.token = await issued(site, allowed_models=["gemini-2.5-flash*", "gpt-4.1*"])
    answered = await site.chat(model=model)
    assert (answered.status, answered.error["code"], answered.error["param"]) == (403, "model_not_allowed", "model")
    assert await site.untouched()


@pytest.mark.parametrize("model", ["gemini-2.5-flash", "models/gemini-2.5-flash-lite", "google/gemini-2.5-flash:free"])
async def test_a_model_on_the_list_is_allowed_in_each_of_its_spellings(site, model):
    _, site.token = await issued(site, allowed_models=["gemini-2.5-flash*"])
    assert (await site.chat(model=model)).status == 200


async def test_the_body_is_not_read_before_the_token_is_known(site):
    async def never():
        raise AssertionError("the body was read")

    from tumbler_site.asgi import application

    sent = []

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/v1/chat/completions", "headers": [(b"host", b"localhost")]}
    await application({**scope, "query_string": b"", "root_path": "", "client": ("127.0.0.1", 1)}, never, send)
    assert sent[0]["status"] == 401


async def test_open_access_lets_everyone_in_as_anonymous(site, settings):
    settings.OPEN_ACCESS = True
    for headers in ((), (("authorization", "Bearer dummy-key"),)):
        assert (await ask(body=CHAT, headers=(JSON, *headers))).status == 200
    records = await site.records()
    names = await sync_to_async(lambda: {record.user.username for record in records})()
    assert names == {"anonymous"}

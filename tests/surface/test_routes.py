"""Paths, methods, hosts and origins: every route by each of its spellings, and JSON for whatever is none."""

import base64
import json

import pytest

from compat.edge import EXPOSED
from compat.gemini.failures import failure_of
from compat.simulator.media import image
from compat.simulator.validation import violations
from tests.forms import FORM, form
from tests.surface.conftest import JUDGE, MODEL, ask

BODIES = {
    "chat/completions": {"model": MODEL, "messages": [{"role": "user", "content": "Hi"}]},
    "chat": {"model": MODEL, "messages": [{"role": "user", "content": "Hi"}]},
    "completions": {"model": MODEL, "prompt": "Hi"},
    "audio/speech": {"model": "gemini-2.5-flash-preview-tts", "input": "Hi", "voice": "alloy"},
    "audio/transcriptions": {"model": MODEL, "file": b"ID3 as if it were a recording"},
    "audio/translations": {"model": MODEL, "file": b"ID3 as if it were a recording"},
    "moderations": {"model": JUDGE, "input": "Hi"},
    "embeddings": {"model": "text-embedding-3-small", "input": "Hi"},
    "images/edits": {
        "model": "gemini-3.1-flash-image",
        "prompt": "Hi",
        "images": [{"image_url": "https://example.com/a.png"}],
    },
    "images/generations": {"model": "gemini-3.1-flash-image", "prompt": "Hi"},
    "images/variations": {"model": "gemini-3.1-flash-image", "image": base64.b64decode(image({})["data"])},
    "responses": {"model": MODEL, "input": "Hi"},
    "messages/count_tokens": {"model": MODEL, "messages": [{"role": "user", "content": "Hi"}]},
    "responses/input_tokens": {"model": MODEL, "input": "Hi"},
    "messages": {"model": MODEL, "messages": [{"role": "user", "content": "Hi"}]},
    **{
        f"{version}models/{MODEL}:{method}": {"contents": [{"parts": [{"text": "Hi"}]}]}
        for version in ("", "v1beta/")
        for method in ("generateContent", "streamGenerateContent", "countTokens")
    },
    "v1beta/models/text-embedding-3-small:embedContent": {"content": {"parts": [{"text": "Hi"}]}},
    "v1beta/models": None,
    f"v1beta/models/{MODEL}": None,
    "models": None,
    f"models/{MODEL}": None,
    f"models/models/{MODEL}": None,
    "models/gpt-4o": None,
    "files": None,
    "uploads": {"bytes": 1, "filename": "a.txt", "mime_type": "text/plain", "purpose": "user_data"},
    "v1beta/files": None,
    "batches": None,
}
SPELLINGS = ["/v1/{}", "/v1/{}/", "/{}", "/{}/", "//v1//{}", "/v1/{}//", "//{}"]


@pytest.mark.parametrize("route", BODIES)
@pytest.mark.parametrize("spelling", SPELLINGS)
async def test_every_route_is_served_by_each_of_its_spellings(site, route, spelling):
    body = BODIES[route]
    path = spelling.format(route if "//" not in spelling else route.replace("/", "//"))
    headers = ()
    if body and any(isinstance(member, bytes) for member in body.values()):
        content, headers = form(body), (("content-type", FORM),)
    else:
        content = b"" if body is None else json.dumps(body).encode()
    answered = await site.ask(path, content, method="POST" if body else "GET", headers=headers)
    assert answered.status == 200, answered.body
    assert answered.headers["content-type"] == ("audio/mpeg" if route == "audio/speech" else "application/json")


@pytest.mark.parametrize(
    "path",
    [
        "/v1",
        "/v1/",
        "/v1/nothing",
        "/v1/chat/nothing",
        "/v1/chat/completions/1",
        "/v1/v1/chat/completions",
        "/v1/files/a/b",
        "/v1/files/a/content/b",
        "/v1/realtime",
        "/v1/admin/",
        "/v1/chat/completions\x00",
        "/v1/é",
        "/v1/<script>",
        "/v1/" + "x" * 5_000,
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "BREW"])
async def test_a_path_that_is_none_is_told_so_in_json(site, path, method):
    answered = await site.ask(path, b"{}", method=method)
    assert answered.status == 404
    assert answered.error["code"] == "unknown_url"
    assert answered.headers["content-type"] == "application/json" and len(answered.body) < 600
    assert await site.untouched()


@pytest.mark.parametrize(
    ("header", "path", "told"),
    [
        (("anthropic-version", "2023-06-01"), "/v1/messages/batches", ("type", "not_found_error")),
        (("x-goog-api-key", "any"), "/v1/cachedContents", ("status", "NOT_FOUND")),
    ],
)
async def test_a_path_that_is_none_is_told_so_in_the_words_of_the_api_that_was_asked(site, header, path, told):
    member, kind = told
    answered = await site.ask(path, b"{}", headers=(header,))
    assert (answered.status, answered.json["error"][member]) == (404, kind)


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "TRACE", "HEAD", "BREW", "post"])
@pytest.mark.parametrize("route", ["chat/completions", "completions", "embeddings", "responses"])
async def test_a_wrong_method_is_told_the_right_one(site, method, route):
    answered = await site.ask(f"/v1/{route}", b"{}", method=method)
    assert (answered.status, answered.headers["allow"]) == (405, "POST")
    assert answered.body == b"" if method == "HEAD" else answered.error["code"] == "method_not_allowed"
    assert await site.untouched()


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "TRACE"])
@pytest.mark.parametrize("route", ["models", f"models/{MODEL}"])
async def test_lists_are_only_to_be_read(site, method, route):
    answered = await site.ask(f"/v1/{route}", b"{}", method=method)
    assert (answered.status, answered.error["code"]) == (405, "method_not_allowed")
    assert "GET" in answered.headers["allow"] and "POST" not in answered.headers["allow"]


@pytest.mark.parametrize("route", ["models", f"models/{MODEL}"])
async def test_head_is_as_get(site, route):
    whole = await site.ask(f"/v1/{route}", method="GET")
    head = await site.ask(f"/v1/{route}", method="HEAD")
    assert (head.status, head.headers["content-length"]) == (200, whole.headers["content-length"])
    assert head.body == b""


# --- Hosts -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "host",
    [
        "evil",
        "evil.com",
        "localhost.evil.com",
        "127.0.0.1.evil.com",
        "local host",
        "",
        None,
        "\xff",
        "[::1",
        "a" * 5_000,
    ],
)
@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/nothing", "/v1/models"])
async def test_a_host_that_is_not_served_is_refused_in_json(site, host, path):
    answered = await site.ask(path, b"{}", host=host)
    assert (answered.status, answered.error["code"]) == (400, "invalid_host")
    assert host is None or len(host) < 5 or host not in answered.body.decode()


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:3000", "127.0.0.1:3000", "[::1]:3000", "LOCALHOST", "a.localhost"]
)
async def test_a_host_that_is_served_is_let_in(site, host):
    assert (await site.ask("/v1/models", method="GET", host=host)).status == 200


async def test_two_hosts_are_none(site):
    assert (await site.ask("/v1/models", method="GET", headers=(("host", "evil"),))).status == 400


# --- Origins ---------------------------------------------------------------------------------------------

BROWSER = ("origin", "https://app.example.com")


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/chat/", "/v1/models", "/v1/nothing", "/v1/models/x"])
async def test_a_preflight_is_answered_without_a_token(site, path):
    asked = "authorization, content-type, x-stainless-lang, x-stainless-brand-new"
    headers = (BROWSER, ("access-control-request-method", "POST"), ("access-control-request-headers", asked))
    answered = await ask(path, method="OPTIONS", headers=headers)
    assert (answered.status, answered.body) == (204, b"")
    assert answered.headers["access-control-allow-origin"] == "*"
    assert answered.headers["access-control-allow-headers"] == asked
    assert {"GET", "POST", "OPTIONS"} <= set(answered.headers["access-control-allow-methods"].split(", "))
    assert int(answered.headers["access-control-max-age"]) > 0
    assert "access-control-allow-credentials" not in answered.headers
    # RFC 9110, 8.6: an answer of 204 has no length.
    assert "content-length" not in answered.headers


@pytest.mark.parametrize("asked", ["", "x\r\nset-cookie: a=b", "x\x00"])
async def test_a_preflight_names_no_headers_that_are_none(site, asked):
    answered = await ask("/v1/models", method="OPTIONS", headers=(("access-control-request-headers", asked),))
    assert answered.headers["access-control-allow-headers"] == "authorization, content-type"


@pytest.mark.parametrize(
    ("path", "method", "token", "status"),
    [
        ("/v1/models", "GET", True, 200),
        ("/v1/models", "GET", False, 401),
        ("/v1/models/x", "GET", True, 404),
        ("/v1/nothing", "GET", True, 404),
        ("/v1/models", "POST", True, 405),
        ("/v1/chat/completions", "POST", True, 400),
    ],
)
async def test_answers_and_errors_alike_are_shown_to_browsers(site, path, method, token, status):
    answered = await (site.ask if token else ask)(path, b"{}", method=method, headers=(BROWSER,))
    assert answered.status == status
    assert answered.headers["access-control-allow-origin"] == "*"
    assert answered.headers["access-control-expose-headers"] == EXPOSED
    assert "access-control-allow-credentials" not in answered.headers


async def test_only_who_names_an_origin_is_told_what_scripts_may_read(site):
    answered = await site.ask("/v1/models")
    assert answered.headers["access-control-allow-origin"] == "*"
    assert "access-control-expose-headers" not in answered.headers


async def test_a_stream_is_shown_to_browsers(site):
    answered = await site.chat(stream=True)
    assert answered.headers["access-control-allow-origin"] == "*"


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [("https://app.example.com", True), ("https://evil.example.com", False), ("", False), (None, False)],
)
async def test_origins_may_be_narrowed(site, settings, origin, allowed):
    settings.CORS_ORIGINS = ["https://app.example.com"]
    for method, path in (("OPTIONS", "/v1/models"), ("GET", "/v1/models"), ("GET", "/v1/nothing")):
        answered = await site.ask(path, method=method, headers=() if origin is None else (("origin", origin),))
        assert answered.headers.get("access-control-allow-origin") == (origin if allowed else None)
        assert answered.headers["vary"] == "Origin"


async def test_embeddings_are_asked_for_with_nothing_that_gemini_does_not_know(site):
    await site.ask("/v1/embeddings", json.dumps({"model": "text-embedding-3-small", "input": ["a", "b"]}).encode())
    [(method, model, _, body)] = site.gemini.calls
    assert method == "batchEmbedContents"
    assert violations(model, body, method) == []


# --- What every answer carries ---------------------------------------------------------------------------


async def test_an_answer_carries_the_contracts_headers(site):
    answered = await site.chat()
    headers = answered.headers
    assert headers["x-request-id"].startswith("req_") and len(headers["x-request-id"]) == 36
    assert headers["openai-processing-ms"].isdecimal() and headers["openai-version"] == "2020-10-01"
    assert (headers["x-tumbler-model"], headers["x-tumbler-attempts"], headers["x-tumbler-upstream"]) == (
        MODEL,
        "1",
        "gemini",
    )
    assert headers["cache-control"] == "no-store, private"
    assert int(headers["content-length"]) == len(answered.body)
    assert len(answered.names) == len(set(answered.names))


async def test_a_stream_carries_what_keeps_proxies_from_holding_it_back(site):
    headers = (await site.chat(stream=True)).headers
    assert headers["content-type"] == "text/event-stream; charset=utf-8"
    assert headers["x-accel-buffering"] == "no"
    assert headers["cache-control"].startswith("no-cache, no-store")
    assert "content-length" not in headers
    assert (headers["x-tumbler-model"], headers["x-tumbler-attempts"]) == (MODEL, "1")


async def test_the_request_id_is_that_of_the_usage_record(site):
    whole, stream = await site.chat(), await site.chat(stream=True)
    site.gemini.failure = failure_of(400, b"{}")
    refused = await site.chat()
    assert refused.status == 400
    named = {answered.headers["x-request-id"].removeprefix("req_") for answered in (whole, stream, refused)}
    assert {record.id.hex for record in await site.records()} == named


async def test_no_two_requests_have_the_same_id(site):
    ids = {(await site.ask("/v1/models", method="GET")).headers["x-request-id"] for _ in range(20)}
    assert len(ids) == 20


async def test_the_simulator_is_never_taken_for_gemini(site, settings):
    settings.SIMULATOR = True
    for path in ("/v1/models", "/v1/nothing"):
        assert (await site.ask(path, method="GET")).headers["x-tumbler-upstream"] == "simulator"


# --- Models ----------------------------------------------------------------------------------------------


async def test_the_list_holds_mapped_names_and_those_of_the_pool(site):
    made = (await site.ask("/v1/models", method="GET")).json
    assert made["object"] == "list"
    ids = [model["id"] for model in made["data"]]
    assert {"gpt-4o", "text-embedding-3-small", MODEL} <= set(ids) and len(ids) == len(set(ids))
    assert all(
        {"id", "object", "created", "owned_by"} <= set(model) and model["object"] == "model" for model in made["data"]
    )


async def test_one_model_is_found_by_the_name_that_was_asked(site):
    for name in (MODEL, f"models/{MODEL}", "gpt-4o"):
        assert (await site.ask(f"/v1/models/{name}", method="GET")).json["id"] == name


@pytest.mark.parametrize("name", ["nobody", "../gpt-4o", "gpt-4o/x", "%2e", "x" * 3_000])
async def test_a_model_that_is_not_there_is_not_found(site, name):
    answered = await site.ask(f"/v1/models/{name}", method="GET")
    assert (answered.status, answered.error["code"], answered.error["param"]) == (404, "model_not_found", "model")
    assert len(answered.body) < 400

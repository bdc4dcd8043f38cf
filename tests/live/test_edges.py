"""What surrounds the answers: routes in every spelling, browsers, headers, and requests that are wrong in every known way."""

import base64
import json
from typing import Any

import pytest

from tests.gemini_replies import KEY_INVALID, OVERLOADED, error
from tests.live import openapi
from tests.live.answers import chat, read
from tests.live.gateway import Gateway
from tests.live.sockets import RawClient
from tests.scripted_gemini import ScriptedGemini

ORIGIN = {"Origin": "https://chat.example"}
HELLO = [{"role": "user", "content": "Hello"}]
EXPOSED = {"x-request-id", "retry-after", "retry-after-ms", "x-should-retry", "x-tumbler-model", "x-tumbler-attempts"}

# --- routes --------------------------------------------------------------------------------------------------------

CHAT_PATHS = ("chat/completions", "chat")


@pytest.mark.parametrize("spelling", ["/v1/{}", "/{}", "/v1/{}/", "/{}/", "//v1//{}"])
def test_every_route_answers_with_and_without_v1_and_a_slash(
    gateway: Gateway, gemini: ScriptedGemini, model: str, spelling: str
) -> None:
    for path in CHAT_PATHS:
        assert chat(gateway, model, path=spelling.format(path)).first.text == "Hello!"
        assert chat(gateway, model, path=spelling.format(path), stream=True).first.text == "Hello!"
    text = gateway.post(spelling.format("completions"), {"model": model, "prompt": "Hello"})
    assert read(text, text=True).first.text == "Hello!"
    vectors = gateway.post(spelling.format("embeddings"), {"model": "text-embedding-3-small", "input": "Hello"})
    assert vectors.status_code == 200
    openapi.check(vectors.json(), openapi.EMBEDDINGS)
    listed = gateway.http.get(spelling.format("models"))
    openapi.check(listed.json(), openapi.MODELS)
    one = gateway.http.get(spelling.format("models/gpt-4o"))
    openapi.check(one.json(), openapi.MODEL)
    assert one.json()["id"] == "gpt-4o"


def test_an_id_with_a_slash_is_found_however_it_is_written(gateway: Gateway, gemini: ScriptedGemini) -> None:
    for path in ("/v1/models/models%2Fgemini-3.8-flash", "/models/models/gemini-3.8-flash/"):
        assert gateway.http.get(path).json()["id"].strip("/") == "models/gemini-3.8-flash"


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/v1/no/such/thing", 404, "unknown_url"),
        ("POST", "/v1/realtime", 404, "unknown_url"),
        ("POST", "/v1/", 404, "unknown_url"),
        ("GET", "/v1/chat/completions", 405, "method_not_allowed"),
        ("PUT", "/chat/completions", 405, "method_not_allowed"),
        ("TRACE", "/v1/embeddings", 405, "method_not_allowed"),
        ("POST", "/v1/models", 405, "method_not_allowed"),
        ("DELETE", "/v1/models/gpt-4o", 405, "method_not_allowed"),
        ("GET", "/v1/models/../../etc/passwd", 404, None),
        ("GET", "/v1/%ff", 404, None),
    ],
)
def test_other_paths_and_methods_are_refused_in_json(
    gateway: Gateway, gemini: ScriptedGemini, method: str, path: str, status: int, code: str | None
) -> None:
    response = gateway.http.request(method, path)
    assert response.status_code in ((status,) if code else (400, 404))
    openapi.check(response.json(), openapi.ERROR)
    if code:
        assert response.json()["error"]["code"] == code
    if status == 405:
        assert "POST" in response.headers["allow"] or "GET" in response.headers["allow"]
    assert not gemini.calls


# --- browsers ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/chat/completions/", "/v1/models", "/v1/no/such/thing"])
def test_a_preflight_is_answered_with_the_headers_it_asked_for_and_no_token(gateway: Gateway, path: str) -> None:
    asked = "authorization,content-type,x-stainless-helper-method,x-something-of-next-year"
    response = gateway.http.options(
        path,
        headers={
            **ORIGIN,
            "Authorization": "",
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": asked,
        },
    )
    assert response.status_code in (200, 204)
    assert response.headers["access-control-allow-origin"] in ("*", ORIGIN["Origin"])
    assert set(asked.split(",")) <= set(response.headers["access-control-allow-headers"].replace(" ", "").split(","))
    assert "POST" in response.headers["access-control-allow-methods"]
    assert "access-control-allow-credentials" not in response.headers


def test_answers_streams_and_errors_may_be_read_by_a_page_of_any_origin(
    gateway: Gateway, gemini: ScriptedGemini, model: str
) -> None:
    body = {"model": model, "messages": HELLO}
    responses = [
        gateway.post("/v1/chat/completions", body, headers=ORIGIN),
        gateway.post("/v1/chat/completions", {**body, "stream": True}, headers=ORIGIN),
        gateway.post("/v1/chat/completions", {**body, "temperature": 9}, headers=ORIGIN),
        gateway.post("/v1/chat/completions", body, headers={**ORIGIN, "Authorization": "Bearer wrong"}),
        gateway.post("/v1/chat/completions", b"{", headers=ORIGIN),
        gateway.http.get("/v1/nothing", headers=ORIGIN),
        gateway.http.get("/v1/chat/completions", headers=ORIGIN),
    ]
    assert [response.status_code for response in responses] == [200, 200, 400, 401, 400, 404, 405]
    for response in responses:
        assert response.headers["access-control-allow-origin"] in ("*", ORIGIN["Origin"])
        assert set(response.headers["access-control-expose-headers"].split(", ")) >= EXPOSED
        assert "access-control-allow-credentials" not in response.headers


# --- headers -------------------------------------------------------------------------------------------------------


def test_every_answer_has_the_headers_of_the_contract(gateway: Gateway, gemini: ScriptedGemini, model: str) -> None:
    whole, stream = chat(gateway, model), chat(gateway, model, stream=True)
    for result in (whole, stream):
        assert result.headers["x-request-id"].startswith("req_")
        assert len(result.headers["x-request-id"]) == 36
        assert result.headers["openai-processing-ms"].isdigit()
        assert result.headers["openai-version"] == "2020-10-01"
        assert result.headers["x-tumbler-model"] == model
        assert result.headers["x-tumbler-attempts"] == "1"
        assert result.headers["x-tumbler-upstream"] == "gemini"
        assert "no-store" in result.headers["cache-control"]
    assert stream.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert "no-cache" in stream.headers["cache-control"]
    assert stream.headers["x-accel-buffering"] == "no"
    assert "content-length" not in stream.headers
    assert "content-encoding" not in stream.headers
    assert whole.headers["x-request-id"] != stream.headers["x-request-id"]


def test_nothing_of_the_upstreams_headers_comes_through(gateway: Gateway, gemini: ScriptedGemini, model: str) -> None:
    gemini.will_answer(
        {"candidates": [{"content": {"parts": [{"text": "Hi"}]}, "finishReason": "STOP"}]},
        headers={"Set-Cookie": "a=b", "X-Gemini-Service-Tier": "standard", "Server": "scaffolding on HTTPServer2"},
        model=model,
    )
    headers = chat(gateway, model).headers
    assert not {"set-cookie", "x-gemini-service-tier"} & set(headers)
    assert "scaffolding" not in str(headers)


@pytest.mark.parametrize(
    ("authorization", "code"),
    [
        ("", None),
        ("Bearer", None),
        ("Basic abc", None),
        ("Bearer ' OR '1'='1", "invalid_api_key"),
        ("Bearer tumbler-nothing_ofthekind", "invalid_api_key"),
        ("Bearer " + "x" * 8000, "invalid_api_key"),
    ],
)
def test_who_brings_no_good_token_gets_a_401_before_the_body_is_read(
    gateway: Gateway, gemini: ScriptedGemini, authorization: str, code: str | None
) -> None:
    response = gateway.post("/v1/chat/completions", b"not even JSON", headers={"Authorization": authorization})
    assert response.status_code == 401
    openapi.check(response.json(), openapi.ERROR)
    found = response.json()["error"]["code"]
    assert found == code or (found == "invalid_api_key" and "Ba" in authorization)
    assert response.headers["www-authenticate"] == "Bearer"
    assert not gemini.calls


def test_a_token_may_come_in_x_api_key_but_not_beside_another(
    gateway: Gateway, gemini: ScriptedGemini, model: str
) -> None:
    body = {"model": model, "messages": HELLO}
    key = {"Authorization": "", "x-api-key": gateway.token}
    assert gateway.post("/v1/chat/completions", body, headers=key).status_code == 200
    lower = {"Authorization": f"bearer  {gateway.token}"}
    assert gateway.post("/v1/chat/completions", body, headers=lower).status_code == 200
    response = gateway.post("/v1/chat/completions", body, headers={"x-api-key": "another"})
    assert response.status_code == 400
    query = gateway.post(f"/v1/chat/completions?key={gateway.token}", body, headers={"Authorization": ""})
    assert query.status_code == 401


def test_a_websocket_on_an_openai_route_is_closed_and_does_not_hang(gateway: Gateway, gemini: ScriptedGemini) -> None:
    with RawClient(gateway) as client:
        upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nOrigin: http://127.0.0.1\r\n"
        client.send(f"GET /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\n{upgrade}{key}\r\n".encode())
        assert client.read_until(b"\r\n\r\n").split()[1] in {b"400", b"403", b"404"}
    assert not gemini.calls


def test_who_leaves_before_the_body_is_whole_has_asked_for_nothing(
    gateway: Gateway, gemini: ScriptedGemini, model: str
) -> None:
    before = len(gateway.rows("select id from accounts_usagerecord where status = 499"))
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {gateway.token}\r\n"
    head += "Content-Type: application/json\r\nContent-Length: 5000\r\n\r\n"
    for sent in (head, head + body(model=model).decode()):
        for with_reset in (False, True):
            client = RawClient(gateway)
            client.send(sent.encode())
            client.close(with_reset=with_reset)
    assert chat(gateway, model).status == 200
    assert len(gateway.usage_rows(model)) == 1
    assert len(gemini.calls) == 1
    assert len(gateway.rows("select id from accounts_usagerecord where status = 499")) == before


# --- wrong bodies --------------------------------------------------------------------------------------------------


def body(**members: Any) -> bytes:
    return json.dumps({"model": "gpt-4o", "messages": HELLO, **members}).encode()


def image(url: str) -> bytes:
    part = {"type": "image_url", "image_url": {"url": url}}
    return body(messages=[{"role": "user", "content": [part]}])


def tools(*functions: Any) -> bytes:
    return body(tools=[{"type": "function", "function": function} for function in functions])


def schema(parameters: Any) -> bytes:
    wanted = {"type": "json_schema", "json_schema": {"name": "x", "schema": parameters}}
    return body(response_format=wanted)


def nested(depth: int) -> dict[str, Any]:
    node: dict[str, Any] = {"type": "string"}
    for _ in range(depth):
        node = {"type": "object", "properties": {"a": node}}
    return node


LOOP = {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}}
WRONG: dict[str, bytes] = {
    "empty": b"",
    "list": b"[]",
    "string": b'"x"',
    "number": b"1",
    "null": b"null",
    "trailing": body() + b" x",
    "utf-16": body().decode().encode("utf-16"),
    "not utf-8": body().replace(b"Hello", b"\xff\xfe"),
    "deep lists": b"[" * 100_000,
    "deep objects": b'{"a":' * 990 + b"1" + b"}" * 990,
    "NaN": body().replace(b'"gpt-4o"', b'"gpt-4o", "temperature": NaN'),
    "infinite": body().replace(b'"gpt-4o"', b'"gpt-4o", "temperature": 1e999'),
    "5000 digits": body().replace(b'"gpt-4o"', b'"gpt-4o", "seed": ' + b"9" * 5000),
    "duplicate": b'{"model": "a", "model": "b", "messages": [{"role": "user", "content": "x"}]}',
    "no model": json.dumps({"messages": HELLO}).encode(),
    "model number": body(model=1),
    "model path": body(model="../../x"),
    "model query": body(model="gemini?key=1"),
    "model fragment": body(model="a/b:generate#"),
    "model long": body(model="m" * 10_000),
    "model odd letters": body(model="gpt\u202e\u200b4"),
    "no messages": json.dumps({"model": "gpt-4o"}).encode(),
    "messages empty": body(messages=[]),
    "messages object": body(messages={}),
    "messages many": body(messages=HELLO * 100_001),
    "role root": body(messages=[{"role": "root", "content": "x"}]),
    "role missing": body(messages=[{"content": "x"}]),
    "role null": body(messages=[{"role": None, "content": "x"}]),
    "content null": body(messages=[{"role": "user", "content": None}]),
    "content number": body(messages=[{"role": "user", "content": 3}]),
    "content part": body(messages=[{"role": "user", "content": [{"type": "hologram"}]}]),
    "n zero": body(n=0),
    "n negative": body(n=-1),
    "n large": body(n=129),
    "n string": body(n="2"),
    "n decimal": body(n=1.5),
    "n true": body(n=True),
    "max_tokens zero": body(max_tokens=0),
    "max_tokens negative": body(max_tokens=-1),
    "max_tokens string": body(max_tokens="10"),
    "max_tokens 2**63": body(max_tokens=2**63),
    "temperature high": body(temperature=3),
    "temperature string": body(temperature="x"),
    "temperature low": body(temperature=-0.1),
    "stop many": body(stop=["x"] * 1000),
    "stream string": body(stream="true"),
    "seed 2**64": body(seed=2**64),
    "logit_bias many": body(logit_bias={str(n): 1 for n in range(100_000)}),
    "schema large": schema({"type": "object", "properties": {str(n): {"type": "string"} for n in range(60_000)}}),
    "schema loop": schema(LOOP),
    "schema deep": schema(nested(200)),
    "tools many": tools(*({"name": f"f{n}"} for n in range(5000))),
    "tool spaces": tools({"name": "a b"}),
    "tool emoji": tools({"name": "\U0001f600"}),
    "tools twice": tools({"name": "a"}, {"name": "a"}),
    "tool parameters": tools({"name": "a", "parameters": "object"}),
    "tool choice": body(tool_choice={"type": "function", "function": {"name": "nobody"}}),
    "top_logprobs alone": body(top_logprobs=2),
    "user object": body(user={"$ne": 1}),
    "user long": body(user="x" * 10_000),
    "image local": image("http://127.0.0.1:6379/"),
    "image metadata": image("http://169.254.169.254/"),
    "image mapped": image("http://[::ffff:7f00:1]/"),
    "image hexadecimal": image("https://0x7f.1/"),
    "image decimal": image("https://2130706433/"),
    "image userinfo": image("https://ok@127.0.0.1/"),
    "image backslash": image("https://evil\\@127.0.0.1/"),
    "image file": image("file:///etc/passwd"),
    "image gopher": image("gopher://x"),
    "image relative": image("//x"),
    "image base64": image("data:image/png;base64,!!!"),
    "image svg": image("data:image/svg+xml;base64,PHN2Zz48L3N2Zz4="),
    "image html": image("data:text/html;base64,PGI+"),
    "image magic": image("data:image/png;base64,aGVsbG8gd29ybGQ="),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_body_is_refused_in_the_contracts_terms_and_goes_nowhere(
    one_gateway: Gateway, gemini: ScriptedGemini, name: str
) -> None:
    response = one_gateway.post("/v1/chat/completions", WRONG[name])
    assert response.status_code in ((400, 404) if name.startswith("model") else (400,)), response.text
    found = response.json()["error"]
    openapi.check(response.json(), openapi.ERROR)
    assert found["type"] == "invalid_request_error"
    assert len(response.content) < 2000
    assert not gemini.calls
    assert chat(one_gateway, "gpt-4o-mini").status == 200, "the connection and the server go on"


def test_wrong_bodies_cost_nothing_and_are_no_errors_of_ours(one_gateway: Gateway, gemini: ScriptedGemini) -> None:
    before = len(one_gateway.rows("select id from accounts_usagerecord where total_tokens > 0 and status >= 400"))
    for wrong in (WRONG["no messages"], WRONG["n zero"], WRONG["image local"], WRONG["deep objects"]):
        one_gateway.post("/v1/chat/completions", wrong)
    chat(one_gateway, "after-the-wrong-ones")
    one_gateway.usage_rows("after-the-wrong-ones")
    after = one_gateway.rows("select id from accounts_usagerecord where total_tokens > 0 and status >= 400")
    assert len(after) == before
    assert not gemini.calls_of("gpt-4o")


@pytest.mark.parametrize(
    ("kind", "encoded"),
    [
        ("text/plain", body()),
        ("application/x-www-form-urlencoded", b"model=gpt-4o"),
        ("multipart/form-data; boundary=x", b"--x--"),
        ("application/json; charset=bz2_codec", body()),
        ("application/json; charset=utf-16", body().decode().encode("utf-16")),
    ],
)
def test_a_body_that_is_no_json_in_utf8_is_refused(
    gateway: Gateway, gemini: ScriptedGemini, kind: str, encoded: bytes
) -> None:
    response = gateway.post("/v1/chat/completions", encoded, headers={"Content-Type": kind})
    assert response.status_code in (400, 415)
    openapi.check(response.json(), openapi.ERROR)
    assert not gemini.calls


def test_a_body_over_the_limit_is_a_413_and_one_below_it_is_served(
    gateway: Gateway, gemini: ScriptedGemini, model: str
) -> None:
    with RawClient(gateway) as client:
        head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {gateway.token}\r\n"
        client.send(f"{head}Content-Type: application/json\r\nContent-Length: 25000000\r\n\r\n".encode())
        status, _, answer = client.read_response()
        assert status == 413
        openapi.check(json.loads(answer), openapi.ERROR)
        assert json.loads(answer)["error"]["code"] == "request_too_large"
    picture = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(11_000_000)).decode()
    part = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{picture}"}}
    assert chat(gateway, model, messages=[{"role": "user", "content": [part]}]).status == 200


def test_text_that_looks_like_our_framing_is_passed_on_as_text(
    gateway: Gateway, gemini: ScriptedGemini, model: str
) -> None:
    text = "\r\n\r\ndata: [DONE]\n\n</script>\x00\u2028 \U0001f600"
    chat(gateway, model, messages=[{"role": "user", "content": text}], stream=True)
    assert gemini.calls_of(model)[0].json["contents"][0]["parts"] == [{"text": text}]


# --- errors fit the document ---------------------------------------------------------------------------------------


def test_every_kind_of_error_has_the_same_four_members(gateway: Gateway, gemini: ScriptedGemini, model: str) -> None:
    gemini.will_refuse(503, OVERLOADED, model=model, times=3)
    gemini.will_refuse(400, error(400, "INVALID_ARGUMENT", "no"), model=model, times=1)
    gemini.will_answer(b"<html>", model=model)
    for _ in range(3):
        found = chat(gateway, model).error
        assert set(found) == {"message", "type", "param", "code"}
        assert KEY_INVALID["error"]["message"] not in found["message"]

"""Bad bodies of chat/completions: the contract's error, nothing sent upstream, no key harmed, nothing charged."""

import base64
import bz2
import json

import pytest

from tests.surface.conftest import MODEL

MESSAGES = [{"role": "user", "content": "Hi"}]
PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(16)).decode()


def with_members(**members):
    return json.dumps({"model": MODEL, "messages": MESSAGES, **members}).encode()


def raw(text):
    """The usual request with this text as one more member."""
    return with_members()[:-1] + b"," + (text if isinstance(text, bytes) else text.encode()) + b"}"


def with_content(content):
    return with_members(messages=[{"role": "user", "content": content}])


def with_image(url):
    return with_content([{"type": "text", "text": "What is it?"}, {"type": "image_url", "image_url": {"url": url}}])


def with_schema(schema):
    return with_members(response_format={"type": "json_schema", "json_schema": {"name": "A", "schema": schema}})


def with_tool(name="f", **function):
    return with_members(tools=[{"type": "function", "function": {"name": name, **function}}])


def nested(depth):
    schema = {"type": "string"}
    for _ in range(depth):
        schema = {"type": "array", "items": schema}
    return schema


IMAGE = "messages[0].content[1].image_url"

# What it is, the body, the code, the param.
BAD = [
    ("nothing", b"", "invalid_json", None),
    ("white space", b"  \r\n", "invalid_json", None),
    ("a list", b"[]", "invalid_type", None),
    ("a text", b'"x"', "invalid_type", None),
    ("a number", b"1", "invalid_type", None),
    ("null", b"null", "invalid_type", None),
    ("something behind it", with_members() + b" x", "invalid_json", None),
    ("another object without a model", b'{"a":1} x', "missing_required_parameter", "model"),
    ("a byte order mark", b"\xef\xbb\xbf" + with_members(), "invalid_json", None),
    ("UTF-16", with_members().decode().encode("utf-16"), "invalid_json", None),
    ("no UTF-8", b"\xff" + with_members(), "invalid_json", None),
    ("no UTF-8 inside", raw(b'"user":"\xff"'), "invalid_json", None),
    ("100,000 lists", b"[" * 100_000, "invalid_type", None),
    ("100,000 lists inside", raw('"x":' + "[" * 100_000 + "]" * 100_000), "too_deep", None),
    ("990 objects inside", raw('"x":' + '{"a":' * 990 + "1" + "}" * 990), "too_deep", None),
    ("NaN", raw('"temperature":NaN'), "invalid_json", None),
    ("a number beyond all", raw('"temperature":1e999'), "invalid_value", "temperature"),
    ("5,000 digits", raw('"x":' + "9" * 5_000), "invalid_json", None),
    ("5,000 digits as a seed", raw('"seed":' + "9" * 5_000), "invalid_value", "seed"),
    ("half a surrogate pair", with_members().replace(b"Hi", b"\\ud800"), "invalid_json", None),
    ("a member twice", raw('"model":"gemini-2.5-pro"'), "duplicate_key", "model"),
    ("a member twice inside", raw('"metadata":{"a":1,"a":2}'), "duplicate_key", "a"),
    ("no model", b'{"messages":[{"role":"user","content":"Hi"}]}', "missing_required_parameter", "model"),
    ("a number as model", with_members(model=1), "invalid_type", "model"),
    ("null as model", with_members(model=None), "invalid_type", "model"),
    ("an empty model", with_members(model=""), "string_below_min_length", "model"),
    ("a model's name of 10 kB", with_members(model="g" * 10_240), "string_above_max_length", "model"),
    ("no messages", json.dumps({"model": MODEL}).encode(), "missing_required_parameter", "messages"),
    ("null as messages", with_members(messages=None), "invalid_type", "messages"),
    ("empty messages", with_members(messages=[]), "empty_array", "messages"),
    ("an object as messages", with_members(messages={}), "invalid_type", "messages"),
    ("100,001 messages", with_members(messages=MESSAGES * 100_001), "array_above_max_length", "messages"),
    ("the role root", with_members(messages=[{"role": "root", "content": "x"}]), "invalid_value", "messages[0].role"),
    ("no role", with_members(messages=[{"content": "x"}]), "missing_required_parameter", "messages[0].role"),
    ("null as role", with_members(messages=[{"role": None, "content": "x"}]), "invalid_value", "messages[0].role"),
    ("null as content", with_content(None), "invalid_type", "messages[0].content"),
    ("a number as content", with_content(5), "invalid_type", "messages[0].content"),
    ("an unknown kind of part", with_content([{"type": "x"}]), "invalid_value", "messages[0].content[0].type"),
    ("n 0", with_members(n=0), "integer_below_min_value", "n"),
    ("n -1", with_members(n=-1), "integer_below_min_value", "n"),
    ("n 17", with_members(n=17), "integer_above_max_value", "n"),
    ("n 129", with_members(n=129), "integer_above_max_value", "n"),
    ("n as text", with_members(n="2"), "invalid_type", "n"),
    ("n 1.5", with_members(n=1.5), "invalid_type", "n"),
    ("n true", with_members(n=True), "invalid_type", "n"),
    ("max_tokens 0", with_members(max_tokens=0), "integer_below_min_value", "max_tokens"),
    ("max_tokens -1", with_members(max_tokens=-1), "integer_below_min_value", "max_tokens"),
    ("max_tokens 1e9", raw('"max_tokens":1e9'), "invalid_type", "max_tokens"),
    ("max_tokens 1000000000", with_members(max_tokens=10**9), "integer_above_max_value", "max_tokens"),
    ("max_tokens as text", with_members(max_tokens="10"), "invalid_type", "max_tokens"),
    ("max_tokens 2**63", with_members(max_tokens=2**63), "integer_above_max_value", "max_tokens"),
    (
        "max_completion_tokens 0",
        with_members(max_completion_tokens=0),
        "integer_below_min_value",
        "max_completion_tokens",
    ),
    ("temperature 3", with_members(temperature=3), "decimal_above_max_value", "temperature"),
    ("temperature as text", with_members(temperature="x"), "invalid_type", "temperature"),
    ("temperature -0.1", with_members(temperature=-0.1), "decimal_below_min_value", "temperature"),
    ("1,000 stops", with_members(stop=[str(i) for i in range(1_000)]), "array_above_max_length", "stop"),
    ("six stops", with_members(stop=list("abcdef")), "array_above_max_length", "stop"),
    ("an empty stop", with_members(stop=""), "invalid_value", "stop"),
    ("an empty stop among others", with_members(stop=["a", ""]), "invalid_value", "stop"),
    ("stream as text", with_members(stream="true"), "invalid_type", "stream"),
    ("stream_options alone", with_members(stream_options={"include_usage": True}), "invalid_value", "stream_options"),
    ("stream_options without stream", with_members(stream=False, stream_options={}), "invalid_value", "stream_options"),
    ("seed 2**64", with_members(seed=2**64), "integer_above_max_value", "seed"),
    (
        "logit_bias of 100,000",
        with_members(logit_bias={str(i): 1 for i in range(100_000)}),
        "object_above_max_length",
        "logit_bias",
    ),
    (
        "a schema of 2 MB",
        with_schema({"description": "x" * 2_000_000}),
        "invalid_schema",
        "response_format.json_schema.schema",
    ),
    ("a schema in a circle", with_schema({"$ref": "#"}), "invalid_schema", "response_format.json_schema.schema"),
    ("a schema 90 deep", with_schema(nested(90)), "invalid_schema", "response_format.json_schema.schema"),
    ("a schema 200 deep", with_schema(nested(200)), "too_deep", None),
    (
        "5,000 tools",
        with_members(tools=[{"type": "function", "function": {"name": f"f{i}"}} for i in range(5_000)]),
        "array_above_max_length",
        "tools",
    ),
    ("a tool's name with spaces", with_tool("a b"), "invalid_value", "tools[0].function.name"),
    ("a tool's name with an emoji", with_tool("😀"), "invalid_value", "tools[0].function.name"),
    (
        "a tool twice",
        with_members(tools=[{"type": "function", "function": {"name": "f"}}] * 2),
        "invalid_value",
        "tools",
    ),
    ("parameters that are a list", with_tool(parameters=[]), "invalid_type", "tools[0].function.parameters"),
    ("parameters that are a text", with_tool(parameters="{}"), "invalid_type", "tools[0].function.parameters"),
    ("user as object", with_members(user={"$ne": 1}), "invalid_type", "user"),
    ("user of 10 kB", with_members(user="x" * 10_240), "string_above_max_length", "user"),
    *[
        (f"an image at {url}", with_image(url), "remote_images_disabled", IMAGE)
        for url in (
            "http://127.0.0.1:6379/",
            "http://169.254.169.254/",
            "http://[::ffff:7f00:1]/",
            "http://0x7f.1/",
            "http://2130706433/",
            "https://ok@127.0.0.1/",
            "http://evil\\@127.0.0.1/",
            "https://127.0.0.1/",
            "https://localhost/",
            "https://metadata.google.internal/",
            "https://[::1]/",
            "http://example.com/a.png",
            "file:///etc/passwd",
            "gopher:",
            "//x",
        )
    ],
    ("an image of broken base64", with_image("data:image/png;base64,!!!"), "invalid_value", IMAGE),
    ("an image of SVG", with_image("data:image/svg+xml;base64,PHN2Zy8+"), "invalid_value", IMAGE),
    ("an image of HTML", with_image("data:text/html;base64,PGh0bWw+"), "invalid_value", IMAGE),
    ("an image of other bytes", with_image("data:image/png;base64,R0lGODlh"), "invalid_value", IMAGE),
]


@pytest.mark.parametrize(("body", "code", "param"), [row[1:] for row in BAD], ids=[row[0] for row in BAD])
async def test_a_bad_body_is_refused_and_harms_nobody(site, body, code, param):
    answered = await site.chat(body)
    assert answered.status == 400
    assert (answered.error["type"], answered.error["code"], answered.error["param"]) == (
        "invalid_request_error",
        code,
        param,
    )
    assert len(answered.body) < 1_000
    assert await site.untouched()


# --- Kinds and sizes of bodies ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "Application/JSON",
        "application/json; charset=utf-8",
        'application/json;charset="UTF-8"',
        "application/vnd.api+json",
    ],
)
async def test_json_is_taken_by_each_of_its_names(site, content_type):
    answered = await site.ask("/v1/chat/completions", with_members(), headers=(("content-type", content_type),))
    assert answered.status == 200


async def test_no_encoding_at_all_may_be_said(site):
    answered = await site.ask("/v1/chat/completions", with_members(), headers=(("content-encoding", "identity"),))
    assert answered.status == 200


async def test_a_body_in_a_codec_of_pythons_is_not_unpacked(site):
    bomb = bz2.compress(bytes(10_000_000))
    answered = await site.ask(
        "/v1/chat/completions", bomb, headers=(("content-type", "application/json; charset=bz2_codec"),)
    )
    assert answered.status == 415


async def test_many_images_over_the_limit_are_refused_as_one_body(site):
    picture = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG + 'A' * 349_524}"}}
    answered = await site.chat(with_content([picture] * 64))
    assert answered.status == 413
    assert await site.untouched()


async def test_a_body_of_some_megabytes_is_taken(site):
    text = "x" * 3_000_000
    answered = await site.ask("/v1/chat/completions", with_content(text), pieces=50)
    assert answered.status == 200
    assert site.gemini.texts == [text]


# --- Names of models -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "model",
    [
        "../../x",
        "gemini?key=1",
        "a/b:generate#",
        "gemini-2.5-flash:generateContent?key=x",
        "gemini-2.5-flash/../gemini-2.5-pro",
        "gemini 2.5",
        "‮gpt-4o",
        "gpt​-4o",
        "gemini-2.5-flash\r\nx-goog-api-key: x",
        "gemini-2.5-flash\x00",
        "%2e%2e/x",
        "models/",
        "models/../x",
        ".",
        "gpt-nobody-knows",
        "-x",
    ],
)
async def test_what_is_no_models_name_is_a_model_that_does_not_exist(site, model):
    answered = await site.chat(model=model)
    assert (answered.status, answered.error["code"], answered.error["param"]) == (404, "model_not_found", "model")
    assert await site.untouched()


@pytest.mark.parametrize(
    ("model", "asked"),
    [
        ("gpt-4o", MODEL),
        ("openai/gpt-4o", MODEL),
        ("openai/gpt-4o:free", MODEL),
        ("gemini-2.5-pro", "gemini-2.5-pro"),
        ("models/gemini-2.5-pro", "gemini-2.5-pro"),
        ("google/gemini-2.5-pro", "gemini-2.5-pro"),
        ("gemma-4-31b-it", "gemma-4-31b-it"),
        ("models/learnlm-2.0", "learnlm-2.0"),
    ],
)
async def test_a_models_name_is_taken_in_each_of_its_spellings(site, model, asked):
    answered = await site.chat(model=model)
    assert answered.status == 200
    assert (answered.json["model"], answered.headers["x-tumbler-model"]) == (model, asked)
    assert [call[1] for call in site.gemini.calls] == [asked]


# --- What is taken as it is, or taken for something else --------------------------------------------------


async def test_a_result_without_its_call_becomes_text(site):
    messages = [*MESSAGES, {"role": "tool", "tool_call_id": "nobody", "content": "42"}]
    assert (await site.chat(messages=messages)).status == 200
    assert site.gemini.texts == ["Hi", "Result of a tool:", "42"]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("text", ["\r\n\r\ndata: [DONE]", "</script>", "\x00", "\u2028", "😀"])
async def test_whatever_a_prompt_and_an_answer_hold_comes_through_whole(site, text, stream):
    site.gemini.reply = {
        "candidates": [{"content": {"parts": [{"text": text}]}, "finishReason": "STOP"}],
        "usageMetadata": {"promptTokenCount": 1, "candidatesTokenCount": 1},
    }
    answered = await site.chat(messages=[{"role": "user", "content": text}], stream=stream)
    assert answered.status == 200 and site.gemini.texts == [text]
    if not stream:
        assert answered.json["choices"][0]["message"]["content"] == text
        return
    *events, end = answered.body.decode().removesuffix("\n\n").split("\n\n")
    assert end == "data: [DONE]" and all("\n" not in event for event in events)
    chunks = [json.loads(event.removeprefix("data: ")) for event in events]
    assert "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in chunks) == text


FOREIGN = {
    "api_base": "http://127.0.0.1:9",
    "base_url": "http://127.0.0.1:9",
    "api_key": "someone-elses-key",
    "extra_headers": {"x-goog-api-key": "someone-elses-key"},
    "extra_body": {"contents": [], "store": True, "anything": 1},
    "custom_llm_provider": "other",
    "user_config": {"a": 1},
    "store": True,
    "metadata": {"secret": "m"},
    "contents": [],
    "systemInstruction": {},
    "cachedContent": "cachedContents/x",
    "labels": {},
}


@pytest.mark.parametrize("stream", [False, True])
async def test_members_of_other_gateways_change_nothing(site, stream):
    assert (await site.chat(stream=stream)).status == 200
    assert (await site.chat(stream=stream, **FOREIGN)).status == 200
    plain, foreign = site.gemini.calls
    assert foreign == plain
    assert plain[2:] == (
        "fake-upstream-key-of-the-surface",
        {"contents": [{"role": "user", "parts": [{"text": "Hi"}]}], "store": False},
    )


async def test_a_limit_above_the_models_own_is_cut_to_it(site):
    assert (await site.chat(max_tokens=10_000_000)).status == 200
    assert site.gemini.calls[0][3]["generationConfig"] == {"maxOutputTokens": 65_536}


async def test_a_public_image_is_passed_on_unfetched(site):
    assert (await site.chat(with_image("https://example.com/a.png"))).status == 200
    (_, _, _, body) = site.gemini.calls[0]
    assert body["contents"][0]["parts"][1] == {
        "fileData": {"fileUri": "https://example.com/a.png", "mimeType": "image/png"}
    }


async def test_five_stops_and_128_tools_are_taken(site):
    tools = [{"type": "function", "function": {"name": f"f{i}"}} for i in range(128)]
    assert (await site.chat(stop=list("abcde"), tools=tools)).status == 200


async def test_sixteen_answers_are_taken_and_numbered(site):
    answered = await site.chat(n=16)
    assert [choice["index"] for choice in answered.json["choices"]] == list(range(16))

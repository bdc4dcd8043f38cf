"""The API document is what is served: routes, methods, members, errors, headers, and the real answers of each route."""

import json
import re
import tomllib
from pathlib import Path

import msgspec
import pytest
from django.urls import reverse
from drf_spectacular.validation import validate_schema
from jsonschema import Draft202012Validator

from compat import errors
from compat.edge import EXPOSED
from compat.errors import CompatError, Retryable
from compat.gemini.failures import failure_of
from compat.openapi import document, document_json
from compat.openapi.members import MEMBERS
from compat.openapi.operation import FORM
from compat.openapi.operations import OPERATIONS
from compat.schemas import gemini_documents
from compat.schemas.gemini_request.requests import COUNT, EMBED, EMBED_BATCH, GENERATE
from compat.schemas.model_answers import Model
from compat.urls import ALIASES, ROUTES
from tests import gemini_replies
from tests.contributions.conftest import KEY
from tests.forms import FORM as FORM_TYPE
from tests.forms import form
from tests.surface.conftest import JUDGE, MODEL

ROOT = Path(__file__).resolve().parents[2]
CALL = {"functionCall": {"name": "look", "args": {"at": "sea"}}, "thoughtSignature": "c2ln"}


def every_error():
    kinds = {kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, CompatError)}
    # A path that is no route, and a method that a route has not, belong to no operation; two are families.
    return kinds - {CompatError, Retryable, errors.UnknownRoute, errors.WrongMethod}


def schema_of(path, method, status, media="application/json"):
    return document()["paths"][path][method]["responses"][str(status)]["content"][media]["schema"]


def check(value, schema):
    """Fail, with what is wrong, when the value is not what the document says."""
    held = {**schema, "components": document()["components"]}
    wrong = [f"{error.json_path}: {error.message[:200]}" for error in Draft202012Validator(held).iter_errors(value)]
    assert not wrong, wrong


def unlisted(value, struct):
    """Members of an answer that the document does not list, found by decoding it and encoding it again."""
    again = msgspec.to_builtins(msgspec.convert(value, struct))
    return list(differences(value, again))


def differences(value, again, at="$"):
    if isinstance(value, dict):
        for name, member in value.items():
            if not isinstance(again, dict) or name not in again:
                yield f"{at}.{name}"
            else:
                yield from differences(member, again[name], f"{at}.{name}")
    elif isinstance(value, list):
        for place, (one, other) in enumerate(zip(value, again, strict=True)):
            yield from differences(one, other, f"{at}[{place}]")


# --- The document -----------------------------------------------------------------------------------------


def test_the_snapshot_is_the_document():
    kept = (ROOT / "docs/openapi.json").read_bytes()
    assert kept == document_json(), "python manage.py write_openapi, and look at the difference"


def test_it_is_openapi_3_1():
    assert document()["openapi"].startswith("3.1.")
    validate_schema(json.loads(document_json()))


def test_its_version_is_the_projects():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert document()["info"]["version"] == project["version"]


def test_every_route_and_method_is_in_it_and_no_other():
    served = {
        (f"/{route}", method.lower())
        for route, view in ROUTES.items()
        if route not in ALIASES
        for method in view.cls().allowed_methods
        if method not in {"OPTIONS", "HEAD"}  # answered for every route and every GET
    }
    told = {(path, method) for path, methods in document()["paths"].items() for method in methods}
    assert told == served == {(path, method.lower()) for path, method in OPERATIONS}


def test_an_alias_is_served_by_the_view_of_a_listed_route():
    listed = {view.cls for route, view in ROUTES.items() if route not in ALIASES}
    assert {ROUTES[alias].cls for alias in ALIASES} <= listed


def test_no_two_operations_have_the_same_name():
    assert len({told.name for told in OPERATIONS.values()}) == len(OPERATIONS)


def test_every_member_of_a_request_has_its_words():
    for told in OPERATIONS.values():
        if told.request is not None:
            struct = told.request
            names = {field.encode_name for field in msgspec.structs.fields(struct)}
            assert set(MEMBERS[struct.__name__]) == names, struct.__name__


def test_every_error_is_told_by_the_routes_that_can_give_it():
    told = {error for operation in OPERATIONS.values() for error in operation.errors}
    assert told == every_error()


def test_its_headers_are_those_that_browsers_may_read():
    assert list(document()["components"]["headers"]) == EXPOSED.split(", ")


def test_every_reference_leads_somewhere_and_every_schema_is_referred_to():
    text = document_json().decode()
    for kind in ("schemas", "headers"):
        named = set(re.findall(rf'"#/components/{kind}/([^"]+)"', text))
        assert named == set(document()["components"][kind])


@pytest.mark.parametrize(("path", "method"), [key for key, told in OPERATIONS.items() if told.request])
def test_every_example_is_a_request_that_the_schema_takes(path, method):
    told = OPERATIONS[path, method]
    content = document()["paths"][path][method.lower()]["requestBody"]["content"][told.takes]
    check(content["example"], content["schema"])
    if told.takes != FORM:
        msgspec.json.decode(json.dumps(content["example"]), type=told.request)


# --- What is answered ---------------------------------------------------------------------------------------


async def ask(site, path, method, body=None, status=200):
    """One request; its answer, held to the document together with its headers."""
    payload = b"" if body is None else json.dumps(body).encode()
    served = path.replace("{model_id}", MODEL)
    answered = await site.ask(f"/v1{served}", payload, method=method.upper())
    assert answered.status == status, answered.body
    response = document()["paths"][path][method]["responses"][str(status)]
    common = {
        "request-id",
        "access-control-allow-origin",
        "access-control-expose-headers",
        "cache-control",
        "content-length",
    }
    unknown = set(answered.headers) - set(response["headers"]) - common - {"content-type", "x-accel-buffering"}
    assert unknown - {"www-authenticate"} == set(), "headers that the document does not tell"
    return answered


@pytest.mark.parametrize(
    "members",
    [
        {},
        {"n": 2, "logprobs": True, "top_logprobs": 2},
        {"tools": [{"type": "function", "function": {"name": "look"}}]},
        {"functions": [{"name": "look"}]},
    ],
)
async def test_chat_answers_as_the_document_says(site, members):
    if "tools" in members or "functions" in members:
        candidate = {"content": {"role": "model", "parts": [{"text": "Hm.", "thought": True}, CALL]}}
        site.gemini.reply = {**site.gemini.reply, "candidates": [{**candidate, "finishReason": "STOP"}]}
    request = {"model": MODEL, "messages": [{"role": "user", "content": "Hi"}], **members}
    path, method = "/chat/completions", "post"
    told = OPERATIONS[path, "POST"]
    whole = (await ask(site, path, method, request)).json
    check(whole, schema_of(path, method, 200))
    assert unlisted(whole, told.answer) == []
    options = {"stream": True, "stream_options": {"include_usage": True}}
    events = (await ask(site, path, method, request | options)).body.decode().split("\n\n")
    chunks = [json.loads(event[6:]) for event in events if event.startswith("data: {")]
    assert len(chunks) > 2
    for chunk in chunks:
        check(chunk, schema_of(path, method, 200, "text/event-stream"))
        assert unlisted(chunk, told.event) == []


@pytest.mark.parametrize("kind", ["function", "custom"])
async def test_responses_answer_as_the_document_says(site, kind):
    candidate = {"content": {"role": "model", "parts": [{"text": "Hm.", "thought": True}, {"text": "Hi"}, CALL]}}
    site.gemini.reply = {**site.gemini.reply, "candidates": [{**candidate, "finishReason": "STOP"}]}
    path, method = "/responses", "post"
    told = OPERATIONS[path, "POST"]
    tool = {"type": kind, "name": "look"}
    request = {"model": MODEL, "input": "Hi", "tools": [tool], "include": ["reasoning.encrypted_content"]}
    request["reasoning"] = {"summary": "auto"}
    whole = (await ask(site, path, method, request)).json
    assert len(whole["output"]) == 4
    check(whole, schema_of(path, method, 200))
    assert unlisted(whole, told.answer) == []
    events = (await ask(site, path, method, {**request, "stream": True})).body.decode().split("\n\n")
    chunks = [json.loads(event.split("\ndata: ")[1]) for event in events if event.startswith("event: ")]
    assert len(chunks) > 2
    for chunk in chunks:
        check(chunk, schema_of(path, method, 200, "text/event-stream"))
        assert unlisted(chunk, told.event) == []


async def test_messages_answer_as_the_document_says(site):
    candidate = {"content": {"role": "model", "parts": [{"text": "Hm.", "thought": True}, {"text": "Hi"}, CALL]}}
    site.gemini.reply = {**site.gemini.reply, "candidates": [{**candidate, "finishReason": "STOP"}]}
    path, method = "/messages", "post"
    told = OPERATIONS[path, "POST"]
    request = {"model": MODEL, "messages": [{"role": "user", "content": "Hi"}], "tools": [{"name": "look"}]}
    request["thinking"] = {"type": "adaptive"}
    whole = (await ask(site, path, method, request)).json
    assert [block["type"] for block in whole["content"]] == ["thinking", "text", "thinking", "tool_use"]
    check(whole, schema_of(path, method, 200))
    assert unlisted(whole, told.answer) == []
    events = (await ask(site, path, method, {**request, "stream": True})).body.decode().split("\n\n")
    chunks = [json.loads(event.split("\ndata: ")[1]) for event in events if event.startswith("event: ")]
    assert len(chunks) > 2
    for chunk in chunks:
        check(chunk, schema_of(path, method, 200, "text/event-stream"))
        assert unlisted(chunk, told.event) == []
    refused = (await ask(site, path, method, {**request, "messages": []}, status=400)).json
    check(refused, schema_of(path, method, 400))


async def test_completions_answer_as_the_document_says(site):
    path, method, request = "/completions", "post", {"model": MODEL, "prompt": "Once"}
    whole = (await ask(site, path, method, request)).json
    check(whole, schema_of(path, method, 200))
    assert unlisted(whole, OPERATIONS[path, "POST"].answer) == []
    events = (await ask(site, path, method, {**request, "stream": True})).body.decode().split("\n\n")
    for event in events:
        if event.startswith("data: {"):
            check(json.loads(event[6:]), schema_of(path, method, 200, "text/event-stream"))


@pytest.mark.parametrize("form", ["float", "base64"])
async def test_embeddings_answer_as_the_document_says(site, form):
    path, method = "/embeddings", "post"
    request = {"model": "text-embedding-3-small", "input": ["a", "b"], "encoding_format": form}
    answer = (await ask(site, path, method, request)).json
    check(answer, schema_of(path, method, 200))
    assert unlisted(answer, OPERATIONS[path, "POST"].answer) == []


async def test_speech_answers_as_the_document_says(site):
    path, method = "/audio/speech", "post"
    request = {"model": "gemini-2.5-flash-preview-tts", "input": "Good evening!", "voice": "alloy"}
    answer = await ask(site, path, method, request)
    assert answer.headers["content-type"] == OPERATIONS[path, "POST"].gives
    events = (await ask(site, path, method, {**request, "stream_format": "sse"})).body.decode().split("\n\n")
    told = [json.loads(event[6:]) for event in events if event]
    assert {event["type"] for event in told} == {"speech.audio.delta", "speech.audio.done"}
    for event in told:
        check(event, schema_of(path, method, 200, "text/event-stream"))
        assert unlisted(event, OPERATIONS[path, "POST"].event) == []


async def test_moderations_answer_as_the_document_says(site):
    path, method = "/moderations", "post"
    answer = (await ask(site, path, method, {"model": JUDGE, "input": ["Hello", "Violence!"]})).json
    check(answer, schema_of(path, method, 200))
    assert unlisted(answer, OPERATIONS[path, "POST"].answer) == []


@pytest.mark.parametrize("path", ["/images/generations", "/images/edits"])
async def test_images_answer_as_the_document_says(site, path):
    method, told = "post", OPERATIONS[path, "POST"]
    request = {"model": "gemini-3.1-flash-image", "prompt": "A cat", "size": "1024x1024", "quality": "low"}
    if path.endswith("edits"):
        request["images"] = [{"image_url": "https://example.com/cat.png"}]
    for more in ({}, {"response_format": "url"}):
        whole = (await ask(site, path, method, request | more)).json
        check(whole, schema_of(path, method, 200))
        assert unlisted(whole, told.answer) == []
    events = (await ask(site, path, method, {**request, "stream": True})).body.decode().split("\n\n")
    [chunk] = [json.loads(event.split("\ndata: ")[1]) for event in events if event]
    check(chunk, schema_of(path, method, 200, "text/event-stream"))
    assert unlisted(chunk, told.event) == []


@pytest.mark.parametrize("path", ["/audio/transcriptions", "/audio/translations"])
@pytest.mark.parametrize("response_format", ["json", "verbose_json"])
async def test_transcriptions_answer_as_the_document_says(site, path, response_format):
    told = {"language": "german", "segments": [{"start": "00:00", "end": "00:01", "text": "Ja."}]}
    site.gemini.reply = gemini_replies.reply(json.dumps(told) if response_format == "verbose_json" else "Ja.")
    members = {"model": MODEL, "file": b"ID3 as if it were a recording", "response_format": response_format}
    headers = (("content-type", FORM_TYPE),)
    answered = await site.ask(f"/v1{path}", form(members), headers=headers)
    assert answered.status == 200, answered.body
    check(answered.json, schema_of(path, "post", 200))
    assert unlisted(answered.json, OPERATIONS[path, "POST"].answer) == []
    if path == "/audio/transcriptions" and response_format == "json":
        streamed = await site.ask(f"/v1{path}", form({**members, "stream": "true"}), headers=headers)
        events = streamed.body.decode().split("\n\n")
        for event in filter(None, events):
            check(json.loads(event[6:]), schema_of(path, "post", 200, "text/event-stream"))
            assert unlisted(json.loads(event[6:]), OPERATIONS[path, "POST"].event) == []


_OF_GEMINI = "/v1beta/models/{model_id}"


@pytest.mark.parametrize("path", [path for path, _ in OPERATIONS if path.startswith(_OF_GEMINI + ":")])
async def test_geminis_own_routes_answer_as_the_document_says(site, path):
    told = OPERATIONS[path, "POST"]
    answer = (await ask(site, path, "post", told.example)).json
    check(answer, schema_of(path, "post", 200))
    for one in answer if told.many else [answer]:
        assert unlisted(one, told.answer) == []
    refused = (await ask(site, path, "post", {"nonsense": 1}, status=400)).json
    check(refused[0] if told.many else refused, schema_of(path, "post", 400))


async def test_geminis_models_answer_as_the_document_says(site):
    for path in ("/v1beta/models", _OF_GEMINI):
        check((await ask(site, path, "get")).json, schema_of(path, "get", 200))


def test_the_requests_of_geminis_routes_have_the_members_that_are_read():
    for struct, message in (
        (gemini_documents.GenerateContentRequest, GENERATE),
        (gemini_documents.CountTokensRequest, COUNT),
        (gemini_documents.EmbedContentRequest, EMBED),
        (gemini_documents.BatchEmbedContentsRequest, EMBED_BATCH),
    ):
        assert set(struct.__struct_fields__) == message.names


async def test_models_answer_as_the_document_says(site):
    listed = (await ask(site, "/models", "get")).json
    check(listed, schema_of("/models", "get", 200))
    one = (await ask(site, "/models/{model_id}", "get")).json
    check(one, schema_of("/models/{model_id}", "get", 200))
    assert unlisted(one, Model) == unlisted(listed, OPERATIONS["/models", "GET"].answer) == []


async def test_usage_answers_as_the_document_says(site):
    await site.chat()
    usage = (await ask(site, "/usage", "get")).json
    assert usage["data"], "there is a day to check"
    check(usage, schema_of("/usage", "get", 200))
    assert set(usage) == {field.name for field in msgspec.structs.fields(OPERATIONS["/usage", "GET"].answer)}


async def test_contributions_answer_as_the_document_says(site, monkeypatch):
    monkeypatch.setattr("accounts.contributions.checking.check_soon", lambda: None)
    terms = (await ask(site, "/contributions", "get")).json
    check(terms, schema_of("/contributions", "get", 200))
    receipt = (await ask(site, "/contributions", "post", {"key": KEY, "consent": True}, status=202)).json
    check(receipt, schema_of("/contributions", "post", 202))


async def test_an_error_is_answered_as_the_document_says(site):
    path, method, request = "/chat/completions", "post", {"model": MODEL, "messages": []}
    check((await ask(site, path, method, request, status=400)).json, schema_of(path, method, 400))
    site.gemini.failure = failure_of(503, b"{}")
    asked = {**request, "messages": [{"role": "user", "content": "Hi"}]}
    check((await ask(site, path, method, asked, status=503)).json, schema_of(path, method, 503))


# --- The pages ----------------------------------------------------------------------------------------------


def test_the_document_is_served_to_any_origin(client):
    answer = client.get("/openapi.json", headers={"host": "localhost"})
    assert answer.content == document_json()
    assert answer.headers["Access-Control-Allow-Origin"] == "*"


def test_the_page_shows_every_route_schema_and_header(client, db):
    page = client.get(reverse("docs"), headers={"host": "localhost"}).content.decode()
    for told in OPERATIONS.values():
        assert f'id="{told.name}"' in page
    for kind in ("schemas", "headers"):
        for name in document()["components"][kind]:
            assert name in page
    linked, there = set(re.findall(r'href="#([^"]+)"', page)), set(re.findall(r'id="([^"]+)"', page))
    assert linked <= there
    assert "<script>" not in page and " style=" not in page


def test_the_page_names_this_server(client, db):
    page = client.get("/docs/", headers={"host": "localhost:3000"}).content.decode()
    assert "curl http://localhost:3000/v1/chat/completions" in page

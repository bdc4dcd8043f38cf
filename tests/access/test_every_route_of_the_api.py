"""The API for every role: which routes ask for a token, and that a token tells of nobody but its own user."""

import asyncio
import base64
import json
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts import files, metering, uploads
from accounts.in_db import in_db
from accounts.issuing import issue_token
from accounts.models import ContributedKey, FileUpload, IssuedToken, UsageRecord, User
from accounts.token_text import new_token_text
from compat.models import MappingTarget, ModelMapping
from compat.simulator.media import image
from compat.urls import ROUTES, find_view
from compat.views import OneModel, UnknownPath
from tests.access.conftest import CANARY, make_world
from tests.access.table import API, IN, LINK, NOT_OTHERS, OPEN, OWN, PROBES, ROLES, WEBSOCKETS, a_batch
from tests.forms import FORM, form
from tests.gemini_replies import reply
from tests.limits.app import CHAT, ask
from tests.limits.conftest import gemini, one_gemini, site  # noqa: F401 (fixtures)
from tests.storing import store_conversation, store_response
from tumbler_site import health, routing
from tumbler_site.asgi import application

pytestmark = pytest.mark.django_db(transaction=True)

JUDGE = "gemini-3.5-flash-lite"
RECORDING = b"ID3 as if it were a recording"
BODIES = {
    "audio/speech": {"model": "gemini-2.5-flash-preview-tts", "input": "Hello", "voice": "alloy"},
    "audio/transcriptions": {"model": "gemini-2.5-flash", "file": RECORDING},
    "audio/translations": {"model": "gemini-2.5-flash", "file": RECORDING},
    "chat": CHAT,
    "chat/completions": CHAT,
    "completions": {"model": "gemini-2.5-flash", "prompt": "Hello"},
    "embeddings": {"model": "gemini-embedding-2", "input": "Hello"},
    "moderations": {"model": JUDGE, "input": "Hello"},
    "images/edits": {
        "model": "gemini-3.1-flash-image",
        "prompt": "Hello",
        "images": [{"image_url": "https://example.com/a.png"}],
    },
    "images/generations": {"model": "gemini-3.1-flash-image", "prompt": "Hello"},
    "images/variations": {"model": "gemini-3.1-flash-image", "image": base64.b64decode(image({})["data"])},
    "messages": {"model": "gemini-2.5-flash", "messages": [{"role": "user", "content": "Hello"}]},
    "messages/count_tokens": {"model": "gemini-2.5-flash", "messages": [{"role": "user", "content": "Hello"}]},
    "responses/input_tokens": {"model": "gemini-2.5-flash", "input": "Hello"},
    "responses": {"model": "gemini-2.5-flash", "input": "Hello", "store": False},
    "conversations": {"metadata": {"a": "b"}},
    "uploads": {"bytes": 6, "filename": "a.txt", "mime_type": "text/plain", "purpose": "user_data"},
    "upload/v1/files": {"a": "file"},
    "upload/v1beta/files": {"a": "file"},
}
ASKING_NOBODY = {"conversations", "uploads", "upload/v1/files", "upload/v1beta/files"}
"""Those that are no request of Gemini."""
IN_PARTS = {
    "uploads/{upload_id}/parts": {"data": b"Hello."},
    "uploads/{upload_id}/complete": {"part_ids": ["part_0_1"]},
    "uploads/{upload_id}/cancel": {},
}
"""What is sent to an upload of ada's."""
_SAID = {"contents": [{"role": "user", "parts": [{"text": "Hello"}]}]}
_VECTOR = {"content": {"parts": [{"text": "Hello"}]}}
STRICT = {
    f"{version}models/a-model:{method}": body
    for version in ("", "v1beta/")
    for method, body in (
        *(("generateContent", _SAID), ("streamGenerateContent", _SAID), ("countTokens", _SAID)),
        *(("embedContent", _VECTOR), ("batchEmbedContents", {"requests": [_VECTOR]})),
    )
}
"""Those of Gemini's own routes, which refuse what they do not know, as Gemini does."""
LET_IN = {"ada", "bob", "staff", "root"}


@pytest.fixture
def world(site, storing, gemini, monkeypatch):  # noqa: F811
    monkeypatch.setattr("accounts.contributions.checking.check_soon", lambda: None)
    gemini.will_answer(reply('{"violence": 0.9}'), model=JUDGE)
    mapping = ModelMapping.objects.create(name="a-model")
    MappingTarget.objects.create(mapping=mapping, gemini_model="gemini-2.5-flash", position=0)
    made, carol = make_world(), User.objects.create_user("carol", is_active=False)
    made.texts |= {
        "an expired token": issue_token(made.ada, expires=timezone.now() - timedelta(seconds=1))[1],
        "a disabled user": issue_token(carol)[1],
        "a made-up token": new_token_text(),
        "no token of ours": "sk-something",
    }
    return made


def parts_of(world):
    """What stands for the parts of a route: something of ada's."""
    file = files.keep(world.ada.pk, "a.txt", "user_data", [b"Hello."])
    response = store_response(world.ada, "resp_of_ada")
    conversation = store_conversation(world.ada, "conv_of_ada")
    return {
        "model_id": "a-model",
        "file_id": file.pk,
        "batch_id": a_batch(world),
        "response_id": response.pk,
        "conversation_id": conversation.id,
        "item_id": "msg_1",
        "name": "an-image.png",
        "upload_id": "upload_0",
    }


def begin_upload(world):
    """A file of ada's that is still to come; there may have been one before."""
    FileUpload.objects.all().delete()
    upload = uploads.begin(world.ada.pk, world.token.pk, "a.txt", "user_data", media_type="", size=6)
    uploads.add_stretch(upload, uploads.begin_stretch(upload), b"Hello.")
    FileUpload.objects.update(id="upload_0")


async def call(path, **about):
    """A request to a route, by the method it has."""
    return await send(f"/v1/{path}", (BODIES | STRICT).get(path), **about)


async def send(path, body, **about):
    """A request with a body, in JSON, or as a form where there is a file in it; or one without."""
    if body and any(isinstance(member, bytes) for member in body.values()):
        body, about["headers"] = form(body), (("content-type", FORM),)
    return await ask(path, body, **{"method": "POST" if body else "GET", **about})


def test_every_route_of_the_api_is_in_the_table_and_no_other():
    assert set(ROUTES) == set(API), "tests/access/table.py does not say who may use these routes: see API"
    assert find_view("/v1/models/any")[0].cls is OneModel
    assert find_view("/v1/any/other")[0].cls is UnknownPath
    assert {path.rstrip("/") for path in health._PATHS} == PROBES


@pytest.mark.parametrize("path", API)
async def test_a_route_asks_for_a_token_unless_the_table_says_otherwise(world, gemini, path):  # noqa: F811
    open_to_all, by_link = (API[path] == kind for kind in (OPEN, LINK))
    to_others = {OWN: 404, NOT_OTHERS: 403}.get(API[path], 200)
    method = "POST" if path in BODIES or "GET" not in ROUTES[path].cls().allowed_methods else "GET"
    body = (BODIES | STRICT | IN_PARTS).get(path)
    path = path.format(**await in_db(parts_of, world))
    body = (BODIES | STRICT).get(path, body)
    tokens = {"anonymous": None, **world.texts}
    for role, token in tokens.items():
        for asked in {f"/v1/{path}", f"/{path}/"}:
            await in_db(begin_upload, world)
            answer = await send(asked, body, method=method, token=token)
            if by_link:
                assert (answer.status, answer.code) == (404, "link_over"), (asked, role, answer.body)
                continue
            let_in = open_to_all or role in LET_IN
            status = 200 if role == "ada" else to_others
            assert answer.status == (status if let_in else 401), (asked, role, answer.body)
            # Anthropic's errors have no code, and Google's is the status: there the status says it all.
            code = None if role == "anonymous" else "invalid_api_key"
            assert let_in or refused(answer).get("code", code) in {code, 401}


def refused(answer):
    """The error; a stream of Gemini's without events has it in a list of one."""
    return (answer.json[0] if isinstance(answer.json, list) else answer.json)["error"]


async def test_a_path_that_is_none_is_the_same_for_everybody(world):
    for token in (None, *world.texts.values()):
        answer = await ask("/v1/no/such/path", method="GET", token=token)
        assert (answer.status, answer.code) == (404, "unknown_url")


@pytest.mark.parametrize("path", sorted(PROBES))
async def test_probes_tell_of_nobody(world, path):
    answer = await ask(path, method="GET")
    assert answer.status in {200, 503}
    assert not [secret for secret in (CANARY, world.token.prefix, "ada") if secret in answer.body.decode()]


@pytest.mark.parametrize("role", ["bob", "staff", "root"])
async def test_no_token_reads_anothers_usage_whatever_it_asks_for(world, role):
    whose = f"user={world.ada.pk}&user_id={world.ada.pk}&username=ada&token={world.token.pk}&owner={world.ada.pk}"
    answer = await ask("/v1/usage", method="GET", token=world.texts[role], query=whose)
    assert (answer.json["user"], answer.json["totals"]["requests"], answer.json["data"]) == (role, 0, [])
    assert CANARY not in answer.body.decode()
    assert CANARY in (await call("usage", token=world.texts["ada"])).body.decode()


async def test_a_token_reads_its_own_usage_and_not_that_of_its_users_other_tokens(world):
    _, other = await in_db(issue_token, world.ada)
    assert (await call("usage", token=other)).json["data"] == []


async def test_a_body_takes_nothing_that_it_does_not_ask_for(world, gemini):  # noqa: F811
    def powers():
        return list(User.objects.order_by("pk").values()), list(
            IssuedToken.objects.order_by("pk").values("pk", "user", "rpm", "scopes", "monthly_tokens", "revoked")
        )

    before = await in_db(powers)
    slipped_in = {
        **{"user": str(world.ada.pk), "user_id": world.ada.pk, "owner": world.ada.pk, "token": world.token.pk},
        **{"is_staff": True, "is_superuser": True, "scopes": ["*"], "budget": 10**12, "used": 0, "rpm": 10**6},
        **{"cost": 0, "attempts": 0, "counts_from": "estimated", "id": 1, "created": 0, "sub_user": "ada"},
        **{
            "api_key": "k",
            "api_base": "http://192.0.2.1/",
            "base_url": "http://192.0.2.1/",
            "extra_headers": {"a": "b"},
        },
    }
    for path, body in BODIES.items():
        answer = await send(f"/v1/{path}", body | slipped_in, token=world.texts["bob"])
        assert answer.status == 200, answer.body
    for path, body in STRICT.items():
        assert (await ask(f"/v1/{path}", body | slipped_in, token=world.texts["bob"])).status == 400
    await metering.flush()
    assert await in_db(powers) == before
    made = await in_db(
        lambda: list(UsageRecord.objects.exclude(model=CANARY).values_list("user__username", "sub_user"))
    )
    assert set(made) == {("bob", "")} and len(made) == len(BODIES) - len(ASKING_NOBODY)
    assert all(not (set(slipped_in) & set(json.loads(call.body))) for call in gemini.calls)


async def test_a_contribution_takes_nothing_that_it_does_not_ask_for(world):
    slipped_in = {
        **{"owner": world.ada.pk, "user": world.ada.pk, "state": "active", "source": "operator", "label": "x"},
        **{"upstream": "simulator", "successes": 10**6, "last_four": "abcd", "fingerprint": "f" * 64, "id": 1},
    }
    offer = {"key": "fake-contributed-key-0777", "consent": True, **slipped_in}
    assert (await ask("/v1/contributions", offer, token=world.texts["bob"])).status == 202
    key = await in_db(lambda: ContributedKey.objects.get(last_four="0777"))
    assert (key.owner, key.state, key.source, key.label) == (None, "received", "contribution", "")
    assert (key.upstream, key.successes) == ("gemini", 0)


async def test_every_live_page_is_in_the_table_and_lets_in_whom_it_says(world):
    assert {str(route.pattern) for route in routing.WEBSOCKETS} == set(WEBSOCKETS)
    for route, access in WEBSOCKETS.items():
        opened = {role: await opens(f"/{route}", await in_db(cookie_of, world, role)) for role in ROLES}
        assert opened == {role: access[role] == IN for role in ROLES}, route


def cookie_of(world, role):
    client = Client()
    if role in LET_IN:
        client.force_login(getattr(world, role))
    return client.cookies["sessionid"].value if client.cookies else ""


async def opens(path, session):
    """True when a WebSocket of this session is told anything before it is closed."""
    headers = [(b"host", b"localhost"), (b"origin", b"http://localhost"), (b"cookie", f"sessionid={session}".encode())]
    scope = {"type": "websocket", "path": path, "raw_path": path.encode(), "query_string": b"", "headers": headers}
    arriving, answers, answered = [{"type": "websocket.connect"}], [], asyncio.Event()

    async def receive():
        if arriving:
            return arriving.pop()
        await answered.wait()
        return {"type": "websocket.disconnect", "code": 1001}

    async def send(message):
        if message["type"] != "websocket.accept":
            answers.append(message["type"])
            answered.set()

    async with asyncio.timeout(20):
        await application(scope | {"subprotocols": [], "client": ("127.0.0.1", 1)}, receive, send)
    return answers[0] == "websocket.send"

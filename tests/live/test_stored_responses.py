"""Stored responses over TCP, by the official openai package."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import openai
import pytest

from tests.gemini_replies import reply
from tests.live.conftest import Start, keys
from tests.live.gateway import Gateway, eventually, manage
from tests.live.openapi import check
from tests.live.test_responses import CALL, WEATHER
from tests.scripted_gemini import ScriptedGemini


@pytest.fixture
def client(gateway: Gateway) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=gateway.token, timeout=20, max_retries=0) as client:
        yield client


def test_a_response_is_created_retrieved_listed_and_deleted(
    client: openai.OpenAI, gemini: ScriptedGemini, model: str
) -> None:
    made = client.responses.create(model=model, input="Hello")
    found = client.responses.retrieve(made.id)
    assert found.output_text == "Hello!" and found == made
    check(found.model_dump(mode="json", exclude_unset=True), "Response")
    (item,) = client.responses.input_items.list(made.id)
    assert item.content[0].text == "Hello"
    client.responses.delete(made.id)
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(made.id)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_a_tool_loop_by_the_id_of_the_last_response(
    client: openai.OpenAI, gemini: ScriptedGemini, model: str, stream: bool
) -> None:
    model = model.replace("2.5", "3.5")
    gemini.will_answer(CALL, model=model, times=1)
    first = client.responses.create(model=model, input="Weather?", tools=[WEATHER])
    (made,) = first.output
    output: Any = [{"type": "function_call_output", "call_id": made.call_id, "output": "sunny"}]
    asked: Any = {"model": model, "input": output, "tools": [WEATHER], "previous_response_id": first.id}
    if stream:
        with client.responses.stream(**asked) as events:
            for _ in events:
                pass
            second = events.get_final_response()
    else:
        second = client.responses.create(**asked)
    assert (second.output_text, second.previous_response_id) == ("Hello!", first.id)
    _, called, results = gemini.calls_of(model)[-1].json["contents"]
    assert called["parts"][0]["thoughtSignature"] == "c2lnbg=="
    assert results["parts"][0]["functionResponse"]["response"] == {"output": "sunny"}
    third = client.responses.create(model=model, input="And now?", previous_response_id=second.id)
    assert [item.type for item in client.responses.input_items.list(third.id, order="asc")] == [
        *("message", "function_call", "function_call_output", "message", "message"),
    ]


def test_somebody_else_does_not_find_it(client: openai.OpenAI, gateway: Gateway, model: str) -> None:
    made = client.responses.create(model=model, input="Hello")
    bob = client.with_options(api_key=manage(gateway.directory, "issue_token", "bob").strip())
    for attempt in (bob.responses.retrieve, bob.responses.delete, bob.responses.input_items.list):
        with pytest.raises(openai.NotFoundError):
            attempt(made.id)
    with pytest.raises(openai.BadRequestError) as refused:
        bob.responses.create(model=model, input="Hello", previous_response_id=made.id)
    assert refused.value.code == "previous_response_not_found"
    assert client.responses.retrieve(made.id).id == made.id


def test_the_files_of_the_database_do_not_hold_the_prompt(
    client: openai.OpenAI, gateway: Gateway, gemini: ScriptedGemini, model: str
) -> None:
    prompt, said = f"a prompt for {model} alone", f"an answer of {model} alone"
    gemini.will_answer(reply(said), model=model)
    made = client.responses.create(model=model, input=prompt, metadata={"note": prompt})
    assert client.responses.retrieve(made.id).metadata == {"note": prompt}
    held = [path.read_bytes() for path in gateway.directory.rglob("*") if path.is_file()]
    assert any(made.id.encode() in one for one in held)
    for text in (prompt, said, json.dumps(prompt), "for a prompt"):
        assert not [one for one in held if text.encode() in one]


def test_a_conversation_holds_what_is_said_in_it(client: openai.OpenAI, gemini: ScriptedGemini, model: str) -> None:
    conversation = client.conversations.create(
        items=[{"type": "message", "role": "user", "content": "My name is Ada."}], metadata={"topic": "names"}
    )
    made = client.responses.create(model=model, input="Hello", conversation=conversation.id)
    assert made.conversation is not None and made.conversation.id == conversation.id
    with client.responses.stream(model=model, input="And now?", conversation={"id": conversation.id}) as events:
        for _ in events:
            pass
    sent = gemini.calls_of(model)[-1].json["contents"]
    assert [content["role"] for content in sent] == ["user", "model", "user"]
    items = list(client.conversations.items.list(conversation.id, order="asc", limit=2))
    assert [item.role for item in items] == ["user", "user", "assistant", "user", "assistant"]
    assert client.conversations.items.retrieve(items[0].id, conversation_id=conversation.id) == items[0]
    client.conversations.items.delete(items[0].id, conversation_id=conversation.id)
    added = client.conversations.items.create(conversation.id, items=[{"role": "user", "content": "One more."}])
    assert [item.type for item in added.data] == ["message"]
    assert client.conversations.update(conversation.id, metadata={"topic": "more"}).metadata == {"topic": "more"}
    assert client.conversations.retrieve(conversation.id).metadata == {"topic": "more"}
    assert client.conversations.delete(conversation.id).deleted
    with pytest.raises(openai.NotFoundError):
        client.conversations.retrieve(conversation.id)


def test_a_response_in_the_background_is_polled(client: openai.OpenAI, gemini: ScriptedGemini, model: str) -> None:
    made = client.responses.create(model=model, input="Hello", background=True)
    assert made.status in {"queued", "in_progress"}
    done = eventually(lambda: found if (found := client.responses.retrieve(made.id)).status == "completed" else None)
    assert done is not None and done.output_text == "Hello!"


def test_a_response_in_the_background_is_cancelled(client: openai.OpenAI, gemini: ScriptedGemini, model: str) -> None:
    gemini.will_hang(model=model)
    made = client.responses.create(model=model, input="Hello", background=True)
    assert client.responses.cancel(made.id).status == "cancelled"
    assert client.responses.retrieve(made.id).status == "cancelled"


def test_a_stream_in_the_background_is_resumed(client: openai.OpenAI, gemini: ScriptedGemini, model: str) -> None:
    with client.responses.create(model=model, input="Hello", background=True, stream=True) as events:
        told = list(events)
    response_id = told[0].response.id
    with client.responses.retrieve(response_id, stream=True, starting_after=3) as events:
        assert list(events) == told[4:]


def test_what_a_killed_process_worked_on_has_failed(start: Start, gemini: ScriptedGemini, model: str) -> None:
    gemini.will_hang(model=model)
    gateway = start("uvicorn", keys(1, "killed"))
    made = gateway.post("/v1/responses", {"model": model, "input": "Hello", "background": True}).json()
    path = f"/v1/responses/{made['id']}"
    assert eventually(lambda: gateway.http.get(path).json()["status"] == "queued")
    assert eventually(lambda: gateway.rows("select * from accounts_storedresponse"))
    gateway.process.kill()
    gateway.process.wait(5)
    with closing(sqlite3.connect(gateway.directory / "tumbler.sqlite3", timeout=5)) as database, database:
        # Half a minute later.
        database.execute("update accounts_storedresponse set alive_until = '2020-01-01 00:00:00'")
    gateway.restart()
    failed = gateway.http.get(path).json()
    check(failed, "Response")
    assert (failed["status"], failed["error"]["code"]) == ("failed", "server_error")


def test_what_was_answered_last_is_stored_before_the_process_ends(
    start: Start, gemini: ScriptedGemini, model: str
) -> None:
    gateway = start("uvicorn", keys(1, "ended"))
    ids = [gateway.post("/v1/responses", {"model": model, "input": "Hello"}).json()["id"] for _ in range(20)]
    gateway.process.terminate()
    gateway.process.wait(15)
    gateway.restart()
    assert [gateway.http.get(f"/v1/responses/{response_id}").status_code for response_id in ids] == [200] * 20

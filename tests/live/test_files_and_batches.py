"""Files and batches by the official openai package, under both servers; and a server that is killed in the middle of a batch."""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator

import openai
import pytest

from tests.gemini_replies import reply
from tests.live.gateway import SERVERS, Gateway
from tests.scripted_gemini import ScriptedGemini


@pytest.fixture
def client(gateway: Gateway) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=gateway.token, timeout=20) as client:
        yield client


def lines(model: str, count: int) -> bytes:
    body = {"model": model, "messages": [{"role": "user", "content": "Hello"}]}
    row = {"method": "POST", "url": "/v1/chat/completions", "body": body}
    return b"".join(json.dumps({"custom_id": f"line-{n}", **row}).encode() + b"\n" for n in range(count))


def begun(client: openai.OpenAI, content: bytes) -> openai.types.Batch:
    file = client.files.create(file=("requests.jsonl", content), purpose="batch")
    return client.batches.create(
        input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h", metadata={"of": "a test"}
    )


def ended(client: openai.OpenAI, batch_id: str, seconds: float = 30) -> openai.types.Batch:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        batch = client.batches.retrieve(batch_id)
        if batch.status in {"completed", "failed", "expired", "cancelled"}:
            return batch
        time.sleep(0.1)
    raise AssertionError(batch)


def test_a_batch_from_its_file_to_its_results(client: openai.OpenAI, gemini: ScriptedGemini, model: str) -> None:
    batch = begun(client, lines(model, 12))
    assert batch.status == "validating"
    done = ended(client, batch.id)
    assert (done.status, done.metadata) == ("completed", {"of": "a test"})
    assert done.request_counts is not None and done.output_file_id is not None
    assert done.request_counts.to_dict() == {"total": 12, "completed": 12, "failed": 0}
    rows = [json.loads(line) for line in client.files.content(done.output_file_id).text.splitlines()]
    assert [row["custom_id"] for row in rows] == [f"line-{n}" for n in range(12)]
    assert {row["response"]["body"]["choices"][0]["message"]["content"] for row in rows} == {"Hello!"}
    assert batch.id in [listed.id for listed in client.batches.list(limit=1)]
    with pytest.raises(openai.BadRequestError):
        client.batches.cancel(batch.id)


def test_a_wrong_file_is_told_line_by_line(client: openai.OpenAI, gemini: ScriptedGemini, model: str) -> None:
    failed = ended(client, begun(client, lines(model, 2) + lines(model, 1) + b"no json\n").id)
    assert failed.status == "failed" and failed.errors is not None and failed.errors.data is not None
    assert [(error.line, error.code) for error in failed.errors.data] == [
        (3, "duplicate_custom_id"),
        (4, "invalid_json_line"),
    ]
    assert gemini.calls == []


def test_files_are_kept_listed_read_and_deleted(client: openai.OpenAI) -> None:
    kept = [client.files.create(file=(f"{n}.txt", b"Hello."), purpose="user_data") for n in range(3)]
    assert [file.id for file in client.files.list(purpose="user_data", limit=2)][:3] == [file.id for file in kept[::-1]]
    assert client.files.retrieve(kept[0].id) == kept[0]
    assert client.files.content(kept[0].id).content == b"Hello."
    assert client.files.delete(kept[0].id).deleted
    with pytest.raises(openai.NotFoundError, match="No such File object"):
        client.files.retrieve(kept[0].id)


def test_a_conversation_names_a_file(client: openai.OpenAI, gemini: ScriptedGemini, model: str) -> None:
    file = client.files.create(file=("paper.pdf", b"%PDF-1.7 ..."), purpose="user_data")
    part = {"type": "file", "file": {"file_id": file.id}}
    client.chat.completions.create(model=model, messages=[{"role": "user", "content": [part]}])
    item = {"role": "user", "content": [{"type": "input_file", "file_id": file.id}]}
    client.responses.create(model=model, input=[item])
    for call in gemini.calls:
        assert "application/pdf" in call.body.decode() and file.id not in call.body.decode()


@pytest.mark.parametrize("server", SERVERS)
def test_a_server_that_is_killed_goes_on_where_it_was(
    server: str, start: Callable[..., Gateway], gemini: ScriptedGemini, model: str
) -> None:
    """Every line is answered once in the output; at most the lines that were on their way are asked again."""
    count, at_once = 60, 4
    gemini.will_answer(reply("Hello!"), delay=0.2, model=model)
    gateway = start(server, ["live-batch-key-0001"], TUMBLER_BATCH_LINES=str(at_once))
    client = openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=gateway.token, timeout=20)
    batch = begun(client, lines(model, count))
    while client.batches.retrieve(batch.id).request_counts.completed < 10:  # type: ignore[union-attr]
        time.sleep(0.05)
    gateway.kill_and_start_again()
    client = openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=gateway.token, timeout=20)
    assert client.batches.retrieve(batch.id).status == "in_progress"
    done = ended(client, batch.id, seconds=60)
    assert done.output_file_id is not None
    rows = [json.loads(line) for line in client.files.content(done.output_file_id).text.splitlines()]
    assert Counter(row["custom_id"] for row in rows) == Counter(f"line-{n}" for n in range(count))
    assert count <= len(gemini.calls) <= count + at_once

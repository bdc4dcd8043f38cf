"""Batches on PostgreSQL and Redis, run by processes beside those that serve; one is killed, and another goes on."""

import json
import signal
import subprocess
import sys
from contextlib import contextmanager

import openai

from tests.gemini_replies import reply
from tests.live.gateway import ROOT, eventually

COUNT, AT_ONCE = 80, 4


@contextmanager
def run_batches(site):
    """The command, running."""
    command = [sys.executable, str(ROOT / "manage.py"), "run_batches", "--lines", str(AT_ONCE)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=site.env, cwd=ROOT, text=True) as running:
        try:
            assert running.stdout.readline().startswith("Running batches")
            yield running
        finally:
            running.kill()


def test_a_batch_is_run_beside_those_that_serve_and_a_kill_loses_and_repeats_nothing(two_workers, site, gemini, model):
    gemini.will_answer(reply("Hello!"), delay=0.5, model=model)
    body = {"model": model, "messages": [{"role": "user", "content": "Hi."}]}
    row = {"method": "POST", "url": "/v1/chat/completions", "body": body}
    content = b"".join(json.dumps({"custom_id": f"line-{n}", **row}).encode() + b"\n" for n in range(COUNT))
    with openai.OpenAI(base_url=f"{two_workers.url}/v1", api_key=site.token, timeout=20) as client:
        file = client.files.create(file=("requests.jsonl", content), purpose="batch")
        batch = client.batches.create(input_file_id=file.id, endpoint=row["url"], completion_window="24h")

        def told():
            return client.batches.retrieve(batch.id)

        with run_batches(site) as first:
            assert eventually(lambda: told().request_counts.completed >= 10, seconds=30)
            first.send_signal(signal.SIGKILL)
            first.wait(5)
        counted, answered = told().request_counts.completed, len(gemini.calls_of(model))
        assert told().status == "in_progress" and counted <= answered <= counted + AT_ONCE
        with run_batches(site), run_batches(site):
            assert eventually(lambda: told().status == "completed", seconds=60), told()
        found = client.files.content(told().output_file_id).text.splitlines()
    assert [json.loads(line)["custom_id"] for line in found] == [f"line-{n}" for n in range(COUNT)]
    assert COUNT <= len(gemini.calls_of(model)) <= COUNT + AT_ONCE


def test_it_ends_as_an_operator_ends_it(site):
    with run_batches(site) as running:
        running.send_signal(signal.SIGTERM)
        assert running.wait(10) == 0

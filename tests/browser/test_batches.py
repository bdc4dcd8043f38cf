"""A batch in a real browser: it moves while one looks, is stopped after a question, and its answers are downloaded."""

import json

import openai
import pytest

from tests.browser.seeing import becomes
from tests.live.gateway import manage

LINES = 400


@pytest.fixture
def begin(site):
    """begin(count, model): the id of a batch of ada's that is on its way."""
    token = manage(site.directory, "issue_token", "ada").strip()
    with openai.OpenAI(base_url=f"{site.url}/v1", api_key=token, max_retries=0) as client:

        def begin(count, model):
            body = {"model": model, "messages": [{"role": "user", "content": "Hi"}]}
            row = {"method": "POST", "url": "/v1/chat/completions", "body": body}
            rows = (json.dumps({"custom_id": str(n), **row}).encode() + b"\n" for n in range(count))
            file = client.files.create(file=("requests.jsonl", b"".join(rows)), purpose="batch")
            made = client.batches.create(input_file_id=file.id, endpoint=row["url"], completion_window="24h")
            return made.id

        yield begin


def test_a_batch_moves_while_one_looks_and_is_stopped_after_a_question(open_as, begin):
    page = open_as("ada")
    page.goto("/accounts/batches/")
    assert "No batch yet" in page.inner_text("main")
    batch = begin(LINES, "gemini-3.8-flash--slow-700")
    page.goto("/accounts/batches/")
    row = page.locator("#batches tbody tr", has_text=batch)
    moved = "seen => document.querySelector('#batches progress')?.value > seen"
    assert becomes(page, moved, 0)
    assert becomes(page, moved, page.evaluate("document.querySelector('#batches progress').value"))
    assert row.locator(".tag").inner_text() == "running"
    row.get_by_role("link", name="Cancel").click()
    page.get_by_role("link", name="Let it run").click()
    assert row.locator(".tag").inner_text() == "running"
    row.get_by_role("link", name="Cancel").click()
    assert f"of {LINES} requests are answered" in page.inner_text("main")
    page.get_by_role("button", name="Cancel the batch").click()
    page.locator("#batches .tag", has_text="cancelled").wait_for()
    row.get_by_role("link", name="Answers").wait_for()
    with page.expect_download() as download:
        row.get_by_role("link", name="Answers").click()
    assert download.value.suggested_filename == f"{batch}_output.jsonl"
    answered = download.value.path().read_bytes().splitlines()
    assert 0 < len(answered) < LINES and json.loads(answered[0])["response"]["status_code"] == 200
    assert "data-going" not in page.locator("#batches").evaluate("table => table.outerHTML")
    # Chromium counts a page that turns out to be a download as aborted.
    assert [text for text in page.complaints if not text.endswith("/output/ failed")] == []


def test_a_table_that_somebody_is_in_by_the_keyboard_stays_as_it_is(open_as, begin):
    batch = begin(100, "gemini-3.8-flash--slow-700")
    page = open_as("ada")
    page.goto("/accounts/batches/")
    page.locator("#batches tbody tr", has_text=batch).get_by_role("link", name="Cancel").focus()
    seen = page.inner_text("#batches")
    page.wait_for_timeout(4_000)
    assert page.evaluate("document.activeElement.textContent") == "Cancel" and page.inner_text("#batches") == seen
    page.evaluate("document.activeElement.blur()")
    assert becomes(page, "seen => document.getElementById('batches').innerText !== seen", seen)

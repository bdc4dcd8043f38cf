"""Connect and the playground in a real browser before a real server with the simulator behind it."""

import os
import re
import shutil
import subprocess
import sys

import pytest

from tests.live.gateway import eventually, manage

IMAGE = "<img src=x onerror=\"document.title='stolen'\">"


def complaints(page):
    """What the browser says, but for streams: Chromium may count one as aborted that was read to its end."""
    return [text for text in page.complaints if not text.endswith("/v1/chat/completions failed")]


def passed(page):
    return [line.split("\n")[0] for line in page.locator("#checks .passed").all_inner_texts()]


def say(page, text):
    """Send a message, and wait for the end of its answer."""
    before = page.locator(".turn .counts").count()
    page.fill("#prompt", text)
    page.press("#prompt", "Enter")
    page.locator(".turn .counts").nth(before).wait_for()
    return page.locator(".turn.assistant").last


# --- Connect ------------------------------------------------------------------------------------------------


def test_the_self_test_passes_on_a_token_of_its_own(open_as):
    page = open_as("ada")
    page.goto("/connect/")
    page.click("#run")
    page.locator("#outcome.notice").wait_for()
    assert page.inner_text("#outcome") == "All passed: your program will work."
    assert len(passed(page)) == 7
    times = page.locator("#checks .state").all_inner_texts()
    assert all(re.fullmatch(r"passed · [\d.]+ m?s", text) for text in times), times
    assert page.locator("#model option").count() > 3, "the models that were listed are offered"
    assert complaints(page) == []


def test_the_self_test_shows_the_exact_error_of_a_wrong_token(open_as):
    page = open_as("ada")
    page.goto("/connect/")
    page.fill("#token", "tumbler-wrong")
    page.click("#run")
    page.locator("#outcome.notice.bad").wait_for()
    assert page.locator("#checks .failed").count() == 7
    told = page.locator("#checks .failed").first.inner_text()
    assert "Incorrect API key provided" in told and "invalid_api_key" in told


def test_a_token_is_filled_into_every_snippet_and_leaves_with_the_field(open_as):
    page = open_as("ada")
    page.goto("/connect/")
    page.fill("#token", "tumbler-fake_0123")
    texts = page.locator(".snippet code[data-token]").all_inner_texts()
    assert sum("tumbler-fake_0123" in text for text in texts) == len(texts) - 2, "all but llm's and Codex's, set apart"
    assert 'api_key="tumbler-fake_0123"' in page.inner_text("#text-openai-python")
    page.fill("#token", "")
    assert 'api_key=os.environ["TUMBLER_TOKEN"]' in page.inner_text("#text-openai-python")
    assert complaints(page) == []


@pytest.mark.parametrize(
    ("slug", "command", "made"),
    [
        ("curl", ["bash"], None),
        ("openai-python", [sys.executable, "-"], None),
        ("openai-responses", [sys.executable, "-"], None),
        ("anthropic-python", [sys.executable, "-"], None),
        ("openai-images", [sys.executable, "-"], ("otter.png", b"\x89PNG")),
        ("openai-speech", [sys.executable, "-"], ("hello.wav", b"RIFF")),
    ],
)
def test_a_snippet_works_as_it_stands(open_as, site, tmp_path, slug, command, made):
    if slug == "curl" and shutil.which("curl") is None:
        pytest.skip("curl is missing")
    page = open_as("ada")
    page.goto("/connect/")
    environment = {**os.environ, "TUMBLER_TOKEN": site.gateway.token, "NO_PROXY": "*"}
    text = page.inner_text(f"#text-{slug}")
    done = subprocess.run(
        command, input=text, capture_output=True, text=True, env=environment, cwd=tmp_path, timeout=60
    )
    assert done.returncode == 0, done.stderr
    if made is None:
        assert "You said: Hello" in done.stdout
    else:
        name, beginning = made
        assert (tmp_path / name).read_bytes().startswith(beginning)


# --- The playground -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", ["phone", "desk"])
def test_a_chat_streams_and_remembers_what_was_said(open_as, size):
    page = open_as("ada", size)
    page.goto("/playground/")
    first = say(page, "My name is Ada.")
    assert "Ada" in first.inner_text()
    assert re.search(r"Tokens \d+ \+ \d+.* = \d+ · first word after [\d.]+ m?s", first.inner_text())
    say(page, "And again.")
    page.evaluate("document.getElementById('settings').open = true")
    page.click("#code-fold summary")
    code = page.inner_text("#code")
    assert "My name is Ada." in code and '"role": "assistant"' in code and "$TUMBLER_TOKEN" in code
    for language in ("python", "javascript"):
        page.select_option("#language", language)
        assert "My name is Ada." in page.inner_text("#code")
    assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]
    assert complaints(page) == []


def test_the_python_of_a_request_is_python(open_as):
    page = open_as("ada")
    page.goto("/playground/")
    page.fill("#system", 'Say "yes".')
    page.fill("#temperature", "0.5")
    page.check("#json")
    page.click("#code-fold summary")
    page.select_option("#language", "python")
    code = page.inner_text("#code")
    compile(code, "snippet", "exec")
    assert "temperature=0.5" in code and "stream=True" in code and 'Say \\"yes\\".' in code


def test_stop_ends_the_answer_and_the_request(open_as, site):
    page = open_as("ada")
    page.goto("/playground/")
    choose(page, "gemini-2.5-flash--drip-40")
    page.fill("#prompt", "A long story, please. " * 30)
    page.click("#send")
    page.locator(".turn.assistant .said", has_text="You said").wait_for()
    page.click("#stop")
    page.locator(".turn .counts", has_text="stopped").wait_for()
    assert page.is_visible("#send") and not page.is_visible("#stop")
    query = "select status from accounts_usagerecord where status = 499"
    assert eventually(lambda: site.gateway.rows(query)), "the upstream call was stopped too"
    assert complaints(page) == []


def choose(page, model):
    """Choose a model that no list has: the simulator takes a fault behind its name."""
    page.locator("#model option").nth(2).wait_for(state="attached")
    page.evaluate("name => document.getElementById('model').append(new Option(name))", model)
    page.select_option("#model", model)


def test_what_a_model_writes_is_inert(open_as):
    page = open_as("ada")
    page.goto("/playground/")
    answer = say(
        page, f"{IMAGE} [a](javascript:document.title='stolen') ![p](https://elsewhere.example/p.png) **bold**"
    )
    assert answer.locator("strong").inner_text() == "bold"
    assert "<img src=x onerror" in answer.inner_text()
    assert answer.locator("img, script, [onerror], [style]").count() == 0
    assert answer.locator("a[href^='javascript']").count() == 0
    assert page.title().startswith("Playground")
    assert complaints(page) == []


def test_a_picture_is_shown_sent_and_can_be_taken_back(open_as):
    page = open_as("ada")
    page.goto("/playground/")
    picture = {"name": "dot.png", "mimeType": "image/png", "buffer": PNG}
    page.set_input_files("#file", [picture, picture])
    page.locator("#attached img").nth(1).wait_for()
    page.locator("#attached button").first.click()
    assert page.locator("#attached img").count() == 1
    say(page, "What is this?")
    assert page.locator(".turn.user img").count() == 1 and page.locator("#attached img").count() == 0
    page.click("#code-fold summary")
    assert "data:image/png;base64,…" in page.inner_text("#code")
    assert complaints(page) == []


def test_reasoning_is_folded(open_as):
    page = open_as("ada")
    page.goto("/playground/")
    page.select_option("#effort", "high")
    answer = say(page, "Think hard.")
    fold = answer.locator("details")
    assert fold.count() == 1 and not fold.evaluate("fold => fold.open")
    assert complaints(page) == []


def test_an_error_is_told_in_its_own_words_and_the_message_comes_back(open_as):
    page = open_as("ada")
    page.goto("/playground/")
    choose(page, "gemini-2.5-flash--promptblocked")
    answer = say(page, "Something forbidden")
    assert "blocked by Gemini's safety filter" in answer.inner_text() and "content_filter" in answer.inner_text()
    assert page.input_value("#prompt") == "Something forbidden"
    answer.locator("a", has_text="Explain").first.click()
    page.locator("h1", has_text="What became of a request").wait_for()


def test_nothing_of_a_chat_is_kept(open_as, site):
    secret = "a sentence that nobody else writes"
    page = open_as("ada")
    page.goto("/playground/")
    say(page, secret)
    manage(site.directory, "export_usage")
    for path in site.directory.rglob("*"):
        if path.is_file():
            assert secret.encode() not in path.read_bytes(), path
    page.reload()
    assert secret not in page.content()


PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360f8cf50000000"
    "0301010018dd8db00000000049454e44ae426082"
)

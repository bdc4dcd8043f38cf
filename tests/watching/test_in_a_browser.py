"""An operator at the live page in a real browser, before a real server with the built-in simulator."""

import re
import shutil
import sqlite3
import threading
from contextlib import closing

import pytest

from tests.live.gateway import Gateway, manage

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
ARGUMENTS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
HOSTILE = "<img src=x onerror=alert(1)>"

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed (apt-get install chromium)")


@pytest.fixture(scope="module")
def simulated(template, tmp_path_factory):
    """daphne with the simulator: nobody has named an upstream."""
    gateway = Gateway(template, tmp_path_factory.mktemp("simulated") / "var", "daphne", "", [])
    gateway.people = template.people
    yield gateway
    gateway.stop()


@pytest.fixture
def page(simulated):
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        context = browser.new_context(base_url=simulated.url, viewport={"width": 1280, "height": 900})
        context.add_cookies([{"name": "sessionid", "value": simulated.people["boss"], "url": simulated.url}])
        page = context.new_page()
        page.set_default_timeout(15_000)
        page.complaints = []
        page.on("console", lambda message: page.complaints.append(message.text))
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        yield page
        browser.close()


class Streaming(threading.Thread):
    """A client that reads a stream of many slow chunks; `lines` are what it was sent."""

    def __init__(self, site):
        super().__init__()
        self.site = site
        self.lines = []

    def run(self):
        text = "Say this again: " + "word " * 400
        body = {"model": "gemini-3.8-flash--drip-400", "stream": True, "messages": [{"role": "user", "content": text}]}
        with self.site.http.stream("POST", "/v1/chat/completions", json=body) as answer:
            self.lines.extend(answer.iter_lines())


def test_an_operator_watches_a_stream_disables_its_user_and_sees_it_end(simulated, page):
    page.goto("/admin/")
    page.click("text=Live traffic")
    page.wait_for_selector("#state[data-state=live]")
    assert page.is_visible("#running-none")
    client = Streaming(simulated)
    client.start()
    row = page.locator("#running tr", has_text="gemini-3.8-flash--drip-400")
    row.wait_for()
    assert page.inner_text("#running-count") == "1"
    page.wait_for_function("parseInt(document.querySelector('#tokens').textContent) >= 0")

    # Another page for the user, while the live one stays open.
    with page.context.expect_page() as opened:
        row.locator("a", has_text="ada").click(modifiers=["Control"])
    user = opened.value
    user.set_default_timeout(15_000)
    user.uncheck("input[name=is_active]")
    user.click("button[name=_save]")
    user.wait_for_url(re.compile("/admin/accounts/user/$"))
    user.close()

    ended = page.locator("#ended tr", has_text="gemini-3.8-flash--drip-400")
    ended.wait_for(timeout=15_000)
    assert "invalid_api_key" in ended.inner_text()
    row.wait_for(state="detached")
    with page.context.expect_page() as opened:
        ended.locator("a").first.click(modifiers=["Control"])
    opened.value.wait_for_selector("h1:has-text('What became of a request')")
    assert "invalid_api_key" in opened.value.inner_text("main")
    client.join(10)
    assert not client.is_alive()
    assert any("revoked while this answer was on its way" in line for line in client.lines)
    assert "data: [DONE]" not in client.lines
    assert simulated.post("/v1/chat/completions", {"model": "gpt-4o", "messages": []}).status_code == 401
    assert page.complaints == []


def test_the_page_holds_still_and_goes_on_and_a_name_is_text_whatever_it_says(simulated, page):
    token = manage(simulated.directory, "issue_token", "bob").strip()
    with closing(sqlite3.connect(simulated.directory / "tumbler.sqlite3", timeout=10)) as database, database:
        database.execute("update accounts_user set username = ? where username = 'bob'", (HOSTILE,))
    headers = {"Authorization": f"Bearer {token}"}

    def ask(model):
        body = {"model": model, "messages": [{"role": "user", "content": "Hi"}]}
        return simulated.post("/v1/chat/completions", body, headers=headers).status_code

    page.goto("/admin/live/")
    page.wait_for_selector("#state[data-state=live]")
    page.click("#hold")
    assert page.inner_text("#hold") == "Go on"
    before = page.locator("#ended tr").count()
    assert ask("gpt-4o") == 200
    page.wait_for_timeout(700)
    assert page.locator("#ended tr").count() == before
    page.click("#hold")
    page.wait_for_function(f"document.querySelectorAll('#ended tr').length === {before + 1}")
    ask("gemini-3.8-flash--internal")
    page.locator("#ended tr[data-status='5']").wait_for()
    assert page.locator("#ended a", has_text=HOSTILE).count() == 2
    assert page.locator("#live img").count() == 0
    assert page.complaints == []

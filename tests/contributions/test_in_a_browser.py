"""A stranger in a real browser before a real server; afterwards nothing that was kept holds key, code or address."""

import re
import shutil
import sqlite3
import uuid
from contextlib import closing

import pytest

from tests.live.gateway import Gateway, eventually, manage
from tests.scripted_gemini import ScriptedGemini

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
ADDRESS = "203.0.113.77"
CHAT = {"model": "gemini-3.8-flash", "messages": [{"role": "user", "content": "Hi"}]}

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed (apt-get install chromium)")


@pytest.fixture(scope="module")
def gemini():
    server = ScriptedGemini()
    yield server
    server.close()


@pytest.fixture(params=["daphne", "uvicorn"])
def site(request, template, gemini, tmp_path):
    gemini.forget()
    gateway = Gateway(
        template,
        tmp_path / "var",
        request.param,
        gemini.url,
        [],
        TUMBLER_CHECK_SECONDS="0.3",
        TUMBLER_TRUSTED_PROXIES="1",
        TUMBLER_RECIPROCITY="1",
        TUMBLER_LOG_LEVEL="DEBUG",
        DJANGO_LOG_LEVEL="DEBUG",
    )
    yield gateway
    if gateway.process.poll() is None:
        gateway.stop()


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    arguments = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield browser
        browser.close()


@pytest.fixture
def page(browser, site):
    """A page without JavaScript, as wide as a phone or a desk; whatever the browser complains of is in `complaints`."""
    context = browser.new_context(
        base_url=site.url,
        viewport={"width": {"daphne": 390, "uvicorn": 1280}[site.server], "height": 800},
        java_script_enabled=False,
        extra_http_headers={"X-Forwarded-For": ADDRESS},
    )
    page = context.new_page()
    page.set_default_timeout(10_000)
    page.complaints = []
    page.on("console", lambda message: page.complaints.append(message.text))
    page.on("requestfailed", lambda request: page.complaints.append(request.url))
    yield page
    context.close()


def fits(page):
    """True when nothing is wider than the window."""
    with_script = page.context.new_cdp_session(page)
    size = with_script.send("Page.getLayoutMetrics")["cssContentSize"]
    return size["width"] <= page.viewport_size["width"]


def open_receipt(page, code):
    page.goto("/contribute/receipt/")
    page.fill("#code", code)
    page.click("button[type=submit]")


def press(page, what, then):
    """Press a button or link, and wait until the page says so."""
    page.click(f"main :is(a, button):text('{what}')")
    page.wait_for_selector(f"main :text('{then}')")


def state_told(page, code):
    open_receipt(page, code)
    return page.inner_text(".tag")


def leftovers(site):
    """Everything that the site keeps outside its own secrets: files byte by byte, the database as a dump, the log."""
    found = {}
    for path in site.directory.rglob("*"):
        if path.is_file():
            found[path.name] = path.read_bytes()
    with closing(sqlite3.connect(site.directory / "tumbler.sqlite3")) as database:
        found["dump"] = "\n".join(database.iterdump()).encode()
    return found


def traces(site, *secrets):
    """(file, secret) for each place that holds one."""
    return [(name, text) for name, data in leftovers(site).items() for text in secrets if text.encode() in data]


def test_a_stranger_lends_watches_pauses_and_withdraws_a_key(site, page, gemini):
    key = f"fake-browser-key-{uuid.uuid4().hex}"
    page.goto("/")
    assert "no key in the pool yet" in page.inner_text("main")
    assert fits(page)
    press(page, "Lend a key", "Lend a Gemini key")
    page.fill("textarea[name=keys]", "not a key")
    page.check("input[name=consent]")
    page.click("button[type=submit]")
    page.wait_for_selector("main :text('not the text of a Gemini API key')")
    assert fits(page)
    page.complaints.clear()  # Chromium notes the 400.
    page.fill("textarea[name=keys]", key)
    page.select_option("select[name=keep_share]", "30")
    page.click("button[type=submit]")
    code = page.inner_text("#code")
    assert re.fullmatch(r"tumbler-receipt(-[0-9A-Z]{4}){9}", code)
    assert fits(page)

    assert eventually(lambda: state_told(page, code) == "On trial", every=0.2), page.inner_text("main")
    assert site.post("/v1/chat/completions", CHAT).status_code == 200
    assert gemini.calls[-1].key == key

    assert code not in page.url
    assert eventually(lambda: (open_receipt(page, code), "1 request answered" in page.inner_text("main"))[1], every=0.3)
    press(page, "Give me the token", "Your token for this server")
    token = page.inner_text("#token")
    assert token.startswith("tumbler-")
    press(page, "Pause", "Paused.")
    assert site.post("/v1/chat/completions", CHAT).status_code in (429, 503), "a paused key serves nobody"
    press(page, "Resume", "It is in use again")
    assert site.post("/v1/chat/completions", CHAT).status_code == 200
    page.click("summary:has-text('Change limits')")
    page.fill("input[name=models]", "gemini-4-*")
    press(page, "Set these limits", "Your limits are set")
    assert site.post("/v1/chat/completions", CHAT).status_code in (429, 503), "the model is not lent"
    assert fits(page)

    sealed = site.rows("select ciphertext, fingerprint from accounts_contributedkey")[0]
    assert key[-4:] == site.rows("select last_four from accounts_contributedkey")[0]["last_four"]
    press(page, "Withdraw…", "This cannot be undone")
    assert fits(page)
    press(page, "Erase the key", "Withdrawn. The key is erased.")
    assert site.rows("select * from accounts_contributedkey") == []
    asked = len(gemini.calls)
    assert site.post("/v1/chat/completions", CHAT).status_code == 503
    assert len(gemini.calls) == asked
    assert page.complaints == []
    page.goto("/status/")
    assert fits(page)

    site.stop()
    with closing(sqlite3.connect(site.directory / "tumbler.sqlite3")) as database:
        database.execute("pragma wal_checkpoint(truncate)")
    plain = code.removeprefix("tumbler-receipt-").replace("-", "")
    secrets = (key, code, plain, token, ADDRESS, sealed["ciphertext"], sealed["fingerprint"])
    assert traces(site, *secrets) == []


def test_a_call_that_is_under_way_ends_normally_when_its_key_is_withdrawn(site, gemini):
    from tests.gemini_replies import events, reply

    key = f"fake-browser-key-{uuid.uuid4().hex}"
    offered = site.http.post("/v1/contributions", json={"key": key, "consent": True}).json()
    assert eventually(lambda: site.rows("select 1 from accounts_contributedkey where state = 'active'"))
    gemini.will_stream(events(reply("Hel", finish=None), reply("lo")), slice=20, delay=0.1, key=key)
    with site.http.stream("POST", "/v1/chat/completions", json={**CHAT, "stream": True}) as answer:
        lines = answer.iter_lines()
        next(lines)
        withdraw_over_http(site, offered["receipt"])
        assert site.rows("select * from accounts_contributedkey") == []
        rest = list(lines)
    assert "data: [DONE]" in rest
    assert not any('"error"' in line for line in rest)
    assert eventually(lambda: site.rows("select * from accounts_usagerecord where status = 200"))
    assert manage(site.directory, "check_keys") == ""


def withdraw_over_http(site, code):
    import httpx

    with httpx.Client(base_url=site.url, trust_env=False, headers={"accept": "text/html"}) as client:
        form = client.get("/contribute/receipt/").text
        token = re.search(r'csrfmiddlewaretoken" value="(\w+)', form)[1]
        sent = {"csrfmiddlewaretoken": token, "code": code, "number": "1", "act": "withdraw-for-good"}
        assert "The key is erased" in client.post("/contribute/receipt/", data=sent).text

"""A stranger in a real browser: signs up, proves the address, makes a token, uses it, and sees the usage appear."""

import re

import httpx
import pytest

from tests.live.gateway import Gateway, Template, eventually
from tests.pages.conftest import CHROMIUM, SIZES
from tests.scripted_gemini import ScriptedGemini

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed (apt-get install chromium)")
PASSWORD = "a long and quiet passphrase"


@pytest.fixture(scope="module")
def open_site(tmp_path_factory):
    directory = tmp_path_factory.mktemp("stranger")
    gemini = ScriptedGemini()
    gateway = Gateway(
        Template(directory / "template"),
        directory / "var",
        "daphne",
        gemini.url,
        ["fake-key-of-a-pool-1"],
        TUMBLER_SIGN_UP="open",
    )
    yield gateway
    gateway.stop()
    gemini.close()


def test_a_stranger_becomes_somebody_who_uses_it(open_site, browser):
    context = browser.new_context(base_url=open_site.url, viewport=SIZES["phone"], locale="en")
    page = context.new_page()
    page.set_default_timeout(10_000)
    complaints = []
    page.on("console", lambda message: complaints.append(message.text))

    page.goto("/accounts/login/")
    page.click("main a:text('Sign up')")
    page.fill("input[name=email]", "grace@example.org")
    page.fill("input[name=password1]", PASSWORD)
    page.click("main button:text('Sign up')")
    page.wait_for_selector("input[name=code]")
    code = eventually(lambda: re.findall(r"^([A-Z0-9]{3,4}-?[A-Z0-9]{3,4})$", open_site.log(), re.M))[-1]
    page.fill("input[name=code]", code)
    page.click("main button:text('Confirm')")
    page.wait_for_selector("h1:text('Dashboard')")

    page.click("main a:text('Make a token')")
    page.fill("input[name=name]", "<img src=x onerror=alert(1)>")
    page.click("main button:text('Make the token')")
    token = page.inner_text("#token")
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.click("button[data-copy]")
    page.wait_for_selector("button:text('Copied')")
    assert page.evaluate("navigator.clipboard.readText()") == token

    asked = {"model": "gemini-3.8-flash", "messages": [{"role": "user", "content": "Hi"}]}
    headers = {"Authorization": f"Bearer {token}"}
    answer = httpx.post(
        f"{open_site.url}/v1/chat/completions", json=asked, headers=headers, trust_env=False, timeout=20
    )
    assert answer.status_code == 200, answer.text

    page.click("button[popovertarget=menu]")
    page.click("#menu a:text('Dashboard')")
    page.wait_for_selector("main code:text('gemini-3.8-flash')")
    page.wait_for_selector("figure canvas")

    page.goto("/accounts/tokens/")
    page.click("main a:text('Revoke')")
    page.click("main button:text('Revoke the token')")
    page.wait_for_selector("[role=status]:has-text('is revoked')")
    again = httpx.post(f"{open_site.url}/v1/chat/completions", json=asked, headers=headers, trust_env=False, timeout=20)
    assert again.status_code == 401
    page.click("text=Sign out")
    page.wait_for_selector("nav a:text('Sign in')")
    assert complaints == []
    context.close()

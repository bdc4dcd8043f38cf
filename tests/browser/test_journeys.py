"""Two people on their way through the whole site: a stranger who becomes a user and a contributor, and the operator."""

import re
import threading

import httpx

from tests.browser.seeing import becomes
from tests.live.gateway import Gateway, eventually, manage

ADDRESS = "grace@example.org"
PASSWORD = "a long and quiet passphrase"
CHART = "document.querySelector('figure canvas').toDataURL()"
HOSTILE = "<img src=x onerror=alert(1)>"


def test_a_stranger_signs_up_uses_a_token_and_lends_a_key_for_a_while(open_as, site):
    page = open_as("", "phone")
    sign_up(page, site.gateway)
    token = make_a_token(page, HOSTILE)
    pass_the_self_test(page, token)
    chat(page)
    see_the_usage(page, site.gateway)
    lend_and_withdraw_a_key(page, site.gateway)
    revoke_the_token(page, site.url, token)
    page.click("text=Sign out")
    page.wait_for_selector("nav a:text('Sign in')")
    assert noise(page) == []


def test_an_operator_imports_keys_watches_traffic_and_sees_a_disabled_users_stream_end(open_as, site):
    page = open_as("root")
    import_keys(page, site.gateway, 500)
    page.goto("/admin/")
    page.click("text=Live traffic")
    page.wait_for_selector("#state[data-state=live]")
    client = Streaming(site.gateway, token=manage(site.directory, "issue_token", "bob").strip())
    client.start()
    running = page.locator("#running tr", has_text=client.model)
    running.wait_for()
    assert page.inner_text("#running-count") == "1"
    assert becomes(page, "parseInt(document.querySelector('#tokens').textContent) >= 0")

    disable_the_user_of(page, running)
    ended = page.locator("#ended tr", has_text=client.model)
    ended.wait_for()
    assert "invalid_api_key" in ended.inner_text()
    running.wait_for(state="detached")
    client.join(10)
    assert not client.is_alive()
    assert any("revoked while this answer was on its way" in line for line in client.lines)
    assert "data: [DONE]" not in client.lines
    assert site.gateway.post("/v1/chat/completions", client.body, headers=client.headers).status_code == 401

    ended.locator("a").first.click()
    page.wait_for_selector("h1:has-text('What became of a request')")
    assert "invalid_api_key" in page.inner_text("main")
    assert noise(page) == []


def noise(page):
    """What the browser complains of, but for a stream that it may count as aborted at its end."""
    return [text for text in page.complaints if not text.endswith("/v1/chat/completions failed")]


# --- The stranger's steps -----------------------------------------------------------------------------------


def sign_up(page, gateway):
    page.goto("/accounts/login/")
    page.click("main a:text('Sign up')")
    page.fill("input[name=email]", ADDRESS)
    page.fill("input[name=password1]", PASSWORD)
    page.click("main button:text('Sign up')")
    page.wait_for_selector("input[name=code]")
    codes = eventually(lambda: re.findall(r"^([A-Z0-9]{3,4}-?[A-Z0-9]{3,4})$", gateway.log(), re.M))
    page.fill("input[name=code]", codes[-1])
    page.click("main button:text('Confirm')")
    page.wait_for_selector("h1:text('Dashboard')")


def make_a_token(page, name):
    page.click("main a:text('Make a token')")
    page.fill("input[name=name]", name)
    page.click("main button:text('Make the token')")
    token = page.inner_text("#token")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.click("button[data-copy]")
    page.wait_for_selector("button:text('Copied')")
    assert page.evaluate("navigator.clipboard.readText()") == token
    return token


def pass_the_self_test(page, token):
    """The token comes along from the page that made it, and is nowhere else."""
    page.click("main a:text('Test it and connect programs')")
    page.wait_for_url("**/connect/", wait_until="load")
    assert page.input_value("#token") == token
    assert page.evaluate("sessionStorage.length") == 0 and token not in page.url
    page.click("#run")
    page.wait_for_selector("#outcome.notice.good")
    assert page.locator("#checks .passed").count() == 7


def chat(page):
    open_place(page, "Playground")
    page.fill("#prompt", "My name is Grace.")
    page.press("#prompt", "Enter")
    page.wait_for_selector(".turn.assistant .counts")
    assert "Grace" in page.locator(".turn.assistant").inner_text()


def see_the_usage(page, gateway):
    """Seven requests of the self-test on the token, and the chat on one of its own."""
    used = """select t.name from accounts_usagerecord r join accounts_issuedtoken t on t.id = r.token_id
        join accounts_user u on u.id = r.user_id where u.email = ?"""
    wanted = [HOSTILE] * 7 + ["browser"]
    assert eventually(lambda: sorted(row["name"] for row in gateway.rows(used, ADDRESS)) == wanted)
    open_place(page, "Dashboard")
    page.wait_for_selector("main code:text('gpt-4o-mini')")
    page.wait_for_selector("figure canvas")
    drawn = page.evaluate(CHART)
    page.select_option("#theme", "dark")
    assert becomes(page, f"drawn => {CHART} !== drawn", drawn)
    assert page.locator("table.requests tbody tr").count() == 8


def lend_and_withdraw_a_key(page, gateway):
    open_place(page, "Contribute")
    page.fill("textarea[name=keys]", "sim-paid-grace-1")
    page.check("input[name=consent]")
    page.click("main button:text('Lend the key')")
    code = page.inner_text("#code")
    lent = "select state from accounts_contributedkey where last_four = 'ce-1'"
    assert eventually(lambda: [row for row in gateway.rows(lent) if row["state"] == "active"])
    page.click("main button:text('Open the receipt')")
    assert page.inner_text("main .tag") in {"On trial", "In use"}
    page.click("main button:text('Withdraw…')")
    page.click("main button:text('Erase the key')")
    page.wait_for_selector("text=Withdrawn. The key is erased.")
    assert gateway.rows(lent) == []
    assert code not in page.url


def revoke_the_token(page, url, token):
    open_place(page, "Tokens")
    assert page.locator("main img").count() == 0 and HOSTILE in page.inner_text("main table")
    page.click("main a:text('Revoke')")
    page.click("main button:text('Revoke the token')")
    page.wait_for_selector("[role=status]:has-text('is revoked')")
    headers = {"Authorization": f"Bearer {token}"}
    assert httpx.get(f"{url}/v1/models", headers=headers, trust_env=False).status_code == 401


def open_place(page, title):
    """By the menu, as on a phone."""
    page.click("button[popovertarget=menu]")
    page.click(f"#menu a:text-is('{title}')")
    page.wait_for_selector(f"#menu a[aria-current]:text-is('{title}')", state="attached")
    page.wait_for_load_state("load")  # its script listens from then on


# --- The operator's steps -----------------------------------------------------------------------------------


def import_keys(page, gateway, count):
    """Paste them, and wait until each was read and asked about."""
    page.goto("/admin/accounts/contributedkey/import/")
    page.fill("textarea[name=keys]", "\n".join(f"sim-paid-p{number}-key" for number in range(count)))
    page.fill("input[name=label]", "pasted")
    page.click("main button:text('Import')")
    page.wait_for_selector(f"text={count} of {count} lines read: done.")
    assert f"{count} added" in page.inner_text("main")
    assert "sim-paid" not in page.content()
    checked = "select count(*) n from accounts_contributedkey where label = 'pasted' and state = 'active'"
    assert eventually(lambda: gateway.rows(checked)[0]["n"] == count, seconds=20)


class Streaming(threading.Thread):
    """A client that reads a stream of many slow chunks; `lines` are what it was sent."""

    model = "gemini-3.8-flash--drip-400"

    def __init__(self, gateway: Gateway, token):
        super().__init__()
        self.gateway = gateway
        self.headers = {"Authorization": f"Bearer {token}"}
        self.lines = []
        text = "Say this again: " + "word " * 400
        self.body = {"model": self.model, "stream": True, "messages": [{"role": "user", "content": text}]}

    def run(self):
        asking = {"json": self.body, "headers": self.headers}
        with self.gateway.http.stream("POST", "/v1/chat/completions", **asking) as answer:
            self.lines.extend(answer.iter_lines())


def disable_the_user_of(page, row):
    """In another tab, while the live page stays open."""
    with page.context.expect_page() as opened:
        row.locator("a", has_text="bob").click(modifiers=["Control"])
    user = opened.value
    user.set_default_timeout(10_000)
    user.uncheck("input[name=is_active]")
    user.click("button[name=_save]")
    user.wait_for_url(re.compile("/admin/accounts/user/$"))
    user.close()

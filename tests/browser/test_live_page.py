"""The live page in a real browser: it holds still and goes on, and what people are called is text."""

import sqlite3
from contextlib import closing

from tests.live.gateway import manage

HOSTILE = "<img src=x onerror=alert(1)>"


def test_the_page_holds_still_and_goes_on_and_a_name_is_text_whatever_it_says(open_as, site):
    token = manage(site.directory, "issue_token", "carol").strip()
    with closing(sqlite3.connect(site.directory / "tumbler.sqlite3", timeout=10)) as database, database:
        database.execute("update accounts_user set username = ? where username = 'carol'", (HOSTILE,))
    headers = {"Authorization": f"Bearer {token}"}

    def ask(model):
        body = {"model": model, "messages": [{"role": "user", "content": "Hi"}]}
        return site.gateway.post("/v1/chat/completions", body, headers=headers).status_code

    page = open_as("root")
    page.goto("/admin/live/")
    page.wait_for_selector("#state[data-state=live]")
    page.click("#hold")
    assert page.inner_text("#hold") == "Go on"
    # Not the rows are counted: there are a hundred at most, and other tests may have filled them.
    carols = page.locator("#ended a", has_text=HOSTILE)
    assert ask("gpt-4o") == 200
    page.wait_for_timeout(700)
    assert carols.count() == 0
    page.click("#hold")
    carols.wait_for()
    ask("gemini-3.8-flash--internal")
    page.locator("#ended tr[data-status='5']").wait_for()
    assert carols.count() == 2
    assert page.locator("#live img").count() == 0
    assert page.complaints == []

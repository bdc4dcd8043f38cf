"""The live page's socket before real servers: who may watch, what is told, and what becomes of slow and cut-off ones."""

import json
import sqlite3
import threading
import time
import uuid
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta

import pytest
from websockets.exceptions import InvalidStatus

from tests.gemini_replies import events, reply
from tests.watching.conftest import KEY
from tests.watching.watching import sign_out, watching

PROMPT = "what-nobody-else-shall-read"
CHAT = {"model": "gemini-3.8-flash", "messages": [{"role": "user", "content": PROMPT}]}


def asking(site, **members):
    """A thread that asks once."""
    thread = threading.Thread(target=site.post, args=("/v1/chat/completions", {**CHAT, **members}))
    thread.start()
    return thread


def write(site, query, *values):
    with closing(sqlite3.connect(site.directory / "tumbler.sqlite3", timeout=10)) as database, database:
        database.execute(query, values)


# --- What is told -------------------------------------------------------------------------------------------


def test_a_request_is_seen_while_it_runs_and_when_it_has_ended(site, gemini):
    gemini.will_stream(events(reply("Hel", finish=None), reply("lo")), slice=20, delay=0.1)
    with watching(site.url, site.people["boss"]) as socket:
        asked = asking(site, stream=True)
        [request] = socket.until(lambda frame: any(row["served"] for row in frame["running"]))["running"]
        assert (request["user"], request["asked"], request["endpoint"], request["stream"], request["attempts"]) == (
            *("ada", "gemini-3.8-flash", "chat.completions", True),
            1,
        )
        frame = socket.until(lambda frame: frame["ended"])
        [ended] = frame["ended"]
        assert (ended["id"], ended["status"], ended["tokens"], ended["served"]) == (
            *(request["id"], 200, 12),
            "gemini-3.8-flash",
        )
        assert ended["total_ms"] >= ended["first_byte_ms"] > 0
        asked.join()
        frame = socket.until(lambda frame: frame["running"] == [])
        assert frame["requests_a_second"] > 0
        assert frame["processes"] == 1
        assert not frame["paused"]
    [record] = site.usage_rows("gemini-3.8-flash")[-1:]
    assert record["id"].replace("-", "") == request["id"]


def test_no_frame_holds_a_prompt_an_answer_a_key_or_its_name(site, gemini):
    gemini.will_answer(reply("what-nobody-else-shall-hear"))
    with watching(site.url, site.people["boss"]) as socket:
        asking(site).join()
        socket.until(lambda frame: frame["ended"])
        told = json.dumps(socket.frames)
    for secret in (PROMPT, "nobody-else", KEY, KEY[-4:], site.token.partition("_")[2]):
        assert secret not in told


def test_a_failure_and_a_rest_of_the_model_are_told(site, gemini):
    gemini.will_refuse(503, model="gemini-9-broken")
    with watching(site.url, site.people["boss"]) as socket:
        for _ in range(2):
            site.post("/v1/chat/completions", {**CHAT, "model": "gemini-9-broken"})
        frame = socket.until(lambda frame: frame["shut"])
        assert frame["shut"] == ["gemini-9-broken"]
        told = [event for frame in socket.frames for event in frame["events"]]
        assert [(event["kind"], event["model"]) for event in told] == [("shut", "gemini-9-broken")]
        assert {(row["status"], row["error"]) for row in socket.ended if row["asked"] == "gemini-9-broken"} == {
            (503, "upstream_unavailable")
        }


def test_a_change_of_a_key_is_told_to_the_minute_and_to_those_who_may_see_keys(site):
    key = uuid.UUID(site.rows("select id from accounts_contributedkey")[0]["id"])
    now = datetime.now(UTC)
    for at, reason in ((now - timedelta(minutes=2), "quota_minute"), (now, "just now")):
        write(
            site,
            "insert into accounts_keyevent (at, domain, model, was, became, reason) values (?, ?, '', 'ready', 'resting', ?)",
            at.replace(second=0, microsecond=0).isoformat(" "),
            f"key:{key}",
            reason,
        )
    with watching(site.url, site.people["boss"]) as boss, watching(site.url, site.people["clerk"]) as clerk:
        frame = boss.until(lambda frame: any(event["kind"] == "key" for event in frame["events"]))
        [event] = [event for event in frame["events"] if event["kind"] == "key"]
        assert (event["key"], event["became"], event["reason"]) == (f"key …{KEY[-4:]}", "resting", "quota_minute")
        assert event["at"] % 60_000 == 0
        for _ in range(5):
            clerk.read(0.5)
        assert "quota_minute" not in json.dumps(clerk.frames)
        assert "just now" not in json.dumps(boss.frames + clerk.frames)


# --- Who may ------------------------------------------------------------------------------------------------


def test_a_foreign_page_gets_no_socket(site):
    with (
        pytest.raises(InvalidStatus) as refused,
        watching(site.url, site.people["boss"], origin="https://evil.example"),
    ):
        pass
    assert refused.value.response.status_code == 403


@pytest.mark.parametrize(
    ("who", "code"), [("nobody", 4401), ("made-up", 4401), ("carol", 4403), ("idler", 4403), ("clerk", None)]
)
def test_only_staff_who_may_see_usage_watch(site, who, code):
    session = {"nobody": "", "made-up": "0" * 32}.get(who) if who not in site.people else site.people[who]
    with watching(site.url, session) as socket:
        if code is None:
            assert socket.until(lambda frame: "running" in frame)
        else:
            socket.until_closed()
            assert socket.frames == []
            assert socket.code == code


def test_a_logout_closes_the_socket_within_five_seconds(site):
    session = site.people["chief"]
    with watching(site.url, session) as socket:
        socket.until(lambda frame: True)
        sign_out(site.url, session)
        assert socket.until_closed() < 5
        assert socket.code == 4401


@pytest.mark.parametrize(("column", "code"), [("is_staff", 4403), ("is_active", 4401)])
def test_whoever_may_no_longer_watch_is_closed_out_within_five_seconds(site, column, code):
    with watching(site.url, site.people["clerk"]) as socket:
        socket.until(lambda frame: True)
        write(site, f"update accounts_user set {column} = 0 where username = 'clerk'")
        try:
            assert socket.until_closed() < 5
        finally:
            write(site, f"update accounts_user set {column} = 1 where username = 'clerk'")
        assert socket.code == code


def test_one_person_may_open_five_and_no_more(site):
    with ExitStack() as stack:
        for _ in range(5):
            stack.enter_context(watching(site.url, site.people["boss"])).until(lambda frame: True)
        sixth = stack.enter_context(watching(site.url, site.people["boss"]))
        sixth.until_closed()
        assert sixth.code == 4429


# --- What it says to the server, and how fast it is told ----------------------------------------------------------


def test_what_a_browser_says_beside_what_it_saw_is_ignored(site):
    with watching(site.url, site.people["boss"]) as socket:
        for message in ('{"subscribe": "user.2"}', "", "x" * 1000, "-5", "1e9", "999999999999", b"\xff\x00", "null"):
            socket.say(message)
        for _ in range(3):
            socket.until(lambda frame: True)
        assert socket.code is None


def test_a_message_of_two_megabytes_closes_it(site):
    with watching(site.url, site.people["boss"]) as socket:
        socket.say("x" * 2_000_000)
        socket.until_closed()
        assert socket.code == 1009


def test_it_is_pushed_five_times_a_second_at_most(site):
    stop = threading.Event()

    def ask_on():
        while not stop.is_set():
            site.post("/v1/chat/completions", CHAT)

    with watching(site.url, site.people["boss"]) as socket:
        threads = [threading.Thread(target=ask_on) for _ in range(3)]
        for thread in threads:
            thread.start()
        socket.until(lambda frame: frame["ended"])
        began, before = time.monotonic(), len(socket.frames)
        while time.monotonic() < began + 2:
            socket.read(0.1)
        pushed = len(socket.frames) - before
        stop.set()
        for thread in threads:
            thread.join()
    assert 3 <= pushed <= 11
    numbers = [request["number"] for request in socket.ended]
    assert numbers == sorted(set(numbers)), "each is told once, in order"


def test_a_browser_that_shows_nothing_gets_little_and_is_told_later_what_it_missed(site, gemini):
    with watching(site.url, site.people["boss"], silent=True) as socket:
        while socket.read(1.5) is not None:
            pass
        assert len(socket.frames) == 3
        last = max((row["number"] for row in socket.ended), default=0)
        for _ in range(4):
            assert site.post("/v1/chat/completions", CHAT).status_code == 200
        assert socket.read(1.0) is None
        socket.silent = False
        socket.say("3")
        socket.until(lambda frame: len(socket.ended) > 3 and socket.ended[-1]["number"] >= last + 4)
        assert [row["number"] for row in socket.ended if row["number"] > last] == list(range(last + 1, last + 5))


def test_whoever_comes_back_is_told_what_ended_meanwhile_and_nothing_twice(site, gemini):
    with watching(site.url, site.people["boss"]) as socket:
        asked = site.post("/v1/chat/completions", CHAT).headers["x-request-id"].removeprefix("req_")
        # The first frames tell what ended before, in other tests: not the end of this one.
        frame = socket.until(lambda frame: any(row["id"] == asked for row in socket.ended))
        while frame["ended"]:
            frame = socket.until(lambda frame: True)
        seen = {row["id"] for row in socket.ended}
        after = frame["after"]
    for _ in range(3):
        site.post("/v1/chat/completions", CHAT)
    with watching(site.url, site.people["boss"], after=after) as again:
        again.until(lambda frame: len(again.ended) >= 3)
        assert len(again.ended) == 3
        assert not seen & {row["id"] for row in again.ended}
    with watching(site.url, site.people["boss"]) as fresh:
        fresh.until(lambda frame: len(fresh.ended) >= 4)
        assert {row["id"] for row in fresh.ended} > {row["id"] for row in again.ended}


# --- The end --------------------------------------------------------------------------------------------------


def test_a_server_that_ends_says_so_and_waits_for_no_watcher(site):
    with watching(site.url, site.people["boss"]) as socket:
        socket.until(lambda frame: True)
        began = time.monotonic()
        site.stop()
        assert time.monotonic() - began < 5
        socket.until_closed()
        assert socket.code in {1001, 1012}
    assert "ERROR" not in site.log()
    assert "Traceback" not in site.log()
    assert "pending" not in site.log()

"""Faults by the name of the model: odd answers in this process, broken connections over TCP."""

import asyncio
import json
import re
import time
from itertools import groupby

import httpx
import pytest

from tests.simulator.asking import KEY, said, text_of

FLASH = "gemini-3.8-flash"
BODY = said("one two three four")
WHOLE = "You said: one two three four"
HALF = "You said: one "


def finishes(replies):
    return [one["finishReason"] for reply in replies for one in reply.get("candidates", ()) if "finishReason" in one]


@pytest.mark.parametrize(
    ("fault", "finish", "text"),
    [
        ("safety", "SAFETY", HALF),
        ("recitation", "RECITATION", HALF),
        ("finish-prohibited_content", "PROHIBITED_CONTENT", HALF),
        ("finish-language", "LANGUAGE", HALF),
        ("malformed", "MALFORMED_FUNCTION_CALL", ""),
        ("empty", "STOP", ""),
        ("unknownenums", "FINISH_REASON_OF_TOMORROW", WHOLE),
    ],
)
async def test_an_answer_may_end_otherwise(gemini, fault, finish, text):
    model = f"{FLASH}--{fault}"
    reply = await gemini.generate(model, BODY)
    events = await gemini.stream(model, BODY)

    assert finishes([reply]) == finishes(events) == [finish]
    assert text_of(reply) == text_of(*events) == text


async def test_an_answer_may_never_end(gemini):
    assert finishes(await gemini.stream(f"{FLASH}--nofinish", BODY)) == []


async def test_an_answer_may_end_twice(gemini):
    events = await gemini.stream(f"{FLASH}--twostops", BODY)

    assert finishes(events) == ["STOP", "STOP"]
    assert text_of(*events) == WHOLE


async def test_an_answer_may_tell_no_usage(gemini):
    assert not any("usageMetadata" in event for event in await gemini.stream(f"{FLASH}--nousage", BODY))


@pytest.mark.parametrize(("fault", "reason"), [("blocked", "PROHIBITED_CONTENT"), ("promptblocked-safety", "SAFETY")])
async def test_a_prompt_may_be_blocked(gemini, fault, reason):
    reply = await gemini.generate(f"{FLASH}--{fault}", BODY)
    (event,) = await gemini.stream(f"{FLASH}--{fault}", BODY)

    for one in (reply, event):
        assert one["promptFeedback"]["blockReason"] == reason
        assert "candidates" not in one
        assert one["usageMetadata"]["totalTokenCount"] == one["usageMetadata"]["promptTokenCount"]


async def test_an_answer_may_be_huge(gemini):
    (event, end) = await gemini.stream(f"{FLASH}--huge-2", BODY)

    assert 1_900_000 < len(text_of(event)) <= 2_000_000
    assert finishes([end]) == ["STOP"]


@pytest.mark.parametrize("fault", ["overloaded", "internal", "unpaid", "bare429"])
async def test_a_model_may_refuse_what_is_valid_and_only_that(gemini, fault):
    valid = await gemini.post(f"{FLASH}--{fault}", BODY)
    invalid = await gemini.post(f"{FLASH}--{fault}", {"contents": []})

    assert valid.status_code in {402, 429, 500, 503}
    assert invalid.status_code == 400


@pytest.mark.parametrize("name", [f"{FLASH}--nonsense", f"{FLASH}--dead", f"{FLASH}--", "nonsense--slow"])
async def test_a_fault_that_is_none_is_an_unknown_model(gemini, name):
    assert (await gemini.error(name, BODY))["code"] == 404


async def test_an_html_page_may_come_with_status_200(gemini):
    response = await gemini.post(f"{FLASH}--html", BODY)

    assert response.headers["content-type"].startswith("text/html")
    assert response.text.startswith("<!DOCTYPE html>")


@pytest.mark.parametrize(("fault", "body"), [("emptybody", b""), ("emptylist", b"[]")])
async def test_status_200_may_say_nothing(gemini, fault, body):
    response = await gemini.post(f"{FLASH}--{fault}", BODY)

    assert (response.status_code, response.content) == (200, body)


async def test_status_200_may_be_an_error(gemini):
    assert (await gemini.generate(f"{FLASH}--errorbody", BODY))["error"]["code"] == 503


async def test_a_redirect_leads_to_a_model_where_it_is_seen(gemini):
    response = await gemini.post(f"{FLASH}--redirect", BODY)

    assert (response.status_code, response.headers["location"]) == (307, f"/v1beta/models/{FLASH}:generateContent")


async def test_a_small_body_may_unpack_to_a_large_one(gemini):
    response = await gemini.post(f"{FLASH}--gzipbomb", BODY)

    assert int(response.headers["content-length"]) < 100_000
    assert len(response.content) == 64 * 1024 * 1024


async def test_counts_may_be_absurd(gemini):
    counts = [event["usageMetadata"] for event in await gemini.stream(f"{FLASH}--absurdusage", BODY)]

    assert {count["promptTokenCount"] for count in counts} == {-7}
    assert counts[0]["candidatesTokenCount"] > counts[-1]["candidatesTokenCount"] > 10**14


async def test_odd_frames_hold_the_same_events(gemini):
    odd = await gemini.post(f"{FLASH}--oddframes", BODY, method="streamGenerateContent?alt=sse")

    lines = re.split(r"\r\n|\r|\n", odd.content.decode("utf-8-sig"))
    blocks = [list(block) for blank, block in groupby(lines, key=lambda line: line == "") if not blank]
    data = ["\n".join(line[5:].removeprefix(" ") for line in block if line[:5] == "data:") for block in blocks]
    assert text_of(*(json.loads(text) for text in data if text)) == WHOLE
    assert odd.content.startswith(b"\xef\xbb\xbf")


async def test_json_may_not_parse(gemini):
    with pytest.raises(json.JSONDecodeError):
        (await gemini.post(f"{FLASH}--badjson", BODY)).json()


async def test_an_error_may_come_as_an_event_in_mid_stream(gemini):
    events = await gemini.stream(f"{FLASH}--errormid", BODY)

    assert WHOLE.startswith(text_of(*events[:-1]))
    assert events[-1]["error"]["status"] == "UNAVAILABLE"


async def test_an_error_may_come_bare_in_mid_stream(gemini):
    response = await gemini.post(f"{FLASH}--errorbare", BODY, method="streamGenerateContent?alt=sse")

    *events, bare = response.text.split("\r\n\r\n")
    assert all(event.startswith("data: ") for event in events)
    assert json.loads(bare)["error"]["code"] == 503


async def test_a_fault_of_the_key_works_like_one_of_the_model(gemini):
    assert finishes(await gemini.stream(FLASH, BODY, key="sim-twostops-alpha")) == ["STOP", "STOP"]


@pytest.mark.parametrize("method", ["generateContent", "streamGenerateContent?alt=sse"])
async def test_the_connection_may_end_before_any_byte(over_tcp, method):
    with pytest.raises(httpx.RemoteProtocolError, match="without sending a response"):
        await over_tcp.post(f"{FLASH}--cutbefore", BODY, method=method)


@pytest.mark.parametrize("method", ["generateContent", "streamGenerateContent?alt=sse"])
async def test_the_connection_may_end_in_the_middle(over_tcp, method):
    url = f"/v1beta/models/{FLASH}--cut:{method}"
    got = b""
    async with over_tcp.client.stream("POST", url, json=BODY, headers={"x-goog-api-key": KEY}) as response:
        assert response.status_code == 200
        with pytest.raises(httpx.RemoteProtocolError):
            async for chunk in response.aiter_raw():
                got += chunk

    assert b"You " in got
    assert b"STOP" not in got


@pytest.mark.parametrize("method", ["generateContent", "streamGenerateContent?alt=sse"])
async def test_the_connection_may_be_reset(over_tcp, method):
    with pytest.raises(httpx.ReadError):
        await over_tcp.post(f"{FLASH}--reset", BODY, method=method)


async def test_an_answer_may_trickle(over_tcp):
    begun = time.monotonic()
    reply = await over_tcp.generate(f"{FLASH}--trickle-1", said("hi"))

    assert text_of(reply) == "You said: hi"
    assert time.monotonic() - begun > 0.5


@pytest.mark.parametrize("fault", ["hang", "stall"])
async def test_an_answer_may_never_come_and_the_leaving_client_is_noticed(over_tcp, fault):
    begun = time.time()
    with pytest.raises(httpx.ReadTimeout):
        await over_tcp.client.post(
            f"/v1beta/models/{FLASH}--{fault}:streamGenerateContent?alt=sse",
            json=BODY,
            headers={"x-goog-api-key": KEY},
            timeout=0.2,
        )

    call = await the_call(over_tcp)
    assert begun + 0.1 < call["closed_by_client_at"] < begun + 2
    assert call["completed"] is False
    assert call["status"] == (200 if fault == "stall" else 0)


async def test_a_client_that_leaves_a_stream_is_noticed(over_tcp):
    url = f"/v1beta/models/{FLASH}--drip-50:streamGenerateContent?alt=sse"
    async with over_tcp.client.stream("POST", url, json=BODY, headers={"x-goog-api-key": KEY}) as response:
        async for _ in response.aiter_raw():
            break
        left = time.time()

    call = await the_call(over_tcp)
    assert left - 0.1 < call["closed_by_client_at"] < left + 1


async def test_slow_and_dripping_answers_take_their_time(over_tcp):
    begun = time.monotonic()
    await over_tcp.generate(f"{FLASH}--slow-100", BODY)
    slow = time.monotonic() - begun
    await over_tcp.stream(f"{FLASH}--drip-20", BODY)
    dripped = time.monotonic() - begun - slow

    assert slow >= 0.1
    assert dripped >= 0.02 * 7


async def the_call(asking):
    """The one call in the record, once it is over."""
    for _ in range(100):
        record = (await asking.client.get("/control/calls")).json()
        if record["in_flight"] == 0:
            (call,) = record["calls"]
            return call
        await asyncio.sleep(0.02)
    raise AssertionError("the call did not end")

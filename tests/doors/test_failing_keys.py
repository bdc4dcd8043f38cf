"""Until the first byte a failing key or model is replaced, and the client sees nothing of it."""

import json

import pytest

from accounts.in_db import in_db
from accounts.models import ContributedKey
from tests.doors.conftest import Client, map_name, record
from tests.gemini_replies import GONE, KEY_INVALID, OVERLOADED, error, out_of_quota
from tests.scripted_gemini import ScriptedGemini

pytestmark = pytest.mark.usefixtures("unhurried")
DAY, MINUTE = "GenerateRequestsPerDayPerProjectPerModel-FreeTier", "GenerateRequestsPerMinutePerProjectPerModel"
# What it is, its status and body, and whether it is another key that is asked then.
ONCE = [
    ("a day's quota", 429, out_of_quota(DAY), True),
    ("a minute's quota", 429, out_of_quota(MINUTE), True),
    ("an invalid key", 400, KEY_INVALID, True),
    ("a suspended project", 403, error(403, "PERMISSION_DENIED", "Consumer has been suspended."), True),
    ("an overload", 503, OVERLOADED, False),
    ("an internal error", 500, error(500, "INTERNAL", "Internal error encountered."), False),
    ("HTML", 502, b"<html>Bad gateway</html>", False),
    ("the same under 200", 200, out_of_quota(MINUTE), True),
]


@pytest.mark.parametrize(("status", "body", "of_the_key"), [row[1:] for row in ONCE], ids=[row[0] for row in ONCE])
async def test_what_fails_once_is_answered_all_the_same(
    client: Client, gemini: ScriptedGemini, status: int, body: bytes, of_the_key: bool
) -> None:
    gemini.will_refuse(status, body, times=1)
    gemini.will_say(client.door.reply("Hello!"))
    told = await client.ask()
    assert (told.status, told.text, told.attempts) == (200, "Hello!", 2)
    first, second = gemini.calls
    assert first.body == second.body
    assert first.key != second.key or not of_the_key
    row = await record()
    assert (row.status, row.attempts, row.error_code) == (200, 2, "")
    assert (row.prompt_tokens, row.completion_tokens) == (7 * client.door.spends, client.door.completion_tokens)


NONSENSE = {
    "nothing": b"",
    "a list": b"[]",
    "a number": b"17",
    "null": b"null",
    "html": b"<html><body>502 Bad Gateway</body></html>",
    "half an object": b'{"candidates": [{"content": ',
    "another object": b'{"hello": "world"}',
    "no candidates": b'{"candidates": []}',
    "candidates of a wrong type": b'{"candidates": {"content": "x"}}',
    "not utf-8": b'{"candidates": [{"content": {"parts": [{"text": "\xff\xfe"}]}}]}',
    "deep": b'{"candidates": ' * 2000,
}


@pytest.mark.parametrize("nonsense", NONSENSE.values(), ids=NONSENSE)
async def test_a_200_that_makes_no_sense_is_tried_again_and_then_a_502(
    client: Client, gemini: ScriptedGemini, nonsense: bytes
) -> None:
    gemini.will_say(nonsense, times=1)
    gemini.will_say(client.door.reply("Hello!"), times=1)
    assert (await client.ask()).text == "Hello!"
    gemini.will_say(nonsense)
    told = await client.ask()
    assert told.error is not None and told.status == 502
    assert await in_db(ContributedKey.objects.filter(state="active").count) == 3, "no key is blamed"


@pytest.mark.parametrize("with_reset", [False, True], ids=["fin", "rst"])
async def test_a_connection_that_is_cut_before_the_answer_is_tried_again(
    client: Client, gemini: ScriptedGemini, with_reset: bool
) -> None:
    gemini.will_cut(with_reset=with_reset, times=1)
    gemini.will_say(client.door.reply("Hello!"))
    told = await client.ask()
    assert (told.text, told.attempts) == ("Hello!", 2)


async def test_two_keys_of_three_may_fail(client: Client, gemini: ScriptedGemini) -> None:
    gemini.will_refuse(400, KEY_INVALID, times=1)
    gemini.will_refuse(429, out_of_quota(DAY), times=1)
    gemini.will_say(client.door.reply("Hello!"))
    told = await client.ask()
    assert (told.text, told.attempts) == ("Hello!", 3)
    assert len({call.key for call in gemini.calls}) == 3


@pytest.mark.parametrize(
    ("status", "body"), [(404, GONE), (503, OVERLOADED), (429, out_of_quota(DAY))], ids=["gone", "overloaded", "spent"]
)
async def test_a_model_that_fails_falls_to_the_next(
    client: Client, gemini: ScriptedGemini, status: int, body: object
) -> None:
    first, second = f"{client.door.model}--first", f"{client.door.model}--second"
    await in_db(map_name, "two-of-them", first, second)
    gemini.will_refuse(status, json.dumps(body).encode(), model=first)
    gemini.will_say(client.door.reply("Hello!"), model=second)
    told = await client.ask("two-of-them")
    assert (told.text, told.headers["x-tumbler-model"]) == ("Hello!", second)
    row = await record()
    assert (row.model, row.gemini_model, row.status) == ("two-of-them", second, 200)


async def test_a_model_that_is_gone_is_not_asked_again(client: Client, gemini: ScriptedGemini) -> None:
    await in_db(map_name, "two-of-them", f"{client.door.model}--first", client.door.model)
    gemini.will_refuse(404, GONE, model=f"{client.door.model}--first")
    gemini.will_say(client.door.reply("Hello!"))
    for attempts in (2, 1, 1):
        assert (await client.ask("two-of-them")).attempts == attempts


async def test_a_key_that_failed_is_not_asked_again(client: Client, gemini: ScriptedGemini) -> None:
    gemini.will_refuse(429, out_of_quota(DAY), times=1)
    gemini.will_say(client.door.reply("Hello!"))
    for attempts in (2, 1, 1, 1):
        assert (await client.ask()).attempts == attempts
    spent = gemini.calls[0].key
    assert spent not in {call.key for call in gemini.calls[1:]}

"""Each request that went upstream is written down once, as it was; what the client is told is what is charged."""

import pytest

from accounts import pool
from accounts.in_db import in_db
from accounts.models import ContributedKey, UsageHour
from tests.doors.conftest import Client, record, records
from tests.gemini_replies import KEY_INVALID
from tests.scripted_gemini import ScriptedGemini


async def test_a_good_answer_is_charged_as_gemini_counted(client: Client, gemini: ScriptedGemini) -> None:
    gemini.will_say(client.door.reply("Hello!"))
    told = await client.ask()
    assert (told.status, told.text) == (200, "Hello!")
    row = await record()
    assert (row.endpoint, row.stream, row.status, row.error_code) == (client.door.name, client.stream, 200, "")
    assert (row.model, row.gemini_model, row.attempts) == (client.door.model, client.door.model, 1)
    assert (row.prompt_tokens, row.completion_tokens) == (7 * client.door.spends, client.door.completion_tokens)
    if client.door.tells_tokens(stream=client.stream):
        assert (told.prompt_tokens, told.completion_tokens) == (row.prompt_tokens, row.completion_tokens)
    assert (row.counts_from, row.user_id) == ("upstream", client.user.pk)
    assert 0 <= row.queue_ms <= row.first_byte_ms <= row.total_ms
    assert told.headers["x-request-id"] == f"req_{row.pk.hex}"


async def test_an_error_upstream_is_written_down_and_costs_nothing(client: Client, gemini: ScriptedGemini) -> None:
    gemini.will_refuse(400, KEY_INVALID)
    assert (await client.ask()).status == 503
    row = await record()
    assert (row.endpoint, row.status, row.error_code) == (client.door.name, 503, "no_upstream_key")
    assert (row.attempts, row.total_tokens) == (3, 0)


COUNTS = {
    "none": {},
    "negative": {"promptTokenCount": -5, "candidatesTokenCount": -1, "totalTokenCount": -6},
    "absurd": {"promptTokenCount": 2**62, "candidatesTokenCount": 2**62, "totalTokenCount": 2**63 - 1},
}


@pytest.mark.parametrize("counts", COUNTS.values(), ids=COUNTS)
async def test_missing_and_impossible_counts_become_an_estimate_that_says_so(
    talker: Client, gemini: ScriptedGemini, counts: dict[str, int]
) -> None:
    gemini.will_say(talker.door.reply("Hello there, how are you?", usage=counts))
    told = await talker.ask()
    row = await record()
    assert (row.status, row.counts_from) == (200, "estimated")
    assert 0 < row.prompt_tokens < 100 and 0 < row.completion_tokens < 100
    assert talker.door.passes_on or (told.prompt_tokens, told.completion_tokens) == (
        row.prompt_tokens,
        row.completion_tokens,
    )


async def test_every_kind_of_token_is_counted_once(talker: Client, gemini: ScriptedGemini) -> None:
    counts = {
        "promptTokenCount": 100,
        "cachedContentTokenCount": 60,
        "toolUsePromptTokenCount": 5,
        "candidatesTokenCount": 20,
        "thoughtsTokenCount": 30,
        "totalTokenCount": 155,
    }
    gemini.will_say(talker.door.reply("Hello!", usage=counts))
    told = await talker.ask()
    assert (told.prompt_tokens, told.completion_tokens) == (105, 50)
    row = await record()
    assert (row.prompt_tokens, row.cached_tokens, row.tool_prompt_tokens) == (105, 60, 5)
    assert (row.completion_tokens, row.reasoning_tokens, row.total_tokens) == (50, 30, 155)


async def test_counts_that_fall_and_vanish_within_a_stream_keep_the_last_of_each(
    streamer: Client, gemini: ScriptedGemini
) -> None:
    counts = (
        {"promptTokenCount": 15, "thoughtsTokenCount": 9},
        {"promptTokenCount": 13, "candidatesTokenCount": 4},
        {},
    )
    pieces = [
        streamer.door.reply(text, finish="STOP" if text == "c" else None, usage=count)
        for text, count in zip("abc", counts, strict=True)
    ]
    gemini.will_say(*pieces)
    told = await streamer.ask()
    assert (told.text, told.prompt_tokens, told.completion_tokens) == ("abc", 13, 13)


@pytest.mark.parametrize("paid", [True, False], ids=["paid", "free"])
async def test_what_is_answered_costs_whichever_key_answered(
    spender: Client, gemini: ScriptedGemini, paid: bool
) -> None:
    await in_db(ContributedKey.objects.update, paid=paid)
    pool.reset()
    gemini.will_say(spender.door.reply("Hello!"))
    await spender.ask()
    cost = (await record()).cost
    hour = await in_db(UsageHour.objects.get)
    assert cost > 0 and (hour.cost, hour.paid) == (cost, cost if paid else 0)


async def test_a_sub_user_is_kept_as_a_keyed_hash_where_the_token_tells(whole: Client, gemini: ScriptedGemini) -> None:
    if not whole.door.naming("carol"):
        pytest.skip("this door's requests have no member for whom they are")
    gemini.will_say(whole.door.reply("Hello!"))
    header = {"x-openwebui-user-id": "carol"}
    for tells in (True, False):
        await whole.issue(tells_sub_users=tells)
        named = whole.door.naming("carol")
        await whole.send(whole.request(**named), {} if named else header)
        await whole.send(whole.request(), header)
        await whole.send(whole.request(), {"x-openwebui-user-email": "dave@example.org"})
        await whole.ask()
    carol, again, dave, nobody, *untold = [row.sub_user for row in await records()]
    assert (nobody, set(untold)) == ("", {""})
    assert carol == again != dave
    assert len(carol) == len(dave) == 32 and "carol" not in carol


async def test_nothing_is_logged_of_a_prompt_upstream(talker: Client, gemini: ScriptedGemini) -> None:
    """The project that lent the key would read it."""
    gemini.will_say(talker.door.reply("Hello!"))
    await talker.ask()
    assert gemini.calls[0].json["store"] is False


async def test_a_key_that_answered_is_given_back(client: Client, gemini: ScriptedGemini) -> None:
    """More requests than keys, one after the other: no key is left behind as one in use."""
    gemini.will_say(client.door.reply("Hello!"))
    for _ in range(7):
        assert (await client.ask()).status == 200
    assert await in_db(ContributedKey.objects.filter(state="active").count) == 3
    assert len(await records()) == 7

"""What the simulated models say."""

import base64
import io
import json
import wave

import jsonschema
import pytest
from PIL import Image

from compat.simulator.validation import violations
from tests.simulator.asking import parts_of, said, text_of

FLASH_25 = "gemini-2.5-flash"
FLASH_3 = "gemini-3-flash-preview"
FLASH = "gemini-3.8-flash"

WEATHER = {
    "name": "get_weather",
    "parametersJsonSchema": {
        "type": "object",
        "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
        "required": ["city"],
    },
}
TIME = {"name": "get_time"}
KINDS = ("executableCode", "codeExecutionResult")


def with_tools(text, *declarations, mode=None, **members):
    config = {} if mode is None else {"toolConfig": {"functionCallingConfig": {"mode": mode, **members}}}
    return said(text, tools=[{"functionDeclarations": list(declarations)}], **config)


def calls_of(reply):
    return [part["functionCall"] for part in parts_of(reply) if "functionCall" in part]


async def test_the_last_user_text_comes_back_verbatim(gemini):
    text = "Größe  zählt\n\u2028“so”  😀 "
    body = {"contents": [{"role": "user", "parts": [{"text": "old"}]}, {"role": "model", "parts": [{"text": "x"}]},
                         {"role": "user", "parts": [{"text": text}]}]}  # fmt: skip

    assert text_of(await gemini.generate(FLASH_25, body)) == f"You said: {text}"
    assert text_of(*await gemini.stream(FLASH, body)) == f"You said: {text}"


@pytest.mark.parametrize("model", [FLASH_25, FLASH_3, FLASH, "gemini-4-hydrogen", "gemma-4-31b-it"])
async def test_the_counts_add_up(gemini, model):
    usage = (await gemini.generate(model, said("one two three four")))["usageMetadata"]

    assert usage["promptTokenCount"] == 5
    assert usage["candidatesTokenCount"] == 7
    assert usage["totalTokenCount"] == 12 + usage.get("thoughtsTokenCount", 0)
    assert ("thoughtsTokenCount" in usage) == (model != "gemma-4-31b-it")


async def test_a_reply_is_shaped_as_a_recorded_one(gemini):
    reply = await gemini.generate(FLASH_25, said("hi"))

    assert list(reply) == ["candidates", "usageMetadata", "modelVersion", "responseId"]
    assert reply["candidates"] == [
        {"content": {"parts": [{"text": "You said: hi"}], "role": "model"}, "finishReason": "STOP", "index": 0}
    ]
    assert reply["modelVersion"] == FLASH_25
    assert len(reply["responseId"]) == 23


async def test_answers_have_ids_of_their_own(gemini):
    ids = {(await gemini.generate(FLASH, said("hi")))["responseId"] for _ in range(5)}

    assert len(ids) == 5


@pytest.mark.parametrize("mode", [None, "AUTO", "VALIDATED"])
async def test_a_named_tool_is_called(gemini, mode):
    reply = await gemini.generate(FLASH, with_tools("Please use get_weather now", TIME, WEATHER, mode=mode))

    (call,) = calls_of(reply)
    assert call["name"] == "get_weather"
    jsonschema.validate(call["args"], WEATHER["parametersJsonSchema"])
    assert reply["candidates"][0]["finishReason"] == "STOP"
    assert reply["candidates"][0]["finishMessage"] == "Model generated function call(s)."


@pytest.mark.parametrize(
    ("text", "mode"), [("What a day", "AUTO"), ("get_weather", "NONE"), ("forget_weather", "AUTO")]
)
async def test_otherwise_no_tool_is_called(gemini, text, mode):
    reply = await gemini.generate(FLASH, with_tools(text, WEATHER, mode=mode))

    assert text_of(reply) == f"You said: {text}"


@pytest.mark.parametrize(
    ("text", "allowed", "names"),
    [
        ("hi", None, ["get_weather"]),
        ("the get_time", None, ["get_time"]),
        ("hi", ["get_time"], ["get_time"]),
        ("use both", None, ["get_weather", "get_time"]),
        ("get_time and get_weather", None, ["get_weather", "get_time"]),
        ("twice get_time", ["get_time"], ["get_time", "get_time"]),
    ],
)
async def test_any_forces_calls(gemini, text, allowed, names):
    narrowed = {} if allowed is None else {"allowedFunctionNames": allowed}
    reply = await gemini.generate(FLASH, with_tools(text, WEATHER, TIME, mode="ANY", **narrowed))

    assert [call["name"] for call in calls_of(reply)] == names


@pytest.mark.parametrize(
    ("model", "ids", "signatures"),
    [(FLASH_25, 0, 1), (FLASH_3, 0, 1), ("gemini-3.5-flash", 2, 1), (FLASH, 2, 1), ("gemma-4-31b-it", 0, 0)],
)
async def test_ids_and_signatures_are_those_of_the_family(gemini, model, ids, signatures):
    parts = parts_of(await gemini.generate(model, with_tools("get_weather twice", WEATHER)))

    assert len({part["functionCall"]["id"] for part in parts if "id" in part["functionCall"]}) == ids
    assert ["thoughtSignature" in part for part in parts] == [bool(signatures), False]


@pytest.mark.parametrize("model", [FLASH_25, FLASH_3, FLASH, "gemini-4-hydrogen"])
async def test_a_whole_tool_round_is_valid_and_ends_in_the_result(gemini, model):
    body = with_tools("get_weather", WEATHER)
    turn = (await gemini.generate(model, body))["candidates"][0]["content"]
    call = calls_of({"candidates": [{"content": turn}]})[0]
    response = {"name": call["name"], "response": {"output": "mild"}} | ({"id": call["id"]} if "id" in call else {})
    body["contents"] += [turn, {"role": "user", "parts": [{"functionResponse": response}]}]

    assert violations(model, body, project="alpha") == []
    assert text_of(await gemini.generate(model, body)) == 'get_weather answered: {"output":"mild"}'


async def test_any_goes_on_to_the_function_not_yet_called(gemini):
    body = with_tools("hi", WEATHER, TIME, mode="ANY")
    turn = (await gemini.generate(FLASH_25, body))["candidates"][0]["content"]
    response = {"functionResponse": {"name": "get_weather", "response": {}}}
    body["contents"] += [turn, {"role": "user", "parts": [response]}]

    assert [call["name"] for call in calls_of(await gemini.generate(FLASH_25, body))] == ["get_time"]


async def test_json_follows_the_schema(gemini):
    schema = {"type": "object", "properties": {"a": {"enum": ["x", "y"]}}, "required": ["a"]}
    config = {"responseMimeType": "application/json", "responseJsonSchema": schema}

    assert json.loads(text_of(await gemini.generate(FLASH, said("hi", generationConfig=config)))) == {"a": "x"}


async def test_json_without_a_schema_holds_the_text(gemini):
    config = {"responseMimeType": "application/json"}

    assert json.loads(text_of(*await gemini.stream(FLASH, said("hi", generationConfig=config)))) == {"you_said": "hi"}


async def test_a_choice_of_words_is_one_of_them(gemini):
    config = {"responseMimeType": "text/x.enum", "responseSchema": {"type": "STRING", "enum": ["red", "blue"]}}

    assert text_of(await gemini.generate(FLASH_25, said("hi", generationConfig=config))) == "red"


async def test_thoughts_are_shown_only_when_asked_for(gemini):
    shown = await gemini.generate(FLASH, said("hi", generationConfig={"thinkingConfig": {"includeThoughts": True}}))
    hidden = await gemini.generate(FLASH, said("hi"))

    assert [part.get("thought", False) for part in parts_of(shown)] == [True, True, False]
    assert [part.get("thought", False) for part in parts_of(hidden)] == [False]
    assert shown["usageMetadata"]["thoughtsTokenCount"] == hidden["usageMetadata"]["thoughtsTokenCount"] > 0


@pytest.mark.parametrize(
    ("model", "thinking", "tokens"),
    [
        (FLASH_25, {"thinkingBudget": 0}, None),
        (FLASH_25, {"thinkingBudget": 10}, 10),
        ("gemini-2.5-flash-lite", {}, None),
        ("gemini-3.6-flash", {"thinkingLevel": "MINIMAL"}, None),
        (FLASH, {"thinkingLevel": "low"}, 16),
        ("gemini-4-hydrogen", {}, 64),
    ],
)
async def test_thinking_follows_level_and_budget(gemini, model, thinking, tokens):
    reply = await gemini.generate(model, said("hi", generationConfig={"thinkingConfig": thinking}))

    assert reply["usageMetadata"].get("thoughtsTokenCount") == tokens


async def test_a_stop_sequence_ends_the_text_before_it(gemini):
    reply = await gemini.generate(
        FLASH_25, said("one two three", generationConfig={"stopSequences": ["three", " two"]})
    )

    assert text_of(reply) == "You said: one"
    assert reply["candidates"][0]["finishReason"] == "STOP"


async def test_the_output_limit_cuts_the_text(gemini):
    config = {"maxOutputTokens": 4, "thinkingConfig": {"thinkingBudget": 0}}
    reply = await gemini.generate(FLASH_25, said("one two three", generationConfig=config))

    assert text_of(reply) == "You said: one tw"
    assert reply["candidates"][0]["finishReason"] == "MAX_TOKENS"
    assert reply["usageMetadata"]["candidatesTokenCount"] == 4


@pytest.mark.parametrize("model", [FLASH_25, FLASH])
async def test_thinking_eats_a_small_output_limit(gemini, model):
    body = said("hi", generationConfig={"maxOutputTokens": 5})
    reply = await gemini.generate(model, body)
    (event,) = await gemini.stream(model, body)

    assert reply["candidates"] == [{"content": {"role": "model"}, "finishReason": "MAX_TOKENS", "index": 0}]
    assert reply["usageMetadata"]["thoughtsTokenCount"] == 5
    assert "candidatesTokenCount" not in reply["usageMetadata"]
    assert event["candidates"] == reply["candidates"]


async def test_several_candidates_come_with_their_index(gemini):
    reply = await gemini.generate(FLASH_25, said("hi", generationConfig={"candidateCount": 3}))

    assert [candidate["index"] for candidate in reply["candidates"]] == [0, 1, 2]
    assert reply["usageMetadata"]["candidatesTokenCount"] == 9


async def test_logprobs_run_in_parallel(gemini):
    config = {"responseLogprobs": True, "logprobs": 2}
    reply = await gemini.generate("gemini-2.5-flash-lite", said("hi", generationConfig=config))

    result = reply["candidates"][0]["logprobsResult"]
    assert "".join(token["token"] for token in result["chosenCandidates"]) == text_of(reply)
    assert [len(step["candidates"]) for step in result["topCandidates"]] == [2] * len(result["chosenCandidates"])


async def test_a_searched_answer_is_grounded_in_bytes(gemini):
    reply = await gemini.generate(FLASH_25, said("Größe?", tools=[{"googleSearch": {}}]))

    (support,) = reply["candidates"][0]["groundingMetadata"]["groundingSupports"]
    assert support["segment"]["endIndex"] == len(text_of(reply).encode())
    assert reply["usageMetadata"]["toolUsePromptTokenCount"] > 0
    assert reply["usageMetadata"]["totalTokenCount"] == sum(
        reply["usageMetadata"][f"{name}TokenCount"] for name in ("prompt", "candidates", "thoughts", "toolUsePrompt")
    )


@pytest.mark.parametrize(("model", "ids"), [(FLASH_25, 0), (FLASH, 1)])
async def test_code_is_run_before_the_answer(gemini, model, ids):
    parts = parts_of(await gemini.generate(model, said("hi", tools=[{"codeExecution": {}}])))

    assert [next(iter(part)) for part in parts] == ["executableCode", "codeExecutionResult", "text"]
    assert len({part[kind]["id"] for part in parts for kind in KINDS if "id" in part.get(kind, {})}) == ids


async def test_addresses_are_read(gemini):
    reply = await gemini.generate(FLASH, said("see https://example.com/a", tools=[{"urlContext": {}}]))

    assert reply["candidates"][0]["urlContextMetadata"]["urlMetadata"][0]["retrievedUrl"] == "https://example.com/a"


async def test_an_image_model_sends_an_image(gemini):
    reply = await gemini.generate("gemini-3.1-flash-image", said("a cat"))

    text, drawn = parts_of(reply)
    assert text["text"] == "You said: a cat"
    assert base64.b64decode(drawn["inlineData"]["data"]).startswith(b"\x89PNG\r\n\x1a\n")
    assert len(drawn["thoughtSignature"]) > 1_000_000
    assert {"modality": "IMAGE", "tokenCount": 1_120} in reply["usageMetadata"]["candidatesTokensDetails"]


@pytest.mark.parametrize(
    ("config", "size"),
    [
        ({}, (1024, 1024)),
        ({"aspectRatio": "16:9"}, (1344, 768)),
        ({"aspectRatio": "2:3", "imageSize": "2K"}, (1664, 2496)),
        ({"aspectRatio": "1:8", "imageSize": "512"}, (192, 1536)),
        ({"imageSize": "4K"}, (4096, 4096)),
    ],
)
async def test_an_image_has_the_shape_and_size_that_was_asked_for(gemini, config, size):
    generation = {"responseModalities": ["IMAGE"], "imageConfig": config}
    (part,) = parts_of(await gemini.generate("gemini-3.1-flash-image", said("a cat", generationConfig=generation)))
    data = base64.b64decode(part["inlineData"]["data"])

    drawn = Image.open(io.BytesIO(data))
    drawn.load()
    assert drawn.size == size and len(data) < 10_000


SPOKEN = {"generationConfig": {"responseModalities": ["AUDIO"]}}


@pytest.mark.parametrize(("text", "seconds"), [("Hi", 0.24), ("x" * 100, 5.0), ("é" * 3_000, 150.0)])
async def test_a_speech_model_sends_raw_sound_as_long_as_the_text_takes(gemini, text, seconds):
    reply = await gemini.generate("gemini-3.8-flash-tts", said(text, **SPOKEN))
    (part,) = parts_of(reply)

    assert part["inlineData"]["mimeType"] == "audio/L16;codec=pcm;rate=24000"
    assert len(base64.b64decode(part["inlineData"]["data"])) == seconds * 48_000
    assert reply["usageMetadata"]["candidatesTokenCount"] == seconds * 25


async def test_a_streamed_speech_comes_in_pieces(gemini):
    whole = await gemini.generate("gemini-3.8-flash-tts", said("x" * 45, **SPOKEN))
    replies = await gemini.stream("gemini-3.8-flash-tts", said("x" * 45, **SPOKEN))
    pieces = [part["inlineData"]["data"] for reply in replies for part in parts_of(reply) if "inlineData" in part]

    assert len(pieces) == 5
    assert b"".join(map(base64.b64decode, pieces)) == base64.b64decode(parts_of(whole)[0]["inlineData"]["data"])
    assert replies[-1]["usageMetadata"] == whole["usageMetadata"]


def heard(sound, *told, schema=None):
    config = (
        {"generationConfig": {"responseMimeType": "application/json", "responseJsonSchema": schema}} if schema else {}
    )
    parts = [{"inlineData": sound}, *({"text": text} for text in told)]
    return {"contents": [{"role": "user", "parts": parts}], **config}


async def test_what_it_said_it_hears_again(gemini):
    words = "Read this slowly.\n\nGood evening. Where is Ånn?"
    (part,) = parts_of(await gemini.generate("gemini-3.8-flash-tts", said(words, **SPOKEN)))
    samples = base64.b64decode(part["inlineData"]["data"])
    with io.BytesIO() as file:
        with wave.open(file, "wb") as sound:
            sound.setparams((1, 2, 24_000, 0, "NONE", ""))
            sound.writeframes(samples)
        sound = {"mimeType": "audio/wav", "data": base64.b64encode(file.getvalue()).decode()}

    assert text_of(await gemini.generate(FLASH, heard(sound, "Transcribe it."))) == "Good evening. Where is Ånn?"
    assert text_of(await gemini.generate(FLASH, heard(sound, "Translate it."))).startswith("In English: Good")
    schema = {"type": "object", "properties": {"segments": {"type": "array"}}}
    told = json.loads(text_of(await gemini.generate(FLASH, heard(sound, "Transcribe it.", schema=schema))))
    assert [(one["start"], one["text"]) for one in told["segments"]] == [
        ("00:00.0", "Good evening."),
        ("00:00.7", "Where is Ånn?"),
    ]


async def test_of_another_sound_it_tells_the_length_and_of_silence_nothing(gemini):
    silence = {
        "mimeType": "audio/wav",
        "data": base64.b64encode(b"RIFF....WAVEfmt ".ljust(44, b"x") + bytes(4_800)).decode(),
    }
    other = {"mimeType": "audio/mp3", "data": base64.b64encode(b"\xff\xfb" * 8_000).decode()}

    assert text_of(await gemini.generate(FLASH, heard(silence, "Transcribe it."))) == "[no speech]"
    assert (
        text_of(await gemini.generate(FLASH, heard(other, "Transcribe it."))) == "A sound of 2.0 seconds in audio/mp3."
    )
    assert (
        text_of(await gemini.generate(FLASH, heard(other, "What is it?"))) == "I see audio/mp3. You said: What is it?"
    )


async def test_pictures_in_the_prompt_are_seen_and_counted(gemini):
    picture = {"inlineData": {"mimeType": "image/png", "data": "iVBORw0KGgo="}}
    reply = await gemini.generate(FLASH, {"contents": [{"role": "user", "parts": [picture, {"text": "what?"}]}]})

    assert text_of(reply) == "I see image/png. You said: what?"
    assert {"modality": "IMAGE", "tokenCount": 258} in reply["usageMetadata"]["promptTokensDetails"]


async def test_a_long_prefix_sent_again_is_cached(gemini):
    system = {"systemInstruction": {"parts": [{"text": "Be kind. " * 1_000}]}}
    first = await gemini.generate(FLASH_25, said("one", **system))
    second = await gemini.generate(FLASH_25, said("another", **system))
    elsewhere = await gemini.generate(FLASH_25, said("one", **system), key="sim-beta-1")

    assert "cachedContentTokenCount" not in first["usageMetadata"]
    assert 2_000 < second["usageMetadata"]["cachedContentTokenCount"] <= second["usageMetadata"]["promptTokenCount"]
    assert "cachedContentTokenCount" not in elsewhere["usageMetadata"]


async def test_what_the_model_continues_later_it_continues_there(gemini):
    body = said("a text of some length")
    first = await gemini.generate("gemini-4-hydrogen--continue", body)
    token = first["candidates"][0]["continuationToken"]
    second = await gemini.generate("gemini-4-hydrogen--continue", {**body, "continuationToken": token})

    assert first["candidates"][0]["finishReason"] == "CONTINUATION"
    assert second["candidates"][0]["finishReason"] == "STOP"
    assert text_of(first) + text_of(second) == "You said: a text of some length"


async def test_a_schema_whose_members_may_be_anything_is_no_schema_of_likelihoods(gemini):
    schema = {"type": "object", "properties": {"hate": True, "violence": False}}
    config = {"responseMimeType": "application/json", "responseJsonSchema": schema}
    assert text_of(await gemini.generate(FLASH, said("hi", generationConfig=config)))


async def test_foreign_caches_and_files_are_refused_without_blame_on_the_key(gemini):
    cached = await gemini.error(FLASH, said("hi", cachedContent="cachedContents/abc"))
    file = {"fileData": {"fileUri": "https://generativelanguage.googleapis.com/v1beta/files/abc"}}
    filed = await gemini.error(FLASH, {"contents": [{"role": "user", "parts": [file]}]})

    assert (cached["code"], cached["message"]) == (403, "CachedContent not found (or permission denied)")
    assert (filed["code"], filed["message"][:56]) == (403, "You do not have permission to access the File abc or it ")


async def test_tokens_are_counted_for_either_form(gemini):
    plain = await gemini.post(FLASH, said("one two three four"), method="countTokens")
    inner = {"generateContentRequest": {"model": f"models/{FLASH}", **said("one two three four")}}
    whole = await gemini.post(FLASH, inner, method="countTokens")

    assert plain.json() == whole.json() == {
        "totalTokens": 5, "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 5}]
    }  # fmt: skip


async def test_a_malformed_body_lists_its_fields(gemini):
    error = await gemini.error(FLASH, said("hi", nonsense=1, generationConfig={"top": 1}))

    (details,) = error["details"]
    assert error["status"] == "INVALID_ARGUMENT"
    assert details["@type"] == "type.googleapis.com/google.rpc.BadRequest"
    assert [violation.get("field") for violation in details["fieldViolations"]] == [None, "generation_config"]
    assert error["message"].split("\n") == [violation["description"] for violation in details["fieldViolations"]]


async def test_a_body_that_is_no_json_is_refused(gemini):
    response = await gemini.client.post(
        f"/v1beta/models/{FLASH}:generateContent", content=b"{", headers={"x-goog-api-key": "sim-alpha-1"}
    )

    assert response.status_code == 400
    assert response.json()["error"]["message"].startswith("Invalid JSON payload received.")


LIKELY = {"type": "number", "minimum": 0, "maximum": 1}


@pytest.mark.parametrize(("text", "found"), [("This is hate speech.", ["HATE_SPEECH"]), ("Good morning!", [])])
async def test_a_text_is_as_dangerous_as_it_says(gemini, text, found):
    settings = [{"category": "HARM_CATEGORY_HATE_SPEECH", "threshold": "BLOCK_NONE"}]
    (candidate,) = (await gemini.generate(FLASH, said(text, safetySettings=settings)))["candidates"]
    high = [one["category"] for one in candidate["safetyRatings"] if one["probability"] == "HIGH"]
    assert high == [f"HARM_CATEGORY_{name}" for name in found]


async def test_who_switches_ratings_off_or_says_nothing_gets_none(gemini):
    settings = [{"category": "HARM_CATEGORY_HATE_SPEECH", "threshold": "OFF"}]
    for body in (said("This is hate speech."), said("This is hate speech.", safetySettings=settings)):
        assert "safetyRatings" not in (await gemini.generate(FLASH, body))["candidates"][0]


async def test_likelihoods_are_near_one_where_the_text_names_them(gemini):
    schema = {"type": "object", "properties": {"violence": LIKELY, "self_harm": LIKELY}}
    config = {"generationConfig": {"responseMimeType": "application/json", "responseJsonSchema": schema}}
    told = json.loads(text_of(await gemini.generate(FLASH, said("Violence!", **config))))
    assert told["violence"] > 0.9 and told["self_harm"] < 0.1

"""The request's parameters: each mapped, ignored or refused as the table says, for every family of models."""

import pytest

from compat.schemas.chat import ChatRequest
from compat.translation.families import family_of
from compat.translation.parameters import PARAMETERS
from compat.translation.refusals import Untranslatable
from tests.translation.translating import (
    MODELS,
    TEXT_MODELS,
    body,
    chat,
    config,
    function_tool,
    refusal,
)

TWO_X, THREE_X, FOUR = "gemini-2.5-flash", "gemini-3.8-flash", "gemini-4-argon"


# --- Plain ones ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({"max_tokens": 5_000}, {"maxOutputTokens": 5_000}),
        ({"max_completion_tokens": 5_000}, {"maxOutputTokens": 5_000}),
        ({"max_completion_tokens": 5_000, "max_tokens": 9}, {"maxOutputTokens": 5_000}),
        ({"max_completion_tokens": None, "max_tokens": 9_000}, {"maxOutputTokens": 9_000}),
        ({"max_tokens": 10_000_000}, {"maxOutputTokens": 65_536}),
        ({"temperature": 0}, {"temperature": 0}),
        ({"temperature": 2}, {"temperature": 2}),
        ({"top_p": 0.5}, {"topP": 0.5}),
        ({"top_k": 40}, {"topK": 40}),
        ({"top_k": 100_000}, {"topK": 1_000}),
        ({"top_k": 0}, {}),
        ({"top_k": -1}, {}),
        ({"stop": "x"}, {"stopSequences": ["x"]}),
        ({"stop": ["x", "y"]}, {"stopSequences": ["x", "y"]}),
        ({"stop": []}, {}),
        ({"seed": 7}, {"seed": 7}),
        ({"seed": 2**31}, {"seed": 0}),
        ({"seed": -1}, {"seed": 2**31 - 1}),
        ({"seed": 2**63 - 1}, {"seed": 2**31 - 1}),
        ({"seed": 0}, {"seed": 0}),
    ],
)
def test_a_plain_parameter_becomes_its_member(members, expected):
    assert config(**members) == expected


_OPTIONS = [name for name in ChatRequest.__struct_fields__ if name not in {"model", "messages"}]


@pytest.mark.parametrize("name", _OPTIONS)
def test_null_is_as_absent(name):
    assert body(**{name: None}) == body()


def test_all_of_them_as_null_are_as_absent():
    assert body(**dict.fromkeys(_OPTIONS)) == body()


@pytest.mark.parametrize(
    ("model", "limit"),
    [
        ("gemini-2.0-flash", 8_192),
        ("gemini-1.5-pro", 8_192),
        (TWO_X, 65_536),
        (FOUR, 65_536),
        ("gemma-4-31b-it", 32_768),
        ("gemma-3-27b-it", 8_192),
        ("gemini-3-pro-image", 32_768),
        ("gemini-2.5-flash-preview-tts", 16_384),
    ],
)
def test_a_token_limit_is_cut_to_the_models_own(model, limit):
    assert config(model, max_tokens=1_000_000)["maxOutputTokens"] == limit


@pytest.mark.parametrize("member", ["presence_penalty", "frequency_penalty"])
@pytest.mark.parametrize(("penalty", "sent"), [(0, None), (0.5, 0.5), (-2, -2), (2, 1.99)])
def test_penalties_stay_below_two_and_zero_is_left_out(member, penalty, sent):
    name = {"presence_penalty": "presencePenalty", "frequency_penalty": "frequencyPenalty"}[member]
    assert config(TWO_X, **{member: penalty}).get(name) == sent


@pytest.mark.parametrize("model", [model for model in MODELS if not model.startswith("gemini-2.5") or "tts" in model])
def test_penalties_are_left_out_where_the_model_has_none(model):
    assert not {"presencePenalty", "frequencyPenalty"} & config(model, presence_penalty=1, frequency_penalty=-1).keys()


@pytest.mark.parametrize("model", ["gemini-3-pro-image", "gemini-3.1-flash-image"])
def test_image_models_take_half_of_the_temperature(model):
    assert config(model, temperature=1.7)["temperature"] == 1
    assert config(model, temperature=0.2)["temperature"] == 0.2


@pytest.mark.parametrize(
    ("members", "on_two", "on_three"),
    [
        ({"logprobs": True}, {"responseLogprobs": True}, {}),
        ({"logprobs": True, "top_logprobs": 3}, {"responseLogprobs": True, "logprobs": 3}, {}),
        ({"logprobs": True, "top_logprobs": 0}, {"responseLogprobs": True}, {}),
        ({"logprobs": False}, {}, {}),
    ],
)
def test_logprobs_are_asked_for_where_the_model_has_them(members, on_two, on_three):
    assert config("gemini-2.0-flash", **members) == on_two
    assert config(THREE_X, **members) == on_three


@pytest.mark.parametrize("candidates", [1, 2, 8])
def test_the_number_of_candidates_is_named_from_two_on(candidates):
    made = body(TWO_X, candidates=candidates).get("generationConfig", {})
    assert made.get("candidateCount") == (candidates if candidates > 1 else None)


@pytest.mark.parametrize("model", MODELS)
def test_everything_at_once_is_taken_by_every_model(model):
    body(
        model,
        stream=True,
        stream_options={"include_usage": True, "include_obfuscation": False},
        max_tokens=1_000_000,
        temperature=1.5,
        top_p=1,
        top_k=100,
        n=1,
        stop=["a", "b", "c", "d", "e"],
        presence_penalty=2,
        frequency_penalty=-2,
        seed=-5,
        logprobs=True,
        top_logprobs=20,
        logit_bias={"50256": -100},
        reasoning_effort="high",
        response_format={"type": "json_object"},
        tools=[function_tool(strict=True)],
        parallel_tool_calls=False,
        user="ada",
        service_tier="flex",
        safety_settings=[],
        extra_body={"google": {"safety_settings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "OFF"}]}},
        metadata={"a": "b"},
        store=True,
        web_search_options={},
    )


# --- Those that have no effect ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "members",
    [
        {"user": "ada"},
        {"user": ""},
        {"logit_bias": {}},
        {"logit_bias": {"1": 5, "2": -100.0}},
        {"store": True},
        {"store": "yes"},
        {"metadata": {"a": {"nested": 1}}},
        {"verbosity": "low"},
        {"prediction": {"type": "content", "content": "x"}},
        {"safety_identifier": "x"},
        {"prompt_cache_key": "x", "prompt_cache_retention": "24h", "prompt_cache_options": {}},
        {"moderation": {"model": "omni"}},
        {"service_tier": "auto"},
        {"service_tier": "default"},
        {"service_tier": "made-up"},
        {"modalities": ["text"]},
        {"audio": {"voice": "alloy", "format": "wav"}},
        {"n": 2},
        {"stream": False},
        {"parallel_tool_calls": True},
        {"reasoning": {}},
        {"reasoning": {"effort": None, "max_tokens": 5}},
        {"response_format": {"type": "text"}},
        {"min_p": 0.1, "repetition_penalty": 1.1, "chat_id": "x", "session_id": "x", "plugins": [], "provider": {}},
        {"models": ["a", "b"], "transforms": ["middle-out"], "route": "fallback"},
        {"options": {"num_ctx": 5}, "keep_alive": "5m", "enable_thinking": True, "thinking": {"type": "enabled"}},
        {"api_base": "http://127.0.0.1", "base_url": "http://127.0.0.1", "api_key": "x", "extra_headers": {"a": "b"}},
        {"custom_llm_provider": "x", "user_config": {}, "contents": [], "systemInstruction": {}, "cachedContent": "x"},
        {"extra_body": {"anything": 1}},
        {"extra_body": "text"},
        {"extra_body": []},
        {"extra_body": {"google": "text"}},
        {"google": []},
        {"google": {"cached_content": "cachedContents/abc"}},
    ],
)
def test_what_has_no_effect_leaves_nothing_in_the_body(members):
    assert body(**members) == body()


@pytest.mark.parametrize("tier", ["flex", "priority"])
def test_the_tiers_that_both_sides_have_are_passed_on(tier):
    assert body(service_tier=tier)["serviceTier"] == tier


# --- Refusals --------------------------------------------------------------------------------------------

_RANGES = [
    ("temperature", -0.1, "decimal_below_min_value"),
    ("temperature", 2.1, "decimal_above_max_value"),
    ("temperature", "1", "invalid_type"),
    ("temperature", True, "invalid_type"),
    ("top_p", -0.1, "decimal_below_min_value"),
    ("top_p", 1.1, "decimal_above_max_value"),
    ("presence_penalty", 2.1, "decimal_above_max_value"),
    ("frequency_penalty", -2.1, "decimal_below_min_value"),
    ("n", 0, "integer_below_min_value"),
    ("n", -1, "integer_below_min_value"),
    ("n", 17, "integer_above_max_value"),
    ("n", 129, "integer_above_max_value"),
    ("n", "2", "invalid_type"),
    ("n", 1.5, "invalid_type"),
    ("n", True, "invalid_type"),
    ("max_tokens", 0, "integer_below_min_value"),
    ("max_tokens", -1, "integer_below_min_value"),
    ("max_tokens", 10_000_001, "integer_above_max_value"),
    ("max_tokens", 2**63, "integer_above_max_value"),
    ("max_tokens", 2**64, "integer_above_max_value"),
    ("max_tokens", "10", "invalid_type"),
    ("max_tokens", 1e9, "invalid_type"),
    ("max_completion_tokens", 0, "integer_below_min_value"),
    ("top_k", "40", "invalid_type"),
    ("seed", 2**64, "integer_above_max_value"),
    ("seed", 2**63, "integer_above_max_value"),
    ("seed", "x", "invalid_type"),
    ("logit_bias", {"1": 101}, "decimal_above_max_value"),
    ("logit_bias", {"1": "x"}, "invalid_type"),
    ("logit_bias", {str(i): 1 for i in range(1_025)}, "object_above_max_length"),
    ("logit_bias", [], "invalid_type"),
    ("logprobs", 5, "invalid_type"),
    ("top_logprobs", 21, "integer_above_max_value"),
    ("top_logprobs", -1, "integer_below_min_value"),
    ("stream", "true", "invalid_type"),
    ("stream", 1, "invalid_type"),
    ("stop", 5, "invalid_type"),
    ("stop", "", "invalid_value"),
    ("stop", ["a", ""], "invalid_value"),
    ("stop", list("abcdef"), "array_above_max_length"),
    ("stop", [str(i) for i in range(1_000)], "array_above_max_length"),
    ("reasoning_effort", "hard", "invalid_value"),
    ("reasoning_effort", 5, "invalid_type"),
    ("user", {"$ne": 1}, "invalid_type"),
    ("user", "x" * 1_025, "string_above_max_length"),
    ("parallel_tool_calls", "no", "invalid_type"),
    ("modalities", ["smell"], "invalid_value"),
    ("modalities", "text", "invalid_type"),
    ("web_search_options", True, "invalid_type"),
    ("service_tier", 5, "invalid_type"),
    ("stream_options", {"include_usage": True}, "invalid_value"),
    ("stream_options", {}, "invalid_value"),
    ("top_logprobs", 2, "invalid_value"),
    ("messages", [], "empty_array"),
    ("messages", {}, "invalid_type"),
    ("messages", [{"role": "user", "content": "x"}] * 10_001, "array_above_max_length"),
]


@pytest.mark.parametrize(("name", "value", "code"), _RANGES, ids=[f"{n}={str(v)[:24]}" for n, v, _ in _RANGES])
def test_a_value_out_of_range_is_refused_by_its_name(name, value, code):
    error = refusal(**{name: value})
    assert error.code == code
    assert error.param == name or error.param.startswith(f"{name}[")
    assert name in error.message and len(error.message) < 300


@pytest.mark.parametrize(
    ("model", "code"),
    [
        ("", "string_below_min_length"),
        ("x" * 257, "string_above_max_length"),
        (1, "invalid_type"),
        (None, "invalid_type"),
    ],
)
def test_a_models_name_is_a_text_of_some_length(model, code):
    with pytest.raises(Untranslatable) as refused:
        chat(model=model)
    assert (refused.value.code, refused.value.param) == (code, "model")


def test_top_logprobs_needs_logprobs_also_when_those_are_off():
    assert refusal(logprobs=False, top_logprobs=2).param == "top_logprobs"


# --- Speech and images -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("audio", "voice"),
    [
        (None, "Kore"),
        ({"voice": "nova", "format": "wav"}, "Aoede"),
        ({"voice": "NOVA"}, "Aoede"),
        ({"voice": "Zephyr"}, "Zephyr"),
        ({"voice": {"id": "Puck"}}, "Puck"),
        ({"voice": {}}, "Kore"),
    ],
)
def test_a_speech_model_speaks_with_the_voice(audio, voice):
    made = config("gemini-2.5-flash-preview-tts", modalities=["text", "audio"], audio=audio)
    assert made["responseModalities"] == ["AUDIO"]
    assert made["speechConfig"]["voiceConfig"]["prebuiltVoiceConfig"] == {"voiceName": voice}


@pytest.mark.parametrize("format", ["mp3", "aac", "flac", "opus"])
def test_a_sound_that_cannot_be_made_is_refused_by_its_format(format):
    error = refusal("gemini-2.5-flash-preview-tts", modalities=["audio"], audio={"voice": "nova", "format": format})
    assert (error.code, error.param) == ("unsupported_value", "audio.format")


@pytest.mark.parametrize("model", [model for model in MODELS if family_of(model).images])
def test_an_image_model_may_draw(model):
    assert config(model)["responseModalities"] == ["TEXT", "IMAGE"]


@pytest.mark.parametrize("model", TEXT_MODELS)
def test_a_model_that_does_not_speak_says_so(model):
    assert refusal(model, modalities=["text", "audio"], audio={"voice": "alloy"}).code == "unsupported_value"


# --- Google's own options --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "place",
    [
        lambda options: {"extra_body": {"google": options}},
        lambda options: {"extra_body": {"extra_body": {"google": options}}},
        lambda options: {"google": options},
    ],
    ids=["extra_body", "extra_body twice", "top level"],
)
def test_googles_options_are_found_wherever_clients_put_them(place):
    settings = [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}]
    assert body(**place({"safety_settings": settings}))["safetySettings"] == settings
    made = config(**place({"thinking_config": {"thinking_level": "low", "include_thoughts": False}}))
    assert made["thinkingConfig"] == {"thinkingLevel": "LOW", "includeThoughts": False}


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ([{"category": "HATE_SPEECH", "threshold": "OFF"}], [("HARM_CATEGORY_HATE_SPEECH", "OFF")]),
        (
            [
                {"category": "HARM_CATEGORY_HARASSMENT", "threshold": "OFF"},
                {"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"},
            ],
            [("HARM_CATEGORY_HARASSMENT", "BLOCK_NONE")],
        ),
        ([{"category": "HARM_CATEGORY_JAILBREAK", "threshold": "OFF"}], []),
        ([{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "NEVER"}], []),
        ([{"category": "HARM_CATEGORY_HARASSMENT"}], []),
        ([{"threshold": "OFF"}, 5, None, "x", {}], []),
        ([{"category": [], "threshold": []}], []),
        ({"category": "x"}, []),
        ("x", []),
        (None, []),
    ],
)
def test_known_safety_settings_are_sent_once_a_category(given, sent):
    made = body(google={"safety_settings": given}).get("safetySettings", [])
    assert [(setting["category"], setting["threshold"]) for setting in made] == sent


# --- The table -------------------------------------------------------------------------------------------


def test_every_member_of_the_schema_is_in_the_table():
    assert set(ChatRequest.__struct_fields__) <= set(PARAMETERS)


def test_what_the_table_calls_ignored_has_no_translation():
    unread = set(PARAMETERS) - set(ChatRequest.__struct_fields__)
    assert {PARAMETERS[name].action for name in unread} == {"ignored"}
    assert {fate.action for fate in PARAMETERS.values()} == {"mapped", "ignored"}

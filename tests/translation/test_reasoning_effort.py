"""reasoning_effort → thinkingConfig: the table of the Gemini API's thinking controls, times every effort."""

import pytest

from tests.translation.translating import MODELS, config

EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")

# What each effort of EFFORTS becomes: thinkingLevel, or thinkingBudget on 2.5 (Gemini API, thinking).
TO_HIGH = ("MINIMAL", "MINIMAL", "LOW", "MEDIUM", "HIGH", "HIGH", "HIGH")
FROM_LOW = ("LOW", "LOW", "LOW", "MEDIUM", "HIGH", "HIGH", "HIGH")
TO_XHIGH = ("LOW", "LOW", "LOW", "MEDIUM", "HIGH", "XHIGH", "XHIGH")
TABLE = {
    "gemini-2.5-pro": (128, 1_024, 1_024, 8_192, 24_576, 32_768, 32_768),
    "gemini-2.5-flash": (0, 1_024, 1_024, 8_192, 24_576, 24_576, 24_576),
    "gemini-2.5-flash-lite": (0, 1_024, 1_024, 8_192, 24_576, 24_576, 24_576),
    "gemini-2.5-pro-exp-03-25": (128, 1_024, 1_024, 8_192, 24_576, 32_768, 32_768),
    "gemini-3-flash-preview": TO_HIGH,
    "gemini-3-pro-preview": ("LOW", "LOW", "LOW", "HIGH", "HIGH", "HIGH", "HIGH"),
    "gemini-3.1-flash-lite": TO_HIGH,
    "gemini-3.1-pro-preview": FROM_LOW,
    "gemini-3.1-pro-preview-customtools": FROM_LOW,
    "gemini-pro-latest": FROM_LOW,
    "gemini-3.5-flash": TO_HIGH,
    "gemini-3.6-flash": TO_HIGH,
    "gemini-3.5-flash-lite": TO_HIGH,
    "gemini-flash-lite-latest": TO_HIGH,
    "gemini-3.7-flash": FROM_LOW,
    "gemini-3.8-flash": FROM_LOW,
    "gemini-flash-latest": FROM_LOW,
    "gemini-4-argon": FROM_LOW,
    "gemini-4-carbon": FROM_LOW,
    "gemini-4-hydrogen": TO_XHIGH,
    "gemini-4-neon": TO_XHIGH,
    # Newer than the table: what every newer model so far has taken.
    "gemini-5-anything": FROM_LOW,
}
UNTHINKING = (
    "gemini-2.0-flash",
    "gemini-1.5-pro",
    "gemini-3-pro-image",
    "gemini-2.5-flash-preview-tts",
    "gemma-3-27b-it",
)


@pytest.mark.parametrize(
    ("model", "effort", "expected"),
    [(model, effort, cell) for model, row in TABLE.items() for effort, cell in zip(EFFORTS, row, strict=True)],
)
def test_every_effort_of_every_family(model, effort, expected):
    thinking = config(model, reasoning_effort=effort)["thinkingConfig"]
    name = "thinkingBudget" if isinstance(expected, int) else "thinkingLevel"
    assert thinking == {name: expected} | ({} if effort == "none" else {"includeThoughts": True})


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("effort", EFFORTS)
def test_every_model_takes_every_effort(model, effort):
    config(model, reasoning_effort=effort, max_tokens=50)


@pytest.mark.parametrize("model", UNTHINKING)
@pytest.mark.parametrize("effort", EFFORTS)
def test_models_that_do_not_think_are_not_told_to(model, effort):
    assert "thinkingConfig" not in config(model, reasoning_effort=effort)


@pytest.mark.parametrize("model", MODELS)
def test_without_an_effort_the_model_decides(model):
    assert "thinkingConfig" not in config(model)


@pytest.mark.parametrize(("model", "row"), TABLE.items())
@pytest.mark.parametrize("members", [{"max_tokens": 1_023}, {"max_completion_tokens": 1}])
def test_a_limit_that_thinking_would_use_up_makes_the_model_think_least(model, row, members):
    name = "thinkingBudget" if isinstance(row[0], int) else "thinkingLevel"
    assert config(model, **members)["thinkingConfig"] == {name: row[0]}
    assert "thinkingConfig" not in config(model, max_tokens=1_024)


@pytest.mark.parametrize("model", UNTHINKING)
def test_a_small_limit_changes_nothing_for_models_that_do_not_think(model):
    assert "thinkingConfig" not in config(model, max_tokens=5)


def test_who_asks_for_thinking_gets_it_however_small_the_limit():
    assert config(max_tokens=5, reasoning_effort="high")["thinkingConfig"]["thinkingLevel"] == "HIGH"
    assert config(max_tokens=5, google={"thinking_config": {"include_thoughts": True}})["thinkingConfig"] == {
        "includeThoughts": True
    }


@pytest.mark.parametrize("members", [{"reasoning": {"effort": "low", "exclude": True}}, {"reasoning_effort": "low"}])
def test_an_effort_may_come_in_routers_form(members):
    assert config(**members)["thinkingConfig"]["thinkingLevel"] == "LOW"


def test_openais_own_parameter_wins_over_the_routers():
    made = config(reasoning_effort="high", reasoning={"effort": "low"})
    assert made["thinkingConfig"]["thinkingLevel"] == "HIGH"


def thinking(model, wanted, **members):
    return config(model, google={"thinking_config": wanted}, **members).get("thinkingConfig")


@pytest.mark.parametrize(
    ("model", "wanted", "expected"),
    [
        ("gemini-2.5-flash", {"thinking_budget": 500}, {"thinkingBudget": 500, "includeThoughts": True}),
        ("gemini-2.5-flash", {"thinkingBudget": -1}, {"thinkingBudget": -1, "includeThoughts": True}),
        ("gemini-2.5-flash", {"thinking_budget": 0}, {"thinkingBudget": 0, "includeThoughts": True}),
        ("gemini-2.5-flash", {"thinking_budget": 99_999}, {"thinkingBudget": 24_576, "includeThoughts": True}),
        ("gemini-2.5-flash", {"thinking_budget": -7}, {"thinkingBudget": 1, "includeThoughts": True}),
        ("gemini-2.5-pro", {"thinking_budget": 0}, {"thinkingBudget": 128, "includeThoughts": True}),
        ("gemini-2.5-flash-lite", {"thinking_budget": 5}, {"thinkingBudget": 512, "includeThoughts": True}),
        ("gemini-2.5-flash", {"thinking_budget": True}, {"includeThoughts": True}),
        ("gemini-2.5-flash", {"thinking_budget": "5"}, {"includeThoughts": True}),
        ("gemini-2.5-flash", {"thinking_level": "low"}, {"includeThoughts": True}),
        ("gemini-3.8-flash", {"thinking_level": "minimal"}, {"thinkingLevel": "LOW", "includeThoughts": True}),
        ("gemini-3.8-flash", {"thinkingLevel": "HIGH"}, {"thinkingLevel": "HIGH", "includeThoughts": True}),
        ("gemini-3.8-flash", {"thinking_level": "huge"}, {"includeThoughts": True}),
        ("gemini-3.8-flash", {"thinking_budget": 5}, {"includeThoughts": True}),
        ("gemini-3.8-flash", {"thinking_level": 5}, {"includeThoughts": True}),
        (
            "gemini-3.8-flash",
            {"thinking_level": "low", "thinking_budget": 5},
            {"thinkingLevel": "LOW", "includeThoughts": True},
        ),
        ("gemini-3.8-flash", {"include_thoughts": False}, {"includeThoughts": False}),
        ("gemini-3.8-flash", {"includeThoughts": True}, {"includeThoughts": True}),
        ("gemini-3.8-flash", {"include_thoughts": "yes"}, {"includeThoughts": True}),
        ("gemini-3.8-flash", {}, None),
        ("gemini-3.8-flash", "high", None),
        ("gemini-2.0-flash", {"thinking_budget": 5}, None),
    ],
)
def test_googles_own_thinking_config_is_kept_within_what_the_family_takes(model, wanted, expected):
    assert thinking(model, wanted) == expected


def test_googles_own_config_wins_over_the_effort():
    made = thinking("gemini-3.8-flash", {"thinking_level": "low"}, reasoning_effort="high")
    assert made == {"thinkingLevel": "LOW", "includeThoughts": True}
    made = thinking("gemini-3.8-flash", {"include_thoughts": False}, reasoning_effort="high")
    assert made == {"thinkingLevel": "HIGH", "includeThoughts": False}

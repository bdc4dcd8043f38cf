"""reasoning_effort → thinkingConfig, by model family (Gemini API, thinking: levels since 3, budgets on 2.5)."""

from typing import Any

from compat.translation.families import LEVELS, Family

_LEVEL = {
    "none": "MINIMAL",
    "minimal": "MINIMAL",
    "low": "LOW",
    "medium": "MEDIUM",
    "high": "HIGH",
    "xhigh": "XHIGH",
    "max": "XHIGH",
}
# Google's own OpenAI layer uses these budgets.
_BUDGET = {"none": 0, "minimal": 1_024, "low": 1_024, "medium": 8_192, "high": 24_576, "xhigh": 32_768, "max": 32_768}


def to_thinking_config(effort: str | None, wanted: dict[str, Any] | None, family: Family) -> dict[str, Any] | None:
    """The thinkingConfig for an effort, or for Google's own `thinking_config` in `wanted`, which wins.

    None where nothing was asked for or the family does not think. An effort that the family lacks becomes the nearest
    one it has: `none` on a model that cannot stop thinking is the weakest.
    """
    if (effort is None and not wanted) or not family.thinks:
        return None
    config: dict[str, Any] = _explicit(wanted or {}, family)
    if effort is not None and not ({"thinkingLevel", "thinkingBudget"} & config.keys()):
        config |= _of_effort(effort, family)
    if effort != "none":
        config.setdefault("includeThoughts", True)
    return config


def least_thinking(family: Family) -> dict[str, Any] | None:
    """The thinkingConfig for as little as the family can; None where it does not think at all."""
    return _of_effort("none", family) if family.thinks else None


def _of_effort(effort: str, family: Family) -> dict[str, Any]:
    if family.levels:
        return {"thinkingLevel": nearest_level(_LEVEL[effort], family.levels)}
    return {"thinkingBudget": _within(_BUDGET[effort], family)}


def nearest_level(level: str, allowed: tuple[str, ...]) -> str:
    """The allowed level nearest to `level`; of two that are as near, the stronger."""
    rank = LEVELS.index(level)
    return min(allowed, key=lambda name: (abs(LEVELS.index(name) - rank), -LEVELS.index(name)))


def _within(budget: int, family: Family) -> int:
    least, greatest = family.budget or (0, 0)
    if budget == -1 or (budget == 0 and family.budget_zero):
        return budget
    return max(least, min(budget, greatest))


def _explicit(wanted: dict[str, Any], family: Family) -> dict[str, Any]:
    """Google's `thinking_config` members, in either spelling; a member that the family refuses is left out."""
    config: dict[str, Any] = {}
    show = wanted.get("include_thoughts", wanted.get("includeThoughts"))
    if isinstance(show, bool):
        config["includeThoughts"] = show
    level = str(wanted.get("thinking_level", wanted.get("thinkingLevel", ""))).upper()
    budget = wanted.get("thinking_budget", wanted.get("thinkingBudget"))
    if family.levels and level in LEVELS:
        config["thinkingLevel"] = nearest_level(level, family.levels)
    elif family.budget and isinstance(budget, int) and not isinstance(budget, bool):
        config["thinkingBudget"] = _within(budget, family)
    return config

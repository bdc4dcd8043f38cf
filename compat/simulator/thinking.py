"""How much the simulated model thinks, and what it shows of it (Gemini API reference, 2.7)."""

from compat.simulator.model_facts import ModelFacts
from compat.simulator.wire import JsonObject

_TOKENS = {"MINIMAL": 0, "LOW": 16, "MEDIUM": 32, "HIGH": 64, "XHIGH": 128}
_DYNAMIC = 32


def thinking_tokens(facts: ModelFacts, config: JsonObject) -> int:
    """The tokens of thought before the answer, by level or budget, else by the model's default."""
    asked = config.get("thinkingConfig", {})
    if "thinkingLevel" in asked:
        return _TOKENS.get(asked["thinkingLevel"], _DYNAMIC)
    default = facts.budget.default if facts.budget else None
    budget = asked.get("thinkingBudget", default)
    if budget is not None:
        return _DYNAMIC if budget < 0 else min(budget, _DYNAMIC * 2)
    return _TOKENS.get(facts.default_level, 0)


def thoughts_shown(config: JsonObject) -> list[JsonObject]:
    """The thought parts, in two steps as real summaries come; empty unless asked for."""
    if not config.get("thinkingConfig", {}).get("includeThoughts"):
        return []
    return [
        {
            "text": "**Reading the Request**\n\nI'm looking at what was asked. It is short and clear.\n\n\n",
            "thought": True,
        },
        {"text": "**Forming the Answer**\n\nI'll give the words back, as a simulator does.\n\n\n", "thought": True},
    ]

"""Rules for thinkingConfig: budget or level, as the model has it (Gemini API reference, 2.7)."""

from collections.abc import Iterator

from compat.schemas.gemini_request.violation import Violation
from compat.simulator.model_facts import Budget, ModelFacts
from compat.simulator.wire import JsonObject

_PLACE = "generation_config.thinking_config"


def violations(facts: ModelFacts, request: JsonObject) -> Iterator[Violation]:
    """What is wrong with the thinking config."""
    config = request.get("generationConfig", {}).get("thinkingConfig")
    if config is None:
        return
    if not facts.thinks:
        yield Violation(_PLACE, f"Thinking is not enabled for {facts.path}")
        return
    if "thinkingBudget" in config and "thinkingLevel" in config:
        yield Violation(_PLACE, "You can only set only one of thinking budget and thinking level.")
        return
    if "thinkingBudget" in config:
        yield from _broken_budget(facts, config["thinkingBudget"])
    if "thinkingLevel" in config:
        yield from _broken_level(facts, config["thinkingLevel"])


def _broken_budget(facts: ModelFacts, budget: int) -> Iterator[Violation]:
    place = f"{_PLACE}.thinking_budget"
    if facts.since(4) or facts.kind == "gemma":
        yield Violation(place, "Thinking budget is not supported for this model.")
    elif budget < -1:
        yield Violation(place, f"The thinking budget {budget} is invalid.")
    elif facts.budget is not None and not _fits(budget, facts.budget):
        if budget == 0:
            yield Violation(place, "Budget 0 is invalid. This model only works in thinking mode.")
        else:
            sentence = (
                f"The thinking budget {budget} is invalid. Please choose a value between {facts.budget.low} and"
                f" {facts.budget.high}."
            )
            yield Violation(place, sentence)


def _fits(budget: int, allowed: Budget) -> bool:
    if budget == -1 or (budget == 0 and allowed.may_be_off):
        return True
    return max(1, allowed.low) <= budget <= allowed.high


def _broken_level(facts: ModelFacts, level: str) -> Iterator[Violation]:
    place = f"{_PLACE}.thinking_level"
    if not facts.levels:
        yield Violation(place, "Thinking level is not supported for this model.")
    elif level not in facts.levels:
        sentence = f"Thinking level {level} is not supported for this model. Please retry with other thinking level."
        yield Violation(place, sentence)

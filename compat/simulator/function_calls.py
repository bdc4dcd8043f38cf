"""Which declared functions the simulated model calls, and with what."""

import re

from compat.simulator.prompts import Prompt
from compat.simulator.schema_examples import example
from compat.simulator.wire import JsonObject

_TWO = re.compile(r"\b(both|two|twice|parallel)\b", re.IGNORECASE)


def chosen_calls(prompt: Prompt) -> list[JsonObject]:
    """The functionCalls (name and args) of the answer; empty when it is to be text.

    ANY always calls: what the text names, else the first function not yet called in this turn. AUTO and VALIDATED
    call what the text names, until there are responses. "both", "two", "twice" or "parallel" makes it two calls.
    """
    if not prompt.may_call:
        return []
    named = [name for name in prompt.functions if _names(prompt.text, name)]
    if prompt.mode == "ANY":
        left = [name for name in prompt.functions if name not in prompt.called]
        names = [name for name in named if name in left] or left[:1] or list(prompt.functions)[-1:]
    else:
        names = [] if prompt.responses else named
    if len(names) == 1 and _TWO.search(prompt.text) and not prompt.responses:
        names = _two(names[0], prompt)
    return [
        {"name": name, "args": _arguments(prompt.functions[name], names[:turn].count(name))}
        for turn, name in enumerate(names)
    ]


def _names(text: str, name: str) -> bool:
    spoken = re.escape(name).replace("_", "[_ ]")
    return re.search(rf"(?<![A-Za-z0-9_]){spoken}(?![A-Za-z0-9_])", text, re.IGNORECASE) is not None


def _two(name: str, prompt: Prompt) -> list[str]:
    others = [other for other in prompt.functions if other != name]
    return [name, others[0]] if prompt.mode == "ANY" and others else [name, name]


def _arguments(schema: JsonObject | None, turn: int) -> JsonObject:
    value = example(schema, "arguments", turn) if schema else {}
    return value if type(value) is dict else {}

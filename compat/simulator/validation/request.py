"""Rules for the request as a whole: caches, continuation, size of the prompt (Gemini API reference, 2.9, 5, 7)."""

from collections.abc import Iterator

from compat.schemas.gemini_request.violation import Violation
from compat.simulator.continuation import read_token
from compat.simulator.model_facts import ModelFacts
from compat.simulator.tokens import prompt_tokens
from compat.simulator.wire import JsonObject


def violations(facts: ModelFacts, request: JsonObject) -> Iterator[Violation]:
    """What is wrong with members that stand together, and a prompt that is too long."""
    if "cachedContent" in request:
        yield from _broken_cache_use(facts, request)
    if "continuationToken" in request and not facts.since(4):
        yield Violation("continuation_token", f"Continuation is not enabled for {facts.path}")
    elif "continuationToken" in request and read_token(request["continuationToken"]) is None:
        yield Violation("continuation_token", "Invalid continuation token.")
    tokens = sum(prompt_tokens(request).values())
    if tokens > facts.input_limit:
        sentence = (
            f"The input token count ({tokens}) exceeds the maximum number of tokens allowed ({facts.input_limit})."
        )
        yield Violation("contents", sentence)


def _broken_cache_use(facts: ModelFacts, request: JsonObject) -> Iterator[Violation]:
    if facts.since(4):
        yield Violation("cached_content", f"Explicit caching is not enabled for {facts.path}")
    if {"systemInstruction", "tools", "toolConfig"} & request.keys():
        sentence = (
            "CachedContent can not be used with GenerateContent request setting system_instruction, tools or"
            " tool_config."
        )
        yield Violation("cached_content", sentence)

"""usageMetadata → usage (Gemini API, usageMetadata: a running total in streams, each count may be missing)."""

import operator
from typing import Any, NamedTuple, TypeGuard

from compat.schemas.gemini import ModalityCount, UsageMetadata

_MOST = 2**53
_TIERS = frozenset({"flex", "priority"})


class Usage(NamedTuple):
    """Token counts of one or several replies. `prompt` holds the cached part; `completion` is without reasoning."""

    prompt: int = 0
    cached: int = 0
    tool_prompt: int = 0
    completion: int = 0
    reasoning: int = 0
    audio_in: int = 0
    audio_out: int = 0
    known: bool = False
    """False while no reply has told any count."""
    tier: str = ""
    """In which it was answered, flex or priority; "" in the usual one."""

    def merged(self, meta: UsageMetadata | None) -> "Usage":
        """These counts with those of a later reply of the same call put over them; what it lacks is kept.

        Counts that cannot be (negative, or beyond 2**53) are passed over.
        """
        if meta is None:
            return self
        prompt, cached, tool_prompt, completion, reasoning, audio_in, audio_out, known, tier = self
        if _is_count(new := meta.promptTokenCount):
            prompt, known = new, True
        if _is_count(new := meta.cachedContentTokenCount):
            cached = new
        if _is_count(new := meta.toolUsePromptTokenCount):
            tool_prompt = new
        if _is_count(new := meta.candidatesTokenCount):
            completion = new
        if _is_count(new := meta.thoughtsTokenCount):
            reasoning = new
        audio_in = _of_audio(meta.promptTokensDetails, audio_in)
        audio_out = _of_audio(meta.candidatesTokensDetails, audio_out)
        known = known or _is_count(meta.totalTokenCount)
        if meta.serviceTier and (answered_in := meta.serviceTier.lower()) in _TIERS:
            tier = answered_in
        return Usage(prompt, cached, tool_prompt, completion, reasoning, audio_in, audio_out, known, tier)

    def __add__(self, other: object) -> "Usage":
        """The counts of two calls together."""
        if not isinstance(other, Usage):
            return NotImplemented
        sums = map(operator.add, self[:_COUNTS], other[:_COUNTS])
        return Usage._make((*sums, self.known and other.known, self.tier or other.tier))

    @property
    def prompt_total(self) -> int:
        """What OpenAI calls prompt_tokens: the prompt and what server-side tools read."""
        return self.prompt + self.tool_prompt

    @property
    def completion_total(self) -> int:
        """What OpenAI calls completion_tokens: the answer and the reasoning."""
        return self.completion + self.reasoning

    @property
    def total(self) -> int:
        """Every token that counts."""
        return self.prompt_total + self.completion_total


_COUNTS = Usage._fields.index("known")


def to_usage(usage: Usage) -> dict[str, Any]:
    """OpenAI's usage object of a chat completion."""
    prompt, completion = usage.prompt_total, usage.completion_total
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": usage.cached, "audio_tokens": usage.audio_in},
        "completion_tokens_details": {
            "reasoning_tokens": usage.reasoning,
            "audio_tokens": usage.audio_out,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def estimate_tokens(characters: int) -> int:
    """A rough count for text that was never counted: four characters a token, at least one."""
    return max(1, -(-characters // 4))


def _is_count(told: int | None) -> TypeGuard[int]:
    return told is not None and 0 <= told < _MOST


def _of_audio(details: list[ModalityCount] | None, known: int) -> int:
    if not details:
        return known
    count = sum(count.tokenCount for count in details if count.modality == "AUDIO")
    return count if _is_count(count) else known

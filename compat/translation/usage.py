"""usageMetadata → usage (Gemini API, usageMetadata: a running total in streams, each count may be missing)."""

from typing import Any, TypeGuard

from msgspec import Struct

from compat.schemas.gemini import ModalityCount, UsageMetadata

_MOST = 2**53 - 1
_TIERS = frozenset({"flex", "priority"})


class Usage(Struct, frozen=True, gc=False):
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
        tier = meta.serviceTier
        return Usage(
            _told(meta.promptTokenCount, self.prompt),
            _told(meta.cachedContentTokenCount, self.cached),
            _told(meta.toolUsePromptTokenCount, self.tool_prompt),
            _told(meta.candidatesTokenCount, self.completion),
            _told(meta.thoughtsTokenCount, self.reasoning),
            _of_audio(meta.promptTokensDetails, self.audio_in),
            _of_audio(meta.candidatesTokensDetails, self.audio_out),
            self.known or _is_count(meta.promptTokenCount) or _is_count(meta.totalTokenCount),
            tier.lower() if tier and tier.lower() in _TIERS else self.tier,
        )

    def __add__(self, other: object) -> "Usage":
        """The counts of two calls together."""
        if not isinstance(other, Usage):
            return NotImplemented
        return Usage(
            self.prompt + other.prompt,
            self.cached + other.cached,
            self.tool_prompt + other.tool_prompt,
            self.completion + other.completion,
            self.reasoning + other.reasoning,
            self.audio_in + other.audio_in,
            self.audio_out + other.audio_out,
            self.known and other.known,
            self.tier or other.tier,
        )

    def totals(self) -> tuple[int, int]:
        """What OpenAI calls prompt_tokens and completion_tokens, which together are every token that counts.

        The first holds what server-side tools read as well, the second the reasoning.
        """
        return self.prompt + self.tool_prompt, self.completion + self.reasoning


NO_USAGE = Usage()
"""What is known before any reply has told a count."""


def to_usage(usage: Usage) -> dict[str, Any]:
    """OpenAI's usage object of a chat completion."""
    prompt, completion = usage.totals()
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
    return told is not None and 0 <= told <= _MOST


def _told(told: int | None, known: int) -> int:
    """The count that is told now, else the one that is known."""
    return told if told is not None and 0 <= told <= _MOST else known


def _of_audio(details: list[ModalityCount] | None, known: int) -> int:
    if not details:
        return known
    return _told(sum(count.tokenCount for count in details if count.modality == "AUDIO"), known)

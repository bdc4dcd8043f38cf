"""usageMetadata: the running totals in every event (Gemini API reference, 4.3)."""

from dataclasses import dataclass, field

from compat.simulator.wire import JsonObject


@dataclass(slots=True)
class Usage:
    """The counts of one answer that do not change while it is sent."""

    prompt: dict[str, int]
    cached: int = 0
    tool_use: int = 0
    thoughts: int = 0
    service_tier: str = "standard"
    made: dict[str, int] = field(default_factory=dict)

    def at(self, candidates: int) -> JsonObject:
        """The metadata once so many candidate tokens are out; what is nothing is absent, not 0."""
        prompt_total = sum(self.prompt.values())
        counts: JsonObject = {"promptTokenCount": prompt_total}
        if candidates:
            counts["candidatesTokenCount"] = candidates
        counts["totalTokenCount"] = prompt_total + candidates + self.thoughts + self.tool_use
        if self.cached:
            counts["cachedContentTokenCount"] = self.cached
        counts["promptTokensDetails"] = _details(self.prompt)
        if self.cached:
            counts["cacheTokensDetails"] = _details({"TEXT": self.cached})
        if self.made:
            counts["candidatesTokensDetails"] = _details(self.made)
        if self.tool_use:
            counts["toolUsePromptTokenCount"] = self.tool_use
            counts["toolUsePromptTokensDetails"] = _details({"TEXT": self.tool_use})
        if self.thoughts:
            counts["thoughtsTokenCount"] = self.thoughts
        counts["serviceTier"] = self.service_tier
        return counts


def _details(counts: dict[str, int]) -> list[JsonObject]:
    return [{"modality": modality, "tokenCount": tokens} for modality, tokens in counts.items() if tokens]

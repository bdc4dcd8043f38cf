"""What a Gemini model takes and refuses, so that no rule has to look at a model's name."""

from dataclasses import dataclass

GENERATE = ("generateContent", "countTokens", "createCachedContent", "batchGenerateContent")
GENERATE_UNCACHED = ("generateContent", "countTokens", "batchGenerateContent")
EMBED = ("embedContent", "countTextTokens", "countTokens", "asyncBatchEmbedContent")
LIVE = ("bidiGenerateContent",)


@dataclass(frozen=True, slots=True)
class Budget:
    """The thinkingBudget a 2.5 model takes, in tokens; -1 (the model decides) is always taken."""

    low: int
    high: int
    may_be_off: bool
    default: int = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFacts:
    """One row of the model list and the rules that hold for it (Gemini API reference 2.3 to 2.9 and 9)."""

    id: str
    served_as: str
    display_name: str
    version: str
    generation: tuple[int, int]
    input_limit: int
    output_limit: int
    methods: tuple[str, ...] = GENERATE
    kind: str = "text"  # text, gemma, image, speech, embedding, special (listed, but answers elsewhere)
    levels: tuple[str, ...] = ()
    default_level: str = ""
    budget: Budget | None = None
    paid_only: bool = False
    logprobs: bool = False
    system_instruction: bool = True

    @property
    def path(self) -> str:
        """The name as the API writes it."""
        return f"models/{self.id}"

    @property
    def is_gemini(self) -> bool:
        """Whether Gemini's own rules by generation hold (open and special models have others)."""
        return self.kind in {"text", "image", "speech"}

    def since(self, major: int, minor: int = 0) -> bool:
        """Whether this is a Gemini of that generation or later."""
        return self.is_gemini and self.generation >= (major, minor)

    @property
    def thinks(self) -> bool:
        """Whether a thinkingConfig may be sent at all."""
        return bool(self.levels or self.budget)

    @property
    def takes_functions(self) -> bool:
        """Whether tools with functionDeclarations are taken."""
        return self.kind in {"text", "gemma"}

    @property
    def takes_penalties(self) -> bool:
        """Whether presencePenalty and frequencyPenalty are taken; the simulator lets the 2.5 text models have them."""
        return self.kind == "text" and not self.since(3)

    @property
    def most_candidates(self) -> int:
        """The highest candidateCount."""
        return 8 if self.kind == "text" and not self.since(3) else 1

    @property
    def needs_signatures(self) -> bool:
        """Whether a function call of the current turn must come back with its thought signature."""
        return self.kind == "text" and self.since(3)

    @property
    def signs(self) -> bool:
        """Whether the model's own parts carry thought signatures."""
        return self.kind in {"text", "image"} and self.since(2, 5) and (self.kind == "text" or self.since(3))

    @property
    def names_calls(self) -> bool:
        """Whether function calls come with ids, which responses must repeat."""
        return self.kind == "text" and self.since(3, 5)

    def most_at_once(self, *, streamed: bool) -> int:
        """The most output tokens of one request; Gemini 4 continues beyond it with a token (reference, section 5)."""
        if not self.since(4):
            return self.output_limit
        return 65_536 if streamed or "hydrogen" in self.served_as else 32_768

    @property
    def shortest_cached_prefix(self) -> int:
        """How many tokens a repeated prefix needs to be cached; 0 where nothing is."""
        if self.kind != "text":
            return 0
        if self.since(4):
            return 6_144
        return 4_096 if self.since(3) or "pro" in self.served_as else 1_024

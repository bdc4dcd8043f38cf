"""The models the simulator serves, in the order in which it lists them (Gemini API reference, section 9)."""

from dataclasses import replace
from functools import lru_cache

from compat.simulator.faults import Fault, read_model_fault
from compat.simulator.model_facts import EMBED, GENERATE_UNCACHED, LIVE, Budget, ModelFacts
from compat.simulator.wire import JsonObject

MILLION = 1_048_576
LOW_UP = ("LOW", "MEDIUM", "HIGH")
MINIMAL_UP = ("MINIMAL", *LOW_UP)
TO_XHIGH = (*LOW_UP, "XHIGH")


def _text(model: str, version: str, levels: tuple[str, ...], default: str, *, paid: bool = False) -> ModelFacts:
    """A Gemini 3 or 4 text model; its generation is read from its id."""
    number = model.split("-")[1]
    major, _, minor = number.partition(".")
    facts = _plain(model, version, (int(major), int(minor)) if minor else (3, 0))
    return replace(facts, levels=levels, default_level=default, paid_only=paid)


def _gemini_4(model: str, version: str, levels: tuple[str, ...], default: str, *, paid: bool = True) -> ModelFacts:
    """A Gemini 4 model: one window of tokens shared by input and output."""
    facts = replace(_plain(model, version, (4, 0)), output_limit=MILLION)
    return replace(facts, levels=levels, default_level=default, paid_only=paid)


def _plain(model: str, version: str, generation: tuple[int, int]) -> ModelFacts:
    return ModelFacts(
        id=model,
        served_as=model,
        display_name=model.replace("-", " ").title(),
        version=version,
        generation=generation,
        input_limit=MILLION,
        output_limit=65_536,
    )


def _with_budget(model: str, version: str, budget: Budget, *, logprobs: bool = False) -> ModelFacts:
    return replace(_plain(model, version, (2, 5)), budget=budget, logprobs=logprobs)


def _gemma(model: str) -> ModelFacts:
    facts = replace(_plain(model, "001", (4, 0)), kind="gemma", methods=("generateContent", "countTokens"))
    return replace(facts, input_limit=262_144, output_limit=32_768, levels=MINIMAL_UP, default_level="MINIMAL")


def _image(model: str, version: str, generation: tuple[int, int], input_limit: int, output_limit: int) -> ModelFacts:
    facts = replace(_plain(model, version, generation), kind="image", methods=GENERATE_UNCACHED)
    return replace(facts, input_limit=input_limit, output_limit=output_limit, system_instruction=False)


def _speech(model: str, version: str, generation: tuple[int, int]) -> ModelFacts:
    facts = replace(_plain(model, version, generation), kind="speech", methods=GENERATE_UNCACHED)
    return replace(facts, input_limit=8_192, output_limit=16_384, system_instruction=generation >= (3, 0))


def _live(model: str, version: str) -> ModelFacts:
    return replace(_plain(model, version, (3, 0)), kind="special", methods=LIVE, input_limit=131_072)


def _embedding(model: str, version: str, input_limit: int) -> ModelFacts:
    facts = replace(_plain(model, version, (0, 0)), kind="embedding", methods=EMBED)
    return replace(facts, input_limit=input_limit, output_limit=1)


def _special(model: str, methods: tuple[str, ...]) -> ModelFacts:
    return replace(_plain(model, model, (3, 0)), kind="special", methods=methods, input_limit=131_072)


def _alias(model: str, target: ModelFacts) -> ModelFacts:
    return replace(target, id=model, display_name=model.replace("-", " ").title())


_flash = _text("gemini-3.8-flash", "3.8-flash-09-2026", LOW_UP, "MEDIUM")
_lite = _text("gemini-3.5-flash-lite", "3.5-flash-lite-07-2026", MINIMAL_UP, "MINIMAL")
_pro = _text("gemini-3.1-pro-preview", "3.1-pro-preview-01-2026", LOW_UP, "HIGH")

CATALOGUE: dict[str, ModelFacts] = {
    facts.id: facts
    for facts in (
        _with_budget("gemini-2.5-flash", "001", Budget(0, 24_576, may_be_off=True)),
        _with_budget("gemini-2.5-pro", "2.5", Budget(128, 32_768, may_be_off=False)),
        _with_budget("gemini-2.5-flash-lite", "001", Budget(512, 24_576, may_be_off=True, default=0), logprobs=True),
        _speech("gemini-2.5-flash-preview-tts", "gemini-2.5-flash-exp-tts-2025-05-19", (2, 5)),
        _speech("gemini-2.5-pro-preview-tts", "gemini-2.5-pro-preview-tts-2025-05-19", (2, 5)),
        _gemma("gemma-4-26b-a4b-it"),
        _gemma("gemma-4-31b-it"),
        _alias("gemini-flash-latest", _flash),
        _alias("gemini-flash-lite-latest", _lite),
        _alias("gemini-pro-latest", _pro),
        _text("gemini-3-flash-preview", "3-flash-preview-12-2025", MINIMAL_UP, "HIGH"),
        _pro,
        replace(_alias("gemini-3.1-pro-preview-customtools", _pro), served_as="gemini-3.1-pro-preview-customtools"),
        _text("gemini-3.1-flash-lite", "3.1-flash-lite-05-2026", MINIMAL_UP, "MINIMAL"),
        _image("gemini-3-pro-image", "3.0", (3, 0), 131_072, 32_768),
        _image("gemini-3.1-flash-image", "3.0", (3, 1), 65_536, 65_536),
        _image("gemini-3.1-flash-lite-image", "3.0", (3, 1), 65_536, 65_536),
        _text("gemini-3.5-flash", "3.5-flash-05-2026", MINIMAL_UP, "MEDIUM"),
        _lite,
        _text("gemini-3.6-flash", "3.6-flash-07-2026", MINIMAL_UP, "MEDIUM"),
        _text("gemini-3.7-flash", "3.7-flash-08-2026", LOW_UP, "MEDIUM"),
        _flash,
        _gemini_4("gemini-4-argon", "4-argon-10-2026", LOW_UP, "MEDIUM"),
        _gemini_4("gemini-4-carbon", "4-carbon-11-2026", LOW_UP, "MEDIUM"),
        _gemini_4("gemini-4-hydrogen", "4-hydrogen-11-2026", TO_XHIGH, "HIGH", paid=False),
        _gemini_4("gemini-4-neon", "4-neon-11-2026", TO_XHIGH, "HIGH"),
        _speech("gemini-3.1-flash-tts-preview", "3.1-flash-tts-preview", (3, 1)),
        _speech("gemini-3.8-flash-tts", "3.8-flash-tts-10-2026", (3, 8)),
        _speech("gemini-3.8-flash-lite-tts", "3.8-flash-lite-tts-10-2026", (3, 8)),
        _special("gemini-omni-flash-preview", ("generateContent", "countTokens")),
        _special("lyria-3-pro-preview", ("generateContent", "countTokens")),
        _special("antigravity-preview-05-2026", ("generateContent", "countTokens")),
        _special("deep-research-preview-04-2026", ("generateContent", "countTokens")),
        _embedding("gemini-embedding-001", "001", 2_048),
        _embedding("gemini-embedding-2", "2", 8_192),
        _special("imagen-4.0-generate-001", ("predict",)),
        _special("veo-3.1-generate-preview", ("predictLongRunning",)),
        _live("gemini-3.8-live", "3.8-live-10-2026"),
        _live("gemini-3.8-live-extended-thinking", "3.8-live-10-2026"),
        _live("gemini-3.1-flash-live-preview", "3.1-flash-live-03-2026"),
    )
}


@lru_cache(maxsize=1024)
def find_model(name: str) -> tuple[ModelFacts, Fault | None] | None:
    """The model of that id and the fault its name asks for (`gemini-3.8-flash--overloaded`); None when there is none.

    Everything the reference lists as gone is simply absent.
    """
    facts = CATALOGUE.get(name)
    if facts is not None:
        return facts, None
    base, mark, wanted = name.partition("--")
    fault = read_model_fault(wanted) if mark else None
    facts = CATALOGUE.get(base)
    if facts is None or fault is None:
        return None
    return replace(facts, id=name), fault


def to_listing(facts: ModelFacts) -> JsonObject:
    """The model object of GET /v1beta/models."""
    listing: JsonObject = {
        "name": facts.path,
        "version": facts.version,
        "displayName": facts.display_name,
        "description": f"Simulated {facts.display_name}.",
        "inputTokenLimit": facts.input_limit,
        "outputTokenLimit": facts.output_limit,
        "supportedGenerationMethods": list(facts.methods),
    }
    if facts.kind != "embedding":
        warmest = 1 if facts.kind == "image" else 2
        listing |= {"temperature": 1, "topP": 0.95, "topK": 64, "maxTemperature": warmest}
    if facts.thinks:
        listing["thinking"] = True
    return listing

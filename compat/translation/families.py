"""What each family of Gemini models can do: a table, read by the first pattern that fits (Gemini API, models and thinking)."""

import re
from functools import lru_cache
from typing import NamedTuple

LEVELS = ("MINIMAL", "LOW", "MEDIUM", "HIGH", "XHIGH")


class Family(NamedTuple):
    """The abilities that decide what a request may carry."""

    generation: str
    """Signatures are bound to it; a change of generation makes them foreign."""
    levels: tuple[str, ...] = ()
    """thinkingLevel values, weakest first; empty where the family takes no level."""
    budget: tuple[int, int] | None = None
    """Least and greatest thinkingBudget, where the family takes a budget instead."""
    budget_zero: bool = False
    """True where a budget of 0 switches thinking off."""
    candidates: int = 1
    """The greatest candidateCount."""
    penalties: bool = True
    logprobs: bool = False
    json_schema: bool = True
    """Takes JSON Schema (parametersJsonSchema, responseJsonSchema), not only the OpenAPI subset."""
    functions: bool = True
    tools_with_json: bool = True
    """Takes tools beside responseMimeType application/json."""
    system: bool = True
    code_with_functions: bool = False
    """Runs code beside functions, where a switch says so."""
    signatures: bool = False
    """Demands a thought signature on the first call of each step of the current turn."""
    response_parts: bool = False
    """Takes images inside a functionResponse."""
    prefill: bool = True
    """Takes a last turn of role model."""
    input_limit: int = 1_048_576
    """Tokens of a prompt; a longer one is refused."""
    output_limit: int = 65_536
    """maxOutputTokens above it is refused."""
    speech: bool = False
    images: bool = False
    ratios: tuple[str, ...] = ()
    """aspectRatio values of a model that draws."""
    image_sizes: tuple[str, ...] = ()
    """imageSize values, smallest first; empty where the model has one size and takes no such member."""

    @property
    def writes_json(self) -> bool:
        """True where responseMimeType may be application/json."""
        return not (self.images or self.speech)

    @property
    def thinks(self) -> bool:
        """True where a thinkingConfig is allowed at all."""
        return bool(self.levels) or self.budget is not None


_ALL, _NO_MINIMAL, _TO_XHIGH = LEVELS[:4], LEVELS[1:4], LEVELS[1:5]
_OLD = Family("2", candidates=8, tools_with_json=False)
_THREE = Family("3", _ALL, code_with_functions=True, signatures=True, response_parts=True, penalties=False)
_NEW = _THREE._replace(prefill=False)
_FOUR = _NEW._replace(generation="4", levels=_NO_MINIMAL)
_MEDIA = Family("3", penalties=False, functions=False, tools_with_json=False, system=False, prefill=False)
_RATIOS = ("1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9", "21:9")
_IMAGE = _MEDIA._replace(
    images=True, input_limit=65_536, output_limit=32_768, ratios=_RATIOS, image_sizes=("1K", "2K", "4K")
)
_SPEECH = _MEDIA._replace(generation="2", speech=True, input_limit=8_192, output_limit=16_384)

FAMILIES: tuple[tuple[str, Family], ...] = (
    (r".*-tts\b.*", _SPEECH),
    (r"gemini-2\.5-flash-image.*", _IMAGE._replace(generation="2", input_limit=32_768, image_sizes=())),
    (
        r"gemini-3\.1-flash-image.*",
        _IMAGE._replace(ratios=(*_RATIOS, "1:4", "4:1", "1:8", "8:1"), image_sizes=("512", "1K", "2K", "4K")),
    ),
    (r".*-image\b.*", _IMAGE._replace(input_limit=131_072)),
    (r"gemini-4-(hydrogen|neon).*", _FOUR._replace(levels=_TO_XHIGH)),
    (r"gemini-4.*", _FOUR),
    (r"gemini-3\.[78]-flash-lite.*|gemini-flash-lite-latest", _NEW),
    (r"gemini-3\.[78].*|gemini-flash-latest", _NEW._replace(levels=_NO_MINIMAL)),
    (r"gemini-3\.6.*", _NEW),
    (r"gemini-3\.5.*", _THREE),
    (r"gemini-3\.1-pro.*|gemini-pro-latest", _THREE._replace(levels=_NO_MINIMAL)),
    (r"gemini-3-pro.*", _THREE._replace(levels=("LOW", "HIGH"))),
    (r"gemini-3.*", _THREE),
    (r"gemini-2\.5-pro.*", _OLD._replace(budget=(128, 32_768))),
    (r"gemini-2\.5-flash-lite.*", _OLD._replace(budget=(512, 24_576), budget_zero=True)),
    (r"gemini-2\.5.*", _OLD._replace(budget=(1, 24_576), budget_zero=True)),
    (r"gemini-2.*", _OLD._replace(logprobs=True, output_limit=8_192)),
    (r"gemini-1.*", _OLD._replace(logprobs=True, output_limit=8_192, json_schema=False)),
    (
        r"gemma-4.*",
        Family(
            "gemma",
            penalties=False,
            tools_with_json=False,
            json_schema=False,
            input_limit=262_144,
            output_limit=32_768,
        ),
    ),
    (
        r"gemma.*",
        Family(
            "gemma",
            penalties=False,
            functions=False,
            tools_with_json=False,
            system=False,
            json_schema=False,
            input_limit=131_072,
            output_limit=8_192,
        ),
    ),
)
_PATTERNS = tuple((re.compile(pattern), family) for pattern, family in FAMILIES)
# A name that the table does not know is newer than the table.
_UNKNOWN = _NEW._replace(levels=_NO_MINIMAL)


@lru_cache(maxsize=1024)
def family_of(model: str) -> Family:
    """The family of a Gemini model id (without `models/`)."""
    return next((family for pattern, family in _PATTERNS if pattern.fullmatch(model)), _UNKNOWN)

"""size and quality → imageConfig: the nearest shape and size that a model draws (Gemini API, imageConfig)."""

import math
import re

from compat.schemas.chat import ImageConfig
from compat.translation.families import Family
from compat.translation.refusals import Untranslatable

_SIZE = re.compile(r"([1-9]\d{1,4})x([1-9]\d{1,4})", re.ASCII)
# The length of a side of a square of each imageSize, in pixels; other shapes have as many pixels.
_SIDES = {"512": 512, "1K": 1024, "2K": 2048, "4K": 4096}
_FINE = frozenset({"high", "hd", "xhigh", "max"})


Pixels = tuple[int, int]
"""Width and height."""


def read_size(size: str | None, path: str = "size") -> Pixels | None:
    """The size that was asked for; None where the model is to choose. Raises Untranslatable for one that is none."""
    if size in {None, "auto"}:
        return None
    found = _SIZE.fullmatch(size or "")
    if found is None:
        raise Untranslatable(f"Invalid value: '{size}'. Expected 'auto' or WIDTHxHEIGHT, such as '1024x1024'.", path)
    return int(found[1]), int(found[2])


def to_image_config(size: Pixels | None, quality: str | None, family: Family) -> dict[str, str]:
    """Gemini's imageConfig, {} where the model chooses.

    What is nearest is measured by ratios, as the eye does: 2:1 is as far from 1:1 as 1:2.
    """
    if size is None:
        return {"imageSize": "2K"} if quality in _FINE and "2K" in family.image_sizes else {}
    width, height = size
    config = {"aspectRatio": min(family.ratios, key=lambda ratio: _distance(_ratio(ratio), width / height))}
    if family.image_sizes:
        side = math.sqrt(width * height)
        config["imageSize"] = min(family.image_sizes, key=lambda name: _distance(_SIDES[name], side))
    return config


def chosen_image_config(chosen: ImageConfig, family: Family) -> dict[str, str]:
    """The imageConfig that a chat asks for. Raises Untranslatable for a shape or size that the model has not."""
    config = to_image_config(read_size(chosen.size, "image_config.size"), chosen.quality, family)
    for name, theirs, value, taken in (
        ("aspectRatio", "aspect_ratio", chosen.aspect_ratio, family.ratios),
        ("imageSize", "image_size", chosen.image_size, family.image_sizes),
    ):
        if value is None or not taken:
            continue
        if value not in taken:
            raise Untranslatable(
                f"Invalid value: '{value[:32]}'. Supported values are: {', '.join(map(repr, taken))}.",
                f"image_config.{theirs}",
            )
        config[name] = value
    return config


def is_huge(size: Pixels | None) -> bool:
    """True where the model's largest imageSize is the nearest: such an image is tens of megabytes."""
    return size is not None and _distance(_SIDES["4K"], math.sqrt(size[0] * size[1])) < math.log(2) / 2


def told_size(size: str | None) -> str | None:
    """OpenAI's word for the size, where the image has just that many pixels; None where it has others."""
    return "1024x1024" if size == "1024x1024" else None


def _ratio(text: str) -> float:
    width, _, height = text.partition(":")
    return int(width) / int(height)


def _distance(one: float, other: float) -> float:
    return abs(math.log(one / other))

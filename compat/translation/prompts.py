"""prompt and input → texts: strings, lists of strings, token ids (cl100k_base) and lists of those."""

from functools import cache
from typing import Any

from compat.translation.refusals import Untranslatable


def to_texts(given: str | list[Any] | None, param: str, at_most: int) -> list[str]:
    """The texts in order. Raises Untranslatable for nothing, for an empty text and for a mixture."""
    texts = _texts(given, param)
    if len(texts) > at_most:
        raise Untranslatable(
            f"Invalid '{param}': at most {at_most} at once, but got {len(texts)}.", param, "array_above_max_length"
        )
    for index, text in enumerate(texts):
        if not text:
            path = param if len(texts) == 1 else f"{param}[{index}]"
            raise Untranslatable(f"Invalid '{path}': it cannot be an empty string.", param)
    return texts


def needs_vocabulary(given: object) -> bool:
    """True when token ids came and their table is not loaded yet: `load_vocabulary` takes a second and wants a thread."""
    if not isinstance(given, list) or not given or isinstance(given[0], str):
        return False
    return not load_vocabulary.cache_info().currsize


def _texts(given: str | list[Any] | None, param: str) -> list[str]:
    if isinstance(given, str):
        return [given]
    if not given:
        raise Untranslatable(f"Missing required parameter: '{param}'.", param, "missing_required_parameter")
    kinds = {type(item) for item in given}
    if kinds == {int}:
        return [_decoded(given, param)]
    if kinds == {str}:
        return given
    if kinds == {list}:
        return [_decoded(item, f"{param}[{index}]") for index, item in enumerate(given)]
    raise Untranslatable(f"Invalid '{param}': a list holds either texts or token ids, not both.", param)


def _decoded(tokens: list[int], param: str) -> str:
    """The text of cl100k_base token ids, which LangChain sends by default."""
    encoding = load_vocabulary()
    try:
        # A negative number is read as some other token.
        text = encoding.decode(tokens) if min(tokens, default=0) >= 0 else None
    except Exception:  # noqa: BLE001 (the library raises what its Rust core panics with)
        text = None
    if text is None:
        raise Untranslatable(f"Invalid '{param}': these are no token ids of cl100k_base.", param)
    return str(text)


@cache
def load_vocabulary() -> Any:
    """cl100k_base, loaded when the first token ids come: the table takes a second and some megabytes."""
    import bpe_openai

    return bpe_openai.get_encoding("cl100k_base")

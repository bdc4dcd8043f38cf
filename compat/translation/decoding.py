"""Bytes → structs, with every refusal in OpenAI's words: what is wrong, and the path of the member."""

import json
import math
import re
from typing import Any, NoReturn, TypeVar

import msgspec

from compat.translation.nesting import MAX_NESTING, is_nested_too_deep
from compat.translation.refusals import Untranslatable
from compat.translation.supported import supported_values

T = TypeVar("T")

_AT = re.compile(r" - at `(?:key in )?\$\.?(.*)`$", re.DOTALL)
_TYPE = re.compile(r"Expected `([^`]+)`, got `([^`]+)`")
_BOUND = re.compile(r"Expected `(\w+)`(?: (of length))? ([<>]=?) (\S+)")
_VALUE = re.compile(r"Invalid (?:enum )?value (.+)", re.DOTALL)
_MISSING = re.compile(r"Object missing required field `([^`]+)`")
_WORDS = {
    "int": "an integer",
    "float": "a decimal",
    "str": "a string",
    "bool": "a boolean",
    "array": "an array",
    "object": "an object",
    "null": "null",
}
_KINDS = {"int": "integer", "float": "decimal", "str": "string", "array": "array", "object": "object"}


class _DuplicateKey(ValueError):
    """An object names a member twice: two parsers could read two different requests."""


def decode(body: bytes, decoder: msgspec.json.Decoder[T]) -> T:
    """The struct in a request's body. Raises Untranslatable, for broken JSON too; `param` is a path like `messages[0].role`."""
    if not body.strip():
        _refuse_json("The body is empty.")
    try:
        decoded = decoder.decode(body)
    except msgspec.ValidationError as error:
        raise _refusal_of(error, decoder.type) from None
    except RecursionError:
        _refuse_nesting()
    except (msgspec.DecodeError, UnicodeDecodeError):
        _refuse_json("It is not valid JSON.")
    if is_nested_too_deep(body):
        _refuse_nesting()
    _refuse_duplicates(body)
    return decoded


def decode_part(raw: bytes | msgspec.Raw, decoder: msgspec.json.Decoder[T], path: str = "") -> T:
    """The struct in a part of a body that was read as JSON already. Raises Untranslatable; `path` is where the part stands."""
    try:
        return decoder.decode(raw)
    except msgspec.ValidationError as error:
        raise _refusal_of(error, decoder.type, path) from None


def convert(form: dict[str, Any], kind: type[T]) -> T:
    """The struct in the members of a form, whose texts may be numbers and truths. Raises Untranslatable."""
    try:
        return msgspec.convert(form, kind, strict=False)
    except msgspec.ValidationError as error:
        raise _refusal_of(error, kind) from None


def _refuse_json(why: str) -> NoReturn:
    raise Untranslatable(
        f"We could not parse the JSON body of your request. {why} Send one JSON object in UTF-8.", None, "invalid_json"
    )


def _refuse_nesting() -> NoReturn:
    raise Untranslatable(
        f"The JSON body of your request is nested too deep: at most {MAX_NESTING} levels.", None, "too_deep"
    )


def _refuse_duplicates(body: bytes) -> None:
    try:
        # It is one value: what msgspec has read already needs no second look at what stands behind it.
        _unique_decoder.raw_decode(body.decode("utf-8").lstrip())
    except _DuplicateKey as error:
        raise Untranslatable(
            f"The member {str(error)[:100]!r} is given twice.", str(error)[:100], "duplicate_key"
        ) from None
    except ValueError:
        # What msgspec takes in a member that is ignored or read later, and cannot read.
        _refuse_json("A number is too large.")


def _unique(pairs: list[tuple[str, Any]]) -> None:
    if len(dict(pairs)) != len(pairs):
        names = [name for name, _ in pairs]
        raise _DuplicateKey(next(name for name in names if names.count(name) > 1))


def _finite(text: str) -> None:
    """Refuse what is more than any float."""
    if math.isinf(float(text)):
        raise ValueError(text)


_unique_decoder = json.JSONDecoder(object_pairs_hook=_unique, parse_float=_finite)


def _refusal_of(error: msgspec.ValidationError, kind: Any, below: str = "") -> Untranslatable:
    """msgspec's sentence in OpenAI's words.

    `kind` is what it was to be, for the values that the member may have; `below` is the path of what was decoded, when it
    is part of something.
    """
    text = str(error)
    at = _AT.search(text)
    inside = at[1] if at else ""
    path = f"{below}.{inside}" if below and inside else below or inside
    if missing := _MISSING.search(text):
        param = f"{path}.{missing[1]}" if path else missing[1]
        return Untranslatable(f"Missing required parameter: '{param}'.", param, "missing_required_parameter")
    name = path or "the body"
    if bound := _BOUND.search(text):
        return _out_of_range(name, path or None, *bound.groups())
    if wrong := _TYPE.search(text):
        wanted = " or ".join(
            _WORDS.get(kind.strip(), kind.strip()) for kind in wrong[1].split("|") if kind.strip() != "null"
        )
        got = _WORDS.get(wrong[2], wrong[2])
        return Untranslatable(
            f"Invalid type for '{name}': expected {wanted}, but got {got} instead.", path or None, "invalid_type"
        )
    sentence = text[: at.start()] if at else text
    if (value := _VALUE.fullmatch(sentence)) and (supported := supported_values(kind, inside)):
        sentence = f"{value[1][:200]}. Supported values are: {_listed([repr(one) for one in supported])}"
    else:
        sentence = sentence[:200]
    return Untranslatable(f"Invalid value for '{name}': {sentence}.", path or None, "invalid_value")


def _listed(words: list[str]) -> str:
    """“a, b, and c”, as OpenAI writes it."""
    return ", ".join([*words[:-1], f"and {words[-1]}"]) if len(words) > 2 else " and ".join(words)


def _out_of_range(name: str, param: str | None, kind: str, length: str | None, sign: str, bound: str) -> Untranslatable:
    kind = _KINDS.get(kind, kind)
    side = "max" if sign.startswith("<") else "min"
    measured = "length" if length else "value"
    if length and side == "min" and kind == "array":
        return Untranslatable(f"Invalid '{name}': empty array. Expected at least {bound} item.", param, "empty_array")
    above = "above" if side == "max" else "below"
    return Untranslatable(
        f"Invalid '{name}': {kind} {above} {side}imum {measured}. Expected {measured} {sign} {bound}.",
        param,
        f"{kind}_{above}_{side}_{measured}",
    )

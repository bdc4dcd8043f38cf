"""JSON read against message types, as Google's transcoder reads protobuf JSON.

A reader takes a value, its path and the list of violations so far, and gives back the value in normal form: camelCase
names, no nulls (null means absent), enums in capitals, numbers as numbers.
"""

import re
from binascii import Error as Base64Error
from binascii import a2b_base64
from collections.abc import Callable, Collection, Mapping
from typing import Any, NamedTuple

import orjson

from compat.schemas.gemini_request.violation import Violation

JsonObject = dict[str, Any]
Found = list[Violation]
Reader = Callable[[Any, str, Found], Any]

_TYPES = "type.googleapis.com/google.ai.generativelanguage.v1beta."
_CAPITAL = re.compile(r"([A-Z])")
_LENIENT_BASE64 = re.compile(r"[A-Za-z0-9+/_-]*={0,2}\Z")
_WHOLE_NUMBER = re.compile(r"-?\d{1,20}\Z")
_LONGEST_QUOTE = 80


def to_snake(name: str) -> str:
    """The name as the API's errors spell it."""
    return _CAPITAL.sub(r"_\1", name).lower()


def misfit(value: object, path: str, expected: str, found: Found) -> None:
    """Note that the value is not of the expected type; long values are cut in the sentence."""
    try:
        shown = orjson.dumps(value).decode()
    except TypeError:
        shown = "…"
    if len(shown) > _LONGEST_QUOTE:
        shown = shown[:_LONGEST_QUOTE] + "…"
    found.append(Violation(path, f"Invalid value at '{path}' ({expected}), {shown}", malformed=True))


def nested_deeper(value: object, levels: int) -> bool:
    """Whether objects and lists stand in each other more than so many levels deep."""
    layer = [value]
    for _ in range(levels + 1):
        layer = [
            inner
            for outer in layer
            for inner in (outer.values() if type(outer) is dict else outer if type(outer) is list else ())
            if type(inner) in (dict, list)
        ]
        if not layer:
            return False
    return True


def string(value: Any, path: str, found: Found) -> Any:
    """A string."""
    if type(value) is not str:
        misfit(value, path, "TYPE_STRING", found)
    return value


def boolean(value: Any, path: str, found: Found) -> Any:
    """True or false, nothing like them."""
    if type(value) is not bool:
        misfit(value, path, "TYPE_BOOL", found)
    return value


def _integer(type_name: str, bits: int) -> Reader:
    lowest, highest = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1

    def read(value: Any, path: str, found: Found) -> Any:
        number = value
        written_otherwise = (
            _WHOLE_NUMBER.match(value) if type(value) is str else type(value) is float and value % 1 == 0
        )
        if written_otherwise:
            number = int(value)
        if type(number) is not int or not lowest <= number <= highest:
            misfit(value, path, type_name, found)
        return number

    return read


int32 = _integer("TYPE_INT32", 32)
int64 = _integer("TYPE_INT64", 64)


def number(value: Any, path: str, found: Found) -> Any:
    """A float; protobuf JSON also takes it as a numeric string."""
    if type(value) is str and re.fullmatch(r"-?\d+(\.\d+)?([eE][+-]?\d+)?", value):
        return float(value)
    if type(value) not in (int, float):
        misfit(value, path, "TYPE_FLOAT", found)
    return value


def base64_bytes(value: Any, path: str, found: Found) -> Any:
    """Base64 of either alphabet, padded or not (protobuf JSON takes all); it becomes standard and padded."""
    if type(value) is not str:
        misfit(value, path, "TYPE_BYTES", found)
        return value
    if "-" in value or "_" in value:
        value = value.replace("-", "+").replace("_", "/")
    value += "=" * (-len(value) % 4)
    try:
        a2b_base64(value.encode(), strict_mode=True)
    except (Base64Error, UnicodeEncodeError):
        sentence = f"Invalid value at '{path}' (TYPE_BYTES), Base64 decoding failed"
        found.append(Violation(path, sentence, malformed=True))
    return value


def signature_bytes(value: Any, path: str, found: Found) -> Any:
    """Base64 of either alphabet, padded or not: the documented placeholders for thought signatures pass."""
    if type(value) is not str or not _LENIENT_BASE64.match(value):
        misfit(value, path, "TYPE_BYTES", found)
    return value


def duration(value: Any, path: str, found: Found) -> Any:
    """Seconds as a string that ends in s."""
    if type(value) is not str or not re.fullmatch(r"-?\d+(\.\d{1,9})?s", value):
        misfit(value, path, "type.googleapis.com/google.protobuf.Duration", found)
    return value


def json_object(value: Any, path: str, found: Found) -> Any:
    """Any JSON object (google.protobuf.Struct)."""
    if type(value) is not dict:
        misfit(value, path, "type.googleapis.com/google.protobuf.Struct", found)
        return {}
    return value


def anything(value: Any, path: str, found: Found) -> Any:
    """Any JSON value (google.protobuf.Value)."""
    return value


def enum(type_name: str, values: Collection[str], *, any_case: bool = False) -> Reader:
    """One of the names; in capitals unless any case is taken."""
    names = frozenset(values)

    def read(value: Any, path: str, found: Found) -> Any:
        name = value.upper() if any_case and type(value) is str else value
        if type(name) is not str or name not in names:
            misfit(value, path, _TYPES + type_name, found)
        return name

    return read


class Many:
    """A repeated field."""

    __slots__ = ("_reader",)

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def __call__(self, value: Any, path: str, found: Found) -> list[Any]:
        """Read each item."""
        if type(value) is not list:
            misfit(value, path, "repeated field", found)
            return []
        reader = self._reader
        return [reader(item, f"{path}[{index}]", found) for index, item in enumerate(value)]


class MapOf:
    """A map from strings; the API's errors count its entries."""

    __slots__ = ("_reader",)

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def __call__(self, value: Any, path: str, found: Found) -> JsonObject:
        """Read each value; the names stay as they are."""
        if type(value) is not dict:
            misfit(value, path, "map field", found)
            return {}
        return {
            name: self._reader(item, f"{path}[{index}].value", found)
            for index, (name, item) in enumerate(value.items())
        }


class _Field(NamedTuple):
    camel: str
    snake: str
    reader: Reader
    takes_list: bool


class Message:
    """A message type: its fields by camelCase name, and at most one oneof among them."""

    __slots__ = ("_fields", "_name", "_oneof")

    def __init__(self, name: str, fields: Mapping[str, Reader], oneof: Collection[str] = ()) -> None:
        self._name = name
        self._oneof = frozenset(oneof)
        self._fields: dict[str, _Field] = {}
        self.define(fields)

    def define(self, fields: Mapping[str, Reader]) -> None:
        """Add fields; a message that holds itself gets them after it was made."""
        for camel, reader in fields.items():
            field = _Field(camel, to_snake(camel), reader, isinstance(reader, Many) or reader is anything)
            self._fields[camel] = self._fields[field.snake] = field

    @property
    def names(self) -> set[str]:
        """Its fields, in camelCase."""
        return {field.camel for field in self._fields.values()}

    def __call__(self, value: Any, path: str, found: Found) -> JsonObject:
        """Read each known field under its camelCase name; nulls are left out."""
        if type(value) is not dict:
            misfit(value, path, _TYPES + self._name, found)
            return {}
        read: JsonObject = {}
        for name, item in value.items():
            field = self._fields.get(name)
            if field is None:
                _unknown(name, path, "Cannot find field.", found)
            elif item is None:
                continue
            elif type(item) is list and not field.takes_list:
                _unknown(name, path, "Proto field is not repeating, cannot start list.", found)
            else:
                read[field.camel] = field.reader(item, f"{path}.{field.snake}" if path else field.snake, found)
        if self._oneof:
            self._check_oneof(read, path, found)
        return read

    def _check_oneof(self, read: JsonObject, path: str, found: Found) -> None:
        chosen = [name for name in read if name in self._oneof]
        for name in chosen[1:]:
            sentence = f"Invalid value at '{path}' (oneof), oneof field 'data' is already set. Cannot set '{name}'"
            found.append(Violation(path, sentence, malformed=True))


def _unknown(name: str, path: str, why: str, found: Found) -> None:
    place = f" at '{path}'" if path else ""
    sentence = f'Invalid JSON payload received. Unknown name "{name}"{place}: {why}'
    found.append(Violation(path, sentence, malformed=True))

"""Which values a member may have, read from the structs that requests are checked by: what a refusal can offer instead."""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from msgspec import inspect

_described = lru_cache(maxsize=64)(inspect.type_info)
_STEP = re.compile(r"\[[^]]*\]|[^.\[\]]+")


def supported_values(kind: Any, path: str) -> list[Any]:
    """The texts or numbers that the member at `path` (`messages[0].role`) of a `kind` may be; none where it may be any."""
    nodes = list(_alternatives(_described(kind)))
    for step in _STEP.findall(path):
        nodes = [one for node in nodes for child in _below(node, step) for one in _alternatives(child)]
    return list(dict.fromkeys(value for node in nodes for value in _values(node)))


def _alternatives(node: inspect.Type) -> Iterator[inspect.Type]:
    if isinstance(node, inspect.UnionType):
        for one in node.types:
            yield from _alternatives(one)
    elif isinstance(node, inspect.Metadata):
        yield from _alternatives(node.type)
    else:
        yield node


def _below(node: inspect.Type, step: str) -> Iterator[inspect.Type]:
    if isinstance(node, inspect.StructType):
        if step == node.tag_field:
            yield inspect.LiteralType((node.tag,))
        yield from (field.type for field in node.fields if field.encode_name == step)
    elif isinstance(node, inspect.ListType | inspect.VarTupleType):
        yield node.item_type
    elif isinstance(node, inspect.DictType):
        yield node.value_type


def _values(node: inspect.Type) -> Iterator[Any]:
    if isinstance(node, inspect.LiteralType):
        yield from node.values
    elif isinstance(node, inspect.EnumType):
        yield from (member.value for member in node.cls)

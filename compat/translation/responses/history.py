"""Turns that were stored: the items that a request goes on from, and lists of items page by page."""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from compat.schemas.responses import Kind
from compat.schemas.stored import StoredId, StoredItem, StoredOutput, StoredTurn
from compat.translation.decoding import decode_part
from compat.translation.responses.items import Item, to_items
from compat.translation.sse import to_named_event

_encode = msgspec.json.Encoder().encode
_object = msgspec.json.Decoder(dict[str, Any]).decode
_turn = msgspec.json.Decoder(StoredTurn).decode
_item = msgspec.json.Decoder(StoredItem).decode
_output = msgspec.json.Decoder(StoredOutput).decode
_named = msgspec.json.Decoder(StoredId)
_id = _named.decode
_kind = msgspec.json.Decoder(Kind)

# Items that a client makes up without an id, and how the ids of each begin.
_PREFIXES = {
    "message": "msg",
    "function_call": "fc",
    "function_call_output": "fco",
    "custom_tool_call": "ctc",
    "custom_tool_call_output": "ctco",
    "reasoning": "rs",
}


_LONGEST_ID = 64
LOST = {"code": "server_error", "message": "The server stopped while it was working on this response."}
# msg_, the digits of the response, and the number of the item in it.
_ITEM_ID = re.compile(r"[a-z]+_([0-9a-f]{32})[0-9a-f]{4}")


class HistoryTooLarge(Exception):
    """What came before a request is larger than a request may be."""


class History(NamedTuple):
    """What came before a request: items, and the thought signatures of the calls among them."""

    items: list[Item]
    """Those that mean something here."""
    signatures: dict[str, str]
    known: dict[str, msgspec.Raw]
    """All of them by their ids, where the request names some."""


NOTHING = History([], {}, {})


def to_history(turns: Iterable[bytes], most_bytes: int, *, named: bool = False) -> History:
    """Stored turns, the oldest first, as one history. Raises HistoryTooLarge, as soon as its items are."""
    signatures: dict[str, str] = {}

    def items() -> Iterator[msgspec.Raw]:
        for content in turns:
            turn = _turn(content)
            yield from turn.input
            yield from _output(turn.response).output
            signatures.update(turn.signatures)

    return _to_history(_bounded(items(), most_bytes), signatures, named)


def to_conversation_history(contents: Iterable[bytes], *, named: bool = False) -> History:
    """The items of a conversation as a history."""
    stored = list(map(_item, contents))
    signatures = {_id(one.item).call_id or "": one.signature for one in stored if one.signature}
    return _to_history([one.item for one in stored], signatures, named)


def items_named(turns: Iterable[bytes], wanted: Collection[str]) -> History:
    """Of stored turns the items with these ids, as those that are known."""
    known: dict[str, msgspec.Raw] = {}
    signatures: dict[str, str] = {}
    for content in turns:
        turn = _turn(content)
        found = by_id([*turn.input, *_output(turn.response).output])
        known |= {item_id: found[item_id].copy() for item_id in found.keys() & wanted}
        signatures |= turn.signatures
    return History([], signatures, known)


def _to_history(raws: Iterable[msgspec.Raw], signatures: dict[str, str], named: bool) -> History:
    items: list[Item] = []
    known: dict[str, msgspec.Raw] = {}
    for raw in raws:
        items += [item for _, item in to_items([raw])]
        if named:
            known[_id(raw).id] = raw.copy()  # the turn that it is in may be many times as large
    return History(items, signatures, known)


def _bounded(items: Iterable[msgspec.Raw], most_bytes: int) -> Iterator[msgspec.Raw]:
    for item in items:
        most_bytes -= len(item)
        if most_bytes < 0:
            raise HistoryTooLarge
        yield item


def item_in(content: bytes) -> msgspec.Raw:
    """The item of a conversation as it is told."""
    return _item(content).item


def to_stored_items(items: Iterable[msgspec.Raw], signatures: Mapping[str, str]) -> list[tuple[str, bytes]]:
    """(id, content) of items as a conversation keeps them."""
    return [_to_stored_item(item, signatures) for item in items]


def _to_stored_item(item: msgspec.Raw, signatures: Mapping[str, str]) -> tuple[str, bytes]:
    named = _id(item)
    return named.id, _encode(StoredItem(item, signatures.get(named.call_id or "", "")))


def input_of(turns: Iterable[bytes]) -> list[msgspec.Raw]:
    """What the last of some stored turns answered: the turns before it, and its own input."""
    items: list[msgspec.Raw] = []
    output: list[msgspec.Raw] = []
    for content in turns:
        turn = _turn(content)
        items += [*output, *(raw.copy() for raw in turn.input)]
        output = [raw.copy() for raw in _output(turn.response).output]
    return items


def by_id(items: Iterable[msgspec.Raw]) -> dict[str, msgspec.Raw]:
    """Items by their ids."""
    return {_id(item).id: item for item in items}


def references(given: str | Sequence[msgspec.Raw], member: str = "input") -> dict[int, str]:
    """The ids of items that the input names instead of holding them, by place. Raises Untranslatable."""
    found = {}
    for place, raw in enumerate(() if isinstance(given, str) else given):
        path = f"{member}[{place}]"
        if decode_part(raw, _kind, path).type == "item_reference":
            found[place] = decode_part(raw, _named, path).id
    return found


def response_of(item_id: str) -> str | None:
    """The id of the response that an item is of: ours tell it. None for others."""
    found = _ITEM_ID.fullmatch(item_id)
    return f"resp_{found[1]}" if found else None


def as_raw(item: dict[str, Any]) -> msgspec.Raw:
    """An item as the others are held."""
    return msgspec.Raw(_encode(item))


def response_in(content: bytes, status: str) -> bytes:
    """The response of a stored turn, in the state that it has come to."""
    response = _turn(content).response
    told = _object(response)
    if told["status"] == status:
        return bytes(response)
    return _encode({**told, "status": status, "error": LOST if status == "failed" else None})


def events_in(content: bytes, after: int) -> bytes | None:
    """The events of a stored stream behind that number, b"" while it has not ended; None for what was no stream."""
    turn = _turn(content)
    events = turn.events.split("\n\n")[after + 1 : -1]
    return "".join(f"{event}\n\n" for event in events).encode() if turn.streams else None


def is_background(content: bytes) -> bool:
    """Whether a stored turn was made in the background."""
    return bool(_object(_turn(content).response)["background"])


def lost_event(content: bytes, status: str, after: int) -> bytes:
    """The event that ends a stream of which nobody has the events: its maker is gone, or it was cancelled elsewhere."""
    response = msgspec.Raw(response_in(content, status))
    failed = {"type": "response.failed", "sequence_number": after + 1, "response": response}
    return to_named_event("response.failed", _encode(failed))


def to_input_items(given: str | Sequence[msgspec.Raw], new_id: Callable[[str], str]) -> list[msgspec.Raw]:
    """Input items as OpenAI lists them: with an id, a status, and their content as parts. What is no item is left out."""
    if isinstance(given, str):
        given = [msgspec.Raw(_encode({"role": "user", "content": given}))]
    return [msgspec.Raw(_encode(_whole(_object(raw), new_id))) for raw in given]


def _whole(item: dict[str, Any], new_id: Callable[[str], str]) -> dict[str, Any]:
    kind = item.get("type") or "message"
    given_id = item.get("id")
    keeps_id = isinstance(given_id, str) and 0 < len(given_id) <= _LONGEST_ID and given_id.isprintable()
    whole = {**item, "type": kind, "id": given_id if keeps_id else new_id(_PREFIXES.get(kind, "item"))}
    if kind == "reasoning":
        return {"summary": [], **whole}
    if kind == "message":
        text = "output_text" if item.get("role") == "assistant" else "input_text"
        whole["content"] = _parts(item.get("content"), text)
    return {**whole, "status": item.get("status") or "completed"}


def _parts(content: Any, text: str) -> list[Any]:
    """The parts of a message; a text alone is one, and texts are what the role makes of them."""
    given = [{"type": text, "text": content}] if isinstance(content, str) else content or []
    return [_part(part, text) for part in given]


def _part(part: Any, text: str) -> Any:
    if not isinstance(part, dict) or part.get("type") not in {"text", "input_text", "output_text"}:
        return {"detail": "auto", **part} if isinstance(part, dict) and part.get("type") == "input_image" else part
    if text == "output_text":
        return {"annotations": [], "logprobs": [], **part, "type": text}
    return {**part, "type": text}


def page_of(items: Sequence[msgspec.Raw], limit: int, after: str, *, newest_first: bool) -> bytes:
    """OpenAI's list object of a page of items that are given the oldest first. Behind one that is gone nothing is known."""
    named = list(by_id(items).items())
    if newest_first:
        named.reverse()
    ids = [item_id for item_id, _ in named]
    start = len(ids) if after else 0
    if after in ids:
        start = ids.index(after) + 1
    shown = [item for _, item in named[start : start + limit]]
    return _encode(list_object(shown, has_more=start + limit < len(named)))


def list_object(items: Sequence[msgspec.Raw], *, has_more: bool) -> dict[str, Any]:
    """OpenAI's list object."""
    ids = [_id(item).id for item in items] or [""]
    return {"object": "list", "data": items, "first_id": ids[0], "last_id": ids[-1], "has_more": has_more}

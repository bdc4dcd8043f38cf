"""Replies put through the Responses API's two ways out, and a check of every rule that its streams keep."""

import itertools
import json
from typing import Any

import msgspec

from compat.schemas.chat import ChatRequest
from compat.schemas.responses import ResponseRequest
from compat.translation.responses.code import OUTPUTS
from compat.translation.responses.items import to_items
from compat.translation.responses.output import Telling
from compat.translation.responses.request import ENCRYPTED, SOURCES, ResponseTranslation
from compat.translation.responses.response import Answer, Envelope, ResponseEvents, to_response
from compat.translation.usage import Usage
from tests.live.openapi import check
from tests.translation.answering import CREATED, answering, decoded

_request = msgspec.json.Decoder(ResponseRequest)
ENDINGS = {"response.completed", "response.incomplete", "response.failed"}


def asked(**members: Any) -> ResponseRequest:
    return _request.decode(json.dumps({"model": "gpt-5", "input": "Hello", **members}))


def seal(signatures: dict[str, str]) -> str:
    """A sealing that a test can read."""
    return json.dumps(signatures)


def unseal(sealed: str) -> dict[str, str]:
    return json.loads(sealed) if sealed.startswith("{") else {}


def translated(**members: Any) -> ResponseTranslation:
    request = asked(**members)
    return ResponseTranslation(request, to_items(request.input), unseal)


def chat(**members: Any) -> ChatRequest:
    """The chat request that a responses request stands for."""
    return translated(**members).chat


def _answer(members: dict[str, Any], circumstances: dict[str, Any]) -> Answer:
    numbers = itertools.count(1)
    request = translated(**members)
    carried = ENCRYPTED in (request.request.include or ())
    included = request.request.include or ()
    outputs = OUTPUTS in included
    sealed, namespaces = seal if carried else None, request.namespaces
    telling = Telling(
        lambda: str(next(numbers)), request.tells_thoughts, sealed, namespaces, outputs, SOURCES in included
    )
    told = answering(**circumstances)._replace(tells_code=request.runs_code)
    return Answer(Envelope("resp_1", CREATED, request.request, store=False), told, telling)


def _usage(given: tuple[dict[str, Any], ...]) -> Usage:
    usage = Usage()
    for one in given:
        usage = usage.merged(decoded(one).usageMetadata)
    return usage


def whole(given: dict[str, Any], members: dict[str, Any] | None = None, **circumstances: Any) -> dict[str, Any]:
    """The response that a reply becomes, checked against OpenAI's document."""
    made = to_response(_answer(members or {}, circumstances), [(0, decoded(given))], _usage((given,)), CREATED + 1)
    response: dict[str, Any] = json.loads(json.dumps(made))
    check(response, "Response")
    return response


def streamed(
    *given: dict[str, Any],
    members: dict[str, Any] | None = None,
    broken: dict[str, Any] | None = None,
    **circumstances: Any,
) -> list[dict[str, Any]]:
    """The events that replies become, every rule checked. `broken` is the error that ends them."""
    ended: list[dict[str, Any]] = []
    events = ResponseEvents(_answer(members or {}, circumstances), lambda: CREATED + 1, ended.append)
    told = b"".join(events.read(0, decoded(one)) for one in given)
    told += events.error(broken, 502) if broken else events.close(_usage(given))
    events = obeyed(told)
    assert ended == [events[-1]["response"]]
    return events


def obeyed(told: bytes) -> list[dict[str, Any]]:
    """The events of a stream. Fails where one is not OpenAI's, or where an accumulator would stumble."""
    blocks = told.decode().split("\n\n")
    assert blocks.pop() == ""
    events = []
    for block in blocks:
        name, data = block.split("\n")
        event = json.loads(data.removeprefix("data: "))
        assert name == f"event: {event['type']}"
        check(event, "ResponseStreamEvent")
        events.append(event)
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    kinds = [event["type"] for event in events]
    assert kinds[:2] == ["response.created", "response.in_progress"]
    assert [kind for kind in kinds if kind in ENDINGS] == [kinds[-1]]
    assert len({event["response"]["id"] for event in events if "response" in event}) == 1
    _follow_items(events)
    return events


def _follow_items(events: list[dict[str, Any]]) -> None:
    """Each item is added, changed and done in that order, one place each; the last event holds them as they were done."""
    open_items: dict[int, dict[str, Any]] = {}
    done: dict[int, dict[str, Any]] = {}
    for event in events:
        place = event.get("output_index")
        if event["type"] == "response.output_item.added":
            assert place == len(open_items) + len(done)
            open_items[place] = event["item"]
        elif event["type"] == "response.output_item.done":
            added = open_items.pop(place)
            assert [added.get(name) for name in ("id", "type", "call_id")] == [
                event["item"].get(name) for name in ("id", "type", "call_id")
            ]
            done[place] = event["item"]
        elif place is not None:
            assert event["item_id"] == open_items[place]["id"]
    if events[-1]["type"] != "response.failed":
        assert not open_items
        assert events[-1]["response"]["output"] == [done[place] for place in sorted(done)]


def kinds(events: list[dict[str, Any]]) -> list[str]:
    return [event["type"].removeprefix("response.") for event in events]


def text_of(response: dict[str, Any]) -> str:
    return "".join(
        part.get("text", part.get("refusal", ""))
        for item in response["output"]
        if item["type"] == "message"
        for part in item["content"]
    )


def calls_of(response: dict[str, Any]) -> list[tuple[str, Any]]:
    return [
        (item["name"], json.loads(item["arguments"])) for item in response["output"] if item["type"] == "function_call"
    ]

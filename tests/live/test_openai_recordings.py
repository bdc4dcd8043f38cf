"""Every chat request that a real client sent is answered, or refused on purpose, and becomes a body that Gemini takes."""

import json
from typing import Any

import pytest

from tests.live.answers import Result, chat, read
from tests.live.gateway import Gateway
from tests.live.recorded import RECORDINGS
from tests.scripted_gemini import ScriptedGemini

REQUESTS = {
    path.name: json.loads(path.read_text(encoding="utf-8"))
    for path in sorted((RECORDINGS / "openai-requests").glob("*.json"))
    if path.name != "index.json"
}
REFUSED = {
    # An address of the gateway's own machine.
    "image-unfetchable-url-detail.json": (400, "messages[0].content[1].image_url"),
}
# Google has retired what it asks for by Gemini's own name.
RETIRED = {"router-fields-models-transforms.json": (404, "model")}
FAMILIES = (
    "gemini-2.0-flash",
    "gemini-2.5-flash",
    "gemini-2.5-flash-lite",
    "gemini-2.5-pro",
    "gemini-3-flash-preview",
    "gemini-3.1-pro-preview",
    "gemini-3.5-flash",
    "gemini-3.8-flash",
    "gemini-4-argon",
    "gemini-4-hydrogen",
    "gemma-4-31b-it",
)
MEMBERS = {
    "contents",
    "systemInstruction",
    "tools",
    "toolConfig",
    "safetySettings",
    "generationConfig",
    "serviceTier",
    "store",
}
_MARK = "never-to-be-forwarded"


def send(gateway: Gateway, request: dict[str, Any]) -> Result:
    include_usage = bool(request.get("stream") and (request.get("stream_options") or {}).get("include_usage"))
    return read(gateway.post("/v1/chat/completions", request), include_usage=include_usage)


@pytest.mark.parametrize("file", REQUESTS)
def test_a_recorded_request_is_answered_under_the_name_it_asked_for(
    gateway: Gateway, gemini: ScriptedGemini, file: str
) -> None:
    result = send(gateway, REQUESTS[file])
    if file in REFUSED | RETIRED:
        assert (result.status, result.error["param"]) == (REFUSED | RETIRED)[file]
        assert not (gemini.calls and file in REFUSED)
        return
    assert result.status == 200
    named = {chunk["model"] for chunk in result.chunks} or {result.model}
    assert named == {REQUESTS[file]["model"]}
    assert result.first.text
    assert result.headers["x-tumbler-model"] == gemini.calls[-1].model


@pytest.mark.parametrize("family", FAMILIES)
def test_recorded_requests_become_valid_bodies_for_every_family(
    one_gateway: Gateway, gemini: ScriptedGemini, model: str, family: str
) -> None:
    """The fixture holds every body against the API's rules when the test is over."""
    name = f"{family}--{model.partition('--')[2]}"
    for file, request in REQUESTS.items():
        if file not in REFUSED:
            assert send(one_gateway, {**request, "model": name}).status == 200, file
    assert len(gemini.calls_of(name)) == len(REQUESTS) - len(REFUSED)


@pytest.mark.parametrize("file", [file for file in REQUESTS if file not in REFUSED])
def test_nothing_unknown_of_a_clients_is_forwarded(
    one_gateway: Gateway, gemini: ScriptedGemini, model: str, file: str
) -> None:
    marked = _marked(REQUESTS[file])
    assert send(one_gateway, {**marked, "model": model}).status == 200
    (call,) = gemini.calls_of(model)
    assert _MARK.encode() not in call.body
    assert set(call.json) <= MEMBERS
    assert call.json["store"] is False
    assert "authorization" not in call.headers
    assert one_gateway.token not in str(call.headers)


def _marked(node: Any, *, root: bool = True) -> Any:
    """The request with a member that nobody knows in every object but schemas and arguments, which go as they are."""
    if isinstance(node, list):
        return [_marked(item, root=False) for item in node]
    if not isinstance(node, dict):
        return node
    marked = {
        name: value if name in ("parameters", "schema", "response") else _marked(value, root=False)
        for name, value in node.items()
    }
    more = {"api_key": _MARK, "base_url": _MARK, "metadata": {"who": _MARK}, "user": _MARK} if root else {}
    return {**marked, f"x_{_MARK}": _MARK, **more}


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_a_client_that_wants_its_prompts_stored_is_not_heard(
    one_gateway: Gateway, gemini: ScriptedGemini, model: str, stream: bool
) -> None:
    assert chat(one_gateway, model, stream=stream, store=True).status == 200
    assert gemini.calls_of(model)[0].json["store"] is False

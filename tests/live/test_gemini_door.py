"""Gemini's own API over TCP, asked as curl would: replies as they came, both forms of streams, keys in the query, errors."""

import json
import time
from typing import Any

import httpx
import pytest

from tests.gemini_replies import OVERLOADED, error, events, out_of_quota, reply
from tests.live.gateway import Gateway, manage
from tests.live.recorded import Recording, recordings
from tests.scripted_gemini import ScriptedGemini

HELLO: dict[str, Any] = {"contents": [{"role": "user", "parts": [{"text": "Hello"}]}]}
ANSWERS = [case for case in recordings().values() if case.is_chat and not case.is_error and "error-" not in case.file]


def url(model: str, method: str = "generateContent") -> str:
    return f"/v1beta/models/{model}:{method}"


def generate(gateway: Gateway, model: str, body: Any = None, method: str = "generateContent", **more: Any) -> Any:
    """The answer's JSON, which must be a good one."""
    answer = gateway.post(url(model, method), body or HELLO, **more)
    assert answer.status_code == 200, answer.text
    return answer.json()


def as_events(answer: httpx.Response) -> list[dict[str, Any]]:
    """The replies of a stream of events, each one line of data."""
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.text.endswith("\n\n")
    blocks = [block for part in answer.text.split("\n\n") if (block := part.strip("\n"))]
    assert all(block.startswith("data: ") and "\n" not in block for block in blocks)
    return [json.loads(block[6:]) for block in blocks]


def streamed(gateway: Gateway, model: str, body: Any = None, *, sse: bool) -> list[dict[str, Any]]:
    """What a stream brings, in either form."""
    answer = gateway.post(url(model, "streamGenerateContent") + ("?alt=sse" if sse else ""), body or HELLO)
    assert answer.status_code == 200, answer.text
    if sse:
        return as_events(answer)
    assert answer.headers["content-type"] == "application/json"
    told: list[dict[str, Any]] = answer.json()
    return told


def but_for_the_id(replies: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: value for name, value in one.items() if name != "responseId"} for one in replies]


def err(answer: httpx.Response) -> dict[str, Any]:
    """The error of Google's envelope, whose shape is checked; its details by kind."""
    payload = answer.json()
    assert set(payload) == {"error"}
    found: dict[str, Any] = payload["error"]
    assert set(found) - {"details"} == {"code", "message", "status"}
    assert found["code"] == answer.status_code
    details = {detail.pop("@type").rpartition(".")[2]: detail for detail in found.get("details", [])}
    return {**found, "details": details}


# --- Replies as they came ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", ANSWERS, ids=lambda case: case.file)
def test_every_recorded_reply_comes_through_as_it_is_but_for_its_id(
    one_gateway: Gateway, gemini: ScriptedGemini, model: str, case: Recording
) -> None:
    if case.streamed:
        for sse in (True, False):
            gemini.will_stream(case.body, slice=97, model=model, times=1)
            assert but_for_the_id(streamed(one_gateway, model, sse=sse)) == but_for_the_id(case.payloads)
    else:
        gemini.will_answer(case.body, model=model)
        assert but_for_the_id([generate(one_gateway, model)]) == but_for_the_id(case.payloads)
    row = one_gateway.usage_rows(model)[0]
    counts = case.expected.get("usage") or {}
    assert (row["status"], row["error_code"]) == (200, "")
    assert row["prompt_tokens"] >= counts.get("promptTokenCount", 0)
    assert row["reasoning_tokens"] == counts.get("thoughtsTokenCount", 0)
    assert row["cached_tokens"] == counts.get("cachedContentTokenCount", 0)


def test_an_error_midway_ends_both_forms_of_a_stream_in_googles_words(
    gateway: Gateway, gemini: ScriptedGemini, model: str
) -> None:
    begun = events(reply("Hel", finish=None))
    gemini.will_stream(begun + events(error(503, "UNAVAILABLE", "projects/123456 is overloaded")), model=model)
    for sse in (True, False):
        first, last = streamed(gateway, model, sse=sse)
        assert first["candidates"][0]["content"]["parts"] == [{"text": "Hel"}]
        assert (last["error"]["code"], last["error"]["status"]) == (503, "UNAVAILABLE")
        assert "123456" not in json.dumps(last)


def test_a_stream_that_is_cut_off_says_so(gateway: Gateway, gemini: ScriptedGemini, model: str) -> None:
    begun = events(reply("Hel", finish=None))
    gemini.will_stream(begun + events(reply("lo")), cut_after=len(begun), model=model)
    assert streamed(gateway, model, sse=True)[-1]["error"]["status"] == "INTERNAL"


def test_the_id_of_a_reply_is_that_of_the_request(gateway: Gateway, gemini: ScriptedGemini, model: str) -> None:
    answer = gateway.post(url(model), HELLO)
    assert answer.json()["responseId"] == answer.headers["x-request-id"]
    stream = gateway.post(url(model, "streamGenerateContent") + "?alt=sse", HELLO)
    assert {one["responseId"] for one in as_events(stream)} == {stream.headers["x-request-id"]}


def test_members_that_nobody_knows_yet_survive(gateway: Gateway, gemini: ScriptedGemini, model: str) -> None:
    part = {"text": "Hi \u2028 there", "hologram": {"depth": 1.50, "more": [None, "\n"]}}
    whole = reply(part, newMember={"a": [1e-7, 12345678901234567890]})
    gemini.will_answer(json.dumps(whole, indent=2).encode(), model=model, times=1)
    told = generate(gateway, model)
    assert but_for_the_id([told]) == but_for_the_id([whole])
    gemini.will_stream(events(whole), model=model)
    assert but_for_the_id(streamed(gateway, model, sse=True)) == but_for_the_id([whole])


def test_a_long_silence_is_kept_alive_by_white_space(gateway: Gateway, gemini: ScriptedGemini, model: str) -> None:
    gemini.will_stream(events(reply("late")), first=1.5, model=model)
    for sse in (True, False):
        answer = gateway.post(url(model, "streamGenerateContent") + ("?alt=sse" if sse else ""), HELLO)
        assert answer.text.startswith("\n")
        told = as_events(answer) if sse else answer.json()
        assert told[-1]["candidates"][0]["content"]["parts"] == [{"text": "late"}]


def test_an_empty_answer_is_tried_again_and_an_odd_end_is_not(
    gateway: Gateway, gemini: ScriptedGemini, model: str
) -> None:
    gemini.will_answer(reply("", finish="STOP"), model=model, times=1)
    assert generate(gateway, model)["candidates"][0]["content"]["parts"] == [{"text": "Hello!"}]
    assert len(gemini.calls_of(model)) == 2
    odd = {"candidates": [{"finishReason": "MALFORMED_FUNCTION_CALL", "finishMessage": "print(1)"}]}
    gemini.will_answer(odd, model=model)
    assert generate(gateway, model) == odd
    assert len(gemini.calls_of(model)) == 3


# --- What is asked upstream --------------------------------------------------------------------------------------


def test_a_request_goes_on_in_normal_form_without_what_is_ours_to_say(
    gateway: Gateway, gemini: ScriptedGemini, model: str
) -> None:
    schema = {"type": "object", "properties": {"max_length": {"type": "integer", "default": None}}}
    picture = {"inline_data": {"mime_type": "image/png", "data": "-_-_"}}
    body = {
        "model": "models/another",
        "contents": [{"parts": [{"text": "a", "thought_signature": "YQ"}, picture]}],
        "system_instruction": {"parts": [{"text": "Be brief."}]},
        "generationConfig": {"max_output_tokens": "100", "topK": None},
        "safetySettings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}],
        "tools": [{"function_declarations": [{"name": "f", "parameters_json_schema": schema}]}],
        "store": True,
        "labels": {"team": "blue"},
    }
    generate(gateway, model, body)
    (call,) = gemini.calls_of(model)
    assert call.json == {
        "contents": [
            {
                "parts": [
                    {"text": "a", "thoughtSignature": "YQ"},
                    {"inlineData": {"mimeType": "image/png", "data": "+/+/"}},
                ]
            }
        ],
        "systemInstruction": {"parts": [{"text": "Be brief."}]},
        "generationConfig": {"maxOutputTokens": 100},
        "safetySettings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}],
        "tools": [{"functionDeclarations": [{"name": "f", "parametersJsonSchema": schema}]}],
        "store": False,
    }


def test_a_mapped_name_is_asked_and_falls_back(
    gateway: Gateway, gemini: ScriptedGemini, two_targets: tuple[str, str, str]
) -> None:
    name, first, second = two_targets
    gemini.will_refuse(503, OVERLOADED, model=first)
    answer = gateway.post(url(name), HELLO)
    assert answer.status_code == 200
    assert answer.headers["x-tumbler-model"] == second


def test_a_foreign_signature_is_replaced_and_the_request_asked_again(
    gateway: Gateway, gemini: ScriptedGemini, model: str
) -> None:
    model = model.replace("2.5", "3.5")
    gemini.will_refuse(400, error(400, "INVALID_ARGUMENT", "Corrupted thought signature."), model=model, times=1)
    call = {"functionCall": {"name": "f", "args": {}, "id": "a"}, "thoughtSignature": "c2lnbg=="}
    result = {"functionResponse": {"name": "f", "id": "a", "response": {"output": 1}}}
    contents = [*HELLO["contents"], {"role": "model", "parts": [call]}, {"role": "user", "parts": [result]}]
    generate(gateway, model, {"contents": contents})
    asked, again = (call.json["contents"][1]["parts"][0]["thoughtSignature"] for call in gemini.calls_of(model))
    assert (asked, again) == ("c2lnbg==", "skip_thought_signature_validator")


@pytest.mark.parametrize(
    ("uri", "status"),
    [
        ("https://www.youtube.com/watch?v=9hE5-98ZeCg", 200),
        ("https://example.com/a.pdf", 200),
        ("https://storage.googleapis.com/bucket/signed.pdf?X-Goog-Signature=a", 200),
        ("files/abc", 403),
        ("https://generativelanguage.googleapis.com/v1beta/files/abc", 403),
        ("HTTPS://GenerativeLanguage.GoogleAPIs.com./v1beta/files/abc", 403),
        ("https://generativelanguage.mtls.googleapis.com/v1beta/files/abc", 403),
        ("gs://somebodys-bucket/secret.pdf", 400),
        ("https://10.0.0.1/", 400),
        ("http://example.com/a.pdf", 400),
        ("", 400),
    ],
)
def test_what_is_named_must_be_public(
    gateway: Gateway, gemini: ScriptedGemini, model: str, uri: str, status: int
) -> None:
    part = {"fileData": {"mimeType": "application/pdf", "fileUri": uri}}
    body = {"contents": [{"role": "user", "parts": [{"text": "Read"}, part]}]}
    for method, given in (
        ("generateContent", body),
        ("countTokens", {"generateContentRequest": {"model": f"models/{model}", **body}}),
        ("countTokens", body),
    ):
        answer = gateway.post(url(model, method), given)
        assert answer.status_code == status
        if status != 200:
            assert "fileUri" not in answer.text
            assert err(answer)["details"]["BadRequest"]["fieldViolations"][0]["field"].endswith("file_data.file_uri")
    assert len(gemini.calls_of(model)) == (3 if status == 200 else 0)


def test_caches_and_stores_are_somebody_elses(gateway: Gateway, gemini: ScriptedGemini, model: str) -> None:
    for named in (
        {"cachedContent": "cachedContents/abc"},
        {"tools": [{"fileSearch": {"fileSearchStoreNames": ["s"]}}]},
    ):
        found = err(gateway.post(url(model), {**HELLO, **named}))
        assert found["status"] == "PERMISSION_DENIED"
        assert "permission to access" in found["message"]
    assert not gemini.calls_of(model)


# --- Counts, vectors, models -------------------------------------------------------------------------------------


def test_a_count_comes_as_gemini_tells_it_and_costs_nothing(
    gateway: Gateway, gemini: ScriptedGemini, model: str
) -> None:
    told = recordings()["count-tokens-3.5-flash.json"]
    gemini.will_answer(told.body, model=model)
    assert generate(gateway, model, method="countTokens") == told.payloads[0]
    whole = {"generateContentRequest": {"model": "models/any", **HELLO}}
    assert generate(gateway, model, whole, method="countTokens") == told.payloads[0]
    assert [call.json for call in gemini.calls_of(model)] == [
        HELLO,
        {"generateContentRequest": {"model": f"models/{model}", **HELLO}},
    ]
    assert {row["total_tokens"] for row in gateway.usage_rows(model, 2)} == {0}


def test_vectors_come_one_and_many(gateway: Gateway, gemini: ScriptedGemini) -> None:
    one = {"content": {"parts": [{"text": "abc"}]}, "outputDimensionality": 2}
    told = generate(gateway, "gemini-embedding-2", one, method="embedContent")
    assert told == {"embedding": {"values": [3.0, 0.5]}, "usageMetadata": {"promptTokenCount": 4}}
    batch = {"requests": [{**one, "model": "models/whatever"}] * 2}
    assert len(generate(gateway, "gemini-embedding-2", batch, method="batchEmbedContents")["embeddings"]) == 2
    (mapped,) = generate(gateway, "text-embedding-3-small", {"requests": [one]}, method="batchEmbedContents")[
        "embeddings"
    ]
    assert mapped["values"] == [3.0, 0.5]
    methods = {call.method for call in gemini.calls if call.model == "gemini-embedding-2"}
    assert methods == {"batchEmbedContents"}


@pytest.mark.parametrize(
    ("method", "body"),
    [
        ("batchEmbedContents", {"requests": []}),
        ("batchEmbedContents", {"requests": [{"content": {"parts": [{"text": "a"}]}}] * 101}),
        ("batchEmbedContents", {"requests": [{"content": {"parts": []}}]}),
        ("batchEmbedContents", {"requests": [{}]}),
        ("embedContent", {}),
        ("generateContent", {}),
        ("generateContent", {"contents": []}),
        ("generateContent", {"contents": [{"role": "user"}]}),
        ("countTokens", {**HELLO, "generateContentRequest": HELLO}),
    ],
)
def test_what_no_model_could_be_asked_is_refused_here(
    gateway: Gateway, gemini: ScriptedGemini, model: str, method: str, body: Any
) -> None:
    assert err(gateway.post(url(model, method), body))["status"] == "INVALID_ARGUMENT"
    assert not gemini.calls_of(model)


def test_models_are_listed_page_by_page_and_looked_up(gateway: Gateway, gemini: ScriptedGemini) -> None:
    names, token = [], ""
    while True:
        page = gateway.http.get("/v1beta/models", params={"pageSize": 5, "pageToken": token}).json()
        assert len(page["models"]) <= 5
        names += [model["name"] for model in page["models"]]
        if not (token := page.get("nextPageToken", "")):
            break
    assert {"models/gpt-4o", "models/gemini-3.8-flash"} <= set(names)
    assert len(names) == len(set(names))
    model = gateway.http.get("/v1beta/models/gemini-3.8-flash").json()
    assert (model["name"], model["inputTokenLimit"]) == ("models/gemini-3.8-flash", 1_048_576)
    assert model["supportedGenerationMethods"] == ["generateContent", "countTokens"]
    assert gateway.http.get("/v1beta/models/gpt-4o").json()["displayName"] == "gpt-4o"
    assert err(gateway.http.get("/v1beta/models/nobody"))["status"] == "NOT_FOUND"
    assert err(gateway.http.get("/v1beta/models", params={"pageToken": "x"}))["status"] == "INVALID_ARGUMENT"


# --- Who asks ----------------------------------------------------------------------------------------------------


def test_a_token_comes_in_each_of_its_places(gateway: Gateway, gemini: ScriptedGemini, model: str) -> None:
    token = gateway.token
    bare = {"Authorization": ""}
    for query, headers in (
        (f"?key={token}", bare),
        (f"?alt=json&key={token}&prettyPrint=false", bare),
        ("", {**bare, "x-goog-api-key": token}),
        ("", {"Authorization": f"Bearer {token}"}),
        (f"?key={token}", {"x-goog-api-key": token}),
    ):
        assert gateway.post(url(model) + query, HELLO, headers=headers).status_code == 200
    for query in ("", "?key=", "?key=wrong"):
        refused = gateway.post(url(model) + query, HELLO, headers=bare)
        assert err(refused)["status"] == "UNAUTHENTICATED"
    assert (
        err(gateway.post(url(model) + "?key=wrong", HELLO))["details"]["ErrorInfo"]["reason"] == "AMBIGUOUS_CREDENTIALS"
    )
    # Elsewhere a query is no place for a token.
    assert gateway.http.get(f"/v1/models?key={token}", headers=bare).status_code == 401


def test_the_paths_of_v1_are_served_too(gateway: Gateway, gemini: ScriptedGemini, model: str) -> None:
    answer = gateway.post(f"/v1/models/{model}:generateContent", HELLO)
    assert answer.json()["candidates"][0]["content"]["parts"] == [{"text": "Hello!"}]


def test_lists_of_models_below_v1_are_in_the_words_of_who_asks(gateway: Gateway) -> None:
    as_gemini = {"Authorization": "", "x-goog-api-key": gateway.token}
    for path in ("/v1/models", "/models/"):
        assert gateway.http.get(path, headers=as_gemini).json()["models"][0]["name"].startswith("models/")
        assert gateway.http.get(path).json()["object"] == "list"
    assert gateway.http.get("/v1/models/gpt-4o", headers=as_gemini).json()["name"] == "models/gpt-4o"
    assert gateway.http.get("/v1/models/gpt-4o").json()["id"] == "gpt-4o"
    wrong = err(gateway.http.get("/v1/models", headers={**as_gemini, "x-goog-api-key": "x"}))
    assert wrong["status"] == "UNAUTHENTICATED"


# --- Errors ------------------------------------------------------------------------------------------------------


def test_an_unknown_member_is_named_as_gemini_names_it(gateway: Gateway, gemini: ScriptedGemini, model: str) -> None:
    found = err(gateway.post(url(model), {**HELLO, "generationConfig": {"maxTokens": 1}}))
    assert (found["code"], found["status"]) == (400, "INVALID_ARGUMENT")
    assert "Unknown name \"maxTokens\" at 'generation_config': Cannot find field." in found["message"]
    assert found["details"]["BadRequest"]["fieldViolations"][0]["field"] == "generation_config"
    root = err(gateway.post(url(model), {**HELLO, "messages": []}))
    assert 'Unknown name "messages": Cannot find field.' in root["message"]
    assert not gemini.calls_of(model)


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"contents": 1}', b'{"contents": [], "contents": []}', b"null"])
def test_a_bad_body_is_refused_in_googles_words(
    gateway: Gateway, gemini: ScriptedGemini, model: str, body: bytes
) -> None:
    assert err(gateway.post(url(model), body))["status"] == "INVALID_ARGUMENT"
    assert not gemini.calls_of(model)


@pytest.mark.parametrize("path", ["/v1beta", "/v1beta/nothing", "/v1beta/models/x:predict", "/upload/v1beta/nothing"])
def test_a_path_that_is_none_is_told_so_in_googles_words(gateway: Gateway, path: str) -> None:
    assert err(gateway.http.get(path))["status"] == "NOT_FOUND"


def test_a_wrong_method_is_told_so(gateway: Gateway, model: str) -> None:
    answer = gateway.http.get(url(model))
    assert (answer.status_code, answer.headers["allow"], err(answer)["status"]) == (405, "POST", "UNIMPLEMENTED")


def test_a_limit_says_when_to_come_back(gateway: Gateway, gemini: ScriptedGemini, model: str) -> None:
    token = manage(gateway.directory, "issue_token", "bob", "--rpm", "1").strip()
    headers = {"x-goog-api-key": token, "Authorization": ""}
    assert gateway.post(url(model), HELLO, headers=headers).status_code == 200
    refused = gateway.post(url(model), HELLO, headers=headers)
    found = err(refused)
    assert (found["code"], found["status"]) == (429, "RESOURCE_EXHAUSTED")
    assert found["details"]["ErrorInfo"]["reason"] == "RATE_LIMIT_EXCEEDED"
    assert found["details"]["RetryInfo"]["retryDelay"] == f"{refused.headers['retry-after']}s"


@pytest.mark.parametrize(
    ("said", "status", "name", "reason"),
    [
        (error(400, "INVALID_ARGUMENT", "consumer: projects/123456"), 400, "INVALID_ARGUMENT", "INVALID_VALUE"),
        (error(404, "NOT_FOUND", "models/x of projects/123456"), 404, "NOT_FOUND", "MODEL_NOT_FOUND"),
        (error(500, "INTERNAL", "projects/123456"), 502, "INTERNAL", "UPSTREAM_ERROR"),
        (error(503, "UNAVAILABLE", "projects/123456"), 503, "UNAVAILABLE", "UPSTREAM_UNAVAILABLE"),
        (error(504, "DEADLINE_EXCEEDED", "projects/123456"), 504, "DEADLINE_EXCEEDED", "UPSTREAM_TIMEOUT"),
    ],
)
def test_no_word_of_the_upstreams_comes_through(
    one_gateway: Gateway, gemini: ScriptedGemini, model: str, said: Any, status: int, name: str, reason: str
) -> None:
    gemini.will_refuse(status if status != 502 else 500, said, model=model)
    answer = one_gateway.post(url(model), HELLO)
    found = err(answer)
    assert (found["code"], found["status"], found["details"]["ErrorInfo"]["reason"]) == (status, name, reason)
    assert "123456" not in answer.text
    if status < 500:
        # Those that are tried again outlast the silence before a stream begins.
        path = url(model, "streamGenerateContent")
        assert err(one_gateway.post(path + "?alt=sse", HELLO)) == found
        array = one_gateway.post(path, HELLO)
        assert (array.status_code, array.json()[0]["error"]["status"]) == (status, name)


def test_a_key_that_fails_is_replaced_unseen(gateway: Gateway, gemini: ScriptedGemini, model: str) -> None:
    gemini.will_refuse(429, out_of_quota("GenerateRequestsPerMinutePerProjectPerModel"), model=model, times=1)
    assert gateway.post(url(model), HELLO).headers["x-tumbler-attempts"] == "2"


def test_who_leaves_is_charged_for_what_came(gateway: Gateway, gemini: ScriptedGemini, model: str) -> None:
    pieces = [events(reply(f"{n}", finish=None)) for n in range(100)]
    gemini.will_stream(b"".join(pieces), slice=len(pieces[0]), delay=0.05, model=model)
    path = url(model, "streamGenerateContent") + "?alt=sse"
    with gateway.http.stream("POST", path, json=HELLO) as answer:
        next(answer.iter_bytes())
        time.sleep(0.2)
    (row,) = gateway.usage_rows(model)
    assert (row["status"], row["error_code"], row["endpoint"]) == (499, "client_closed", "gemini.generate")
    assert row["total_tokens"] > 0

"""The pure part of Gemini's own API: what is named, whom an address leads to, pages of models, errors, streams."""

import json
from contextlib import nullcontext
from typing import Any

import pytest

from compat.schemas.gemini import Reply
from compat.translation.addresses import is_of_gemini, is_public_https
from compat.translation.gemini.errors import to_error
from compat.translation.gemini.models import to_model, to_page
from compat.translation.gemini.reply import GeminiArray, GeminiEvents, to_reply
from compat.translation.gemini.request import GenerateTranslation
from compat.translation.refusals import Untranslatable
from compat.translation.substance import tells
from compat.translation.usage import Usage
from tests.gemini_replies import reply
from tests.translation.answering import decoded


def said(**members: Any) -> GenerateTranslation:
    contents = [{"role": "user", "parts": [{"text": "Hello"}]}]
    return GenerateTranslation(json.dumps({"contents": contents, **members}).encode(), {"here.test:3000"}.__contains__)


def read(given: dict[str, Any]) -> Reply:
    """A reply as the client reads it."""
    made = decoded(given)
    made.text = json.dumps(given).encode()
    return made


@pytest.mark.parametrize(
    ("url", "public", "geminis"),
    [
        ("https://example.com/a.png", True, False),
        ("https://www.youtube.com/watch?v=a", True, False),
        ("https://storage.googleapis.com/bucket/a", True, False),
        ("https://bucket.storage.googleapis.com/a", True, False),
        ("https://googleapis.com.example.com/a", True, False),
        ("https://notgoogleapis.com/a", True, False),
        ("https://generativelanguage.googleapis.com/v1beta/files/a", False, True),
        ("https://evilstorage.googleapis.com/a", False, True),
        ("https://GENERATIVELANGUAGE.googleapis.com./v1beta/files/a", False, True),
        ("https://googleapis.com/a", False, True),
        ("https://user@generativelanguage.googleapis.com/a", False, True),
        ("https://example.com:8443/a", False, False),
        ("https://example.com:x/a", False, False),
        ("https://127.0.0.1/a", False, False),
        ("https://files.internal/a", False, False),
        ("http://example.com/a", False, False),
        ("https://exa mple.com/", False, False),
        ("gs://bucket/a", False, False),
        ("", False, False),
    ],
)
def test_an_address_is_public_geminis_or_nobodys(url: str, public: bool, geminis: bool) -> None:
    assert (is_public_https(url), is_of_gemini(url)) == (public, geminis)


@pytest.mark.parametrize(
    ("url", "taken"),
    [("https://example.com/mcp", True), ("http://10.0.0.1/mcp", False), ("https://a.googleapis.com/mcp", False)],
)
def test_gemini_is_sent_to_public_servers_of_tools_alone(url: str, taken: bool) -> None:
    server = {"name": "notes", "streamableHttpTransport": {"url": url}}
    with nullcontext() if taken else pytest.raises(Untranslatable, match="public"):
        assert not said(tools=[{"mcpServers": [server]}]).references


def test_the_names_in_every_corner_of_a_request_are_found() -> None:
    file = {"fileData": {"fileUri": "files/a"}}
    inside = {"functionResponse": {"name": "f", "response": {}, "parts": [file]}}
    contents = [{"role": "user", "parts": [{"text": "Look"}, file, inside]}]
    store = {"fileSearch": {"fileSearchStoreNames": ["fileSearchStores/s"]}}
    asked = said(
        contents=contents, systemInstruction={"parts": [file]}, tools=[store], cachedContent="cachedContents/c"
    )
    assert [(one.path, one.name) for one in asked.references] == [
        ("cached_content", "cachedContents/c"),
        ("tools[0].file_search.file_search_store_names", "fileSearchStores/s"),
        ("contents[0].parts[1].file_data.file_uri", "files/a"),
        ("contents[0].parts[2].function_response.parts[0].file_data.file_uri", "files/a"),
        ("system_instruction.parts[0].file_data.file_uri", "files/a"),
    ]


@pytest.mark.parametrize(
    ("uri", "file_id"),
    [
        ("files/0a1b", "file-0a1b"),
        ("files/file-0a1b", "file-0a1b"),
        ("http://here.test:3000/v1beta/files/0a1b", "file-0a1b"),
        ("https://here.test:3000/v1/files/0a1b", "file-0a1b"),
        ("https://generativelanguage.googleapis.com/v1beta/files/0a1b", "file-0a1b"),
        ("https://there.test/v1beta/files/0a1b", None),
    ],
)
def test_a_file_is_named_by_its_name_or_its_address_here(uri: str, file_id: str | None) -> None:
    asked = said(contents=[{"role": "user", "parts": [{"fileData": {"fileUri": uri}}]}])
    assert [one.file_id for one in asked.references] == ([file_id] if file_id else [])


@pytest.mark.parametrize("uri", ["http://here.test:3000/v1beta/files/a/b", "http://here.test/v1beta/files/a", "//["])
def test_an_address_here_that_is_no_files_is_refused(uri: str) -> None:
    with pytest.raises(Untranslatable, match="file uri"):
        said(contents=[{"role": "user", "parts": [{"fileData": {"fileUri": uri}}]}])


@pytest.mark.parametrize(
    ("config", "answers", "longest"),
    [
        ({}, 1, None),
        ({"candidateCount": 3, "maxOutputTokens": 9}, 3, 9),
        ({"candidateCount": 10**6, "maxOutputTokens": -1}, 8, None),
        ({"candidateCount": -5, "maxOutputTokens": 0}, 1, None),
    ],
)
def test_what_is_reserved_is_bounded(config: dict[str, int], answers: int, longest: int | None) -> None:
    asked = said(generationConfig=config)
    assert (asked.answers, asked.longest) == (answers, longest)


def called(*calls: tuple[str, str]) -> dict[str, Any]:
    return {"role": "model", "parts": [{"functionCall": {"id": call_id, "name": name}} for call_id, name in calls]}


def answered(*results: tuple[str, str]) -> dict[str, Any]:
    parts = [
        {"functionResponse": {**({"id": call_id} if call_id else {}), "name": name, "response": {}}}
        for call_id, name in results
    ]
    return {"role": "user", "parts": parts}


@pytest.mark.parametrize(
    ("results", "ids"),
    [
        ([("", "f"), ("", "g"), ("", "f")], ["1", "3", "2"]),
        ([("2", "f"), ("", "f"), ("", "g")], ["2", "1", "3"]),
        ([("", "h"), ("mine", "f")], [None, "mine"]),
        ([("", "f")] * 3, ["1", "2", None]),
    ],
)
def test_results_are_named_by_the_calls_before_them(results: list[tuple[str, str]], ids: list[str | None]) -> None:
    asked = {"role": "user", "parts": [{"text": "Hi"}]}
    calls = called(("1", "f"), ("2", "f"), ("3", "g"))
    contents = [asked, called(("0", "f")), answered(("", "f")), calls, answered(*results)]
    body = json.dumps({"contents": contents}).encode()
    passed = GenerateTranslation(body, lambda *_: False).to_body("gemini-3.5-flash", 1)["contents"]
    assert passed[2]["parts"][0]["functionResponse"]["id"] == "0"
    assert [part["functionResponse"].get("id") for part in passed[4]["parts"]] == ids


def test_conversations_that_one_project_must_go_on_with_have_an_affinity() -> None:
    tools = [{"functionDeclarations": [{"name": "f"}]}]
    assert said().affinity() is None
    assert said(tools=[{"googleSearch": {}}]).affinity() is None
    for members in ({"tools": tools}, {"continuationToken": "t"}, {"generationConfig": {"maxOutputTokens": 65_536}}):
        assert said(**members).affinity() == said(tools=tools).affinity() is not None
    other = said(tools=tools, systemInstruction={"parts": [{"text": "Be brief."}]})
    assert other.affinity() != said(tools=tools).affinity()


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (reply("Hi"), True),
        (reply({"text": "Hm", "thought": True}), False),
        (reply(""), False),
        (reply(finish="STOP"), False),
        (reply(finish="OTHER"), True),
        (reply({"executableCode": {"code": "1"}}), True),
        ({"promptFeedback": {"blockReason": "SAFETY"}}, True),
        ({"usageMetadata": {"promptTokenCount": 1}}, False),
    ],
)
def test_what_says_something_to_a_client_of_geminis(given: dict[str, Any], says: bool) -> None:
    assert tells(decoded(given)) is says


def test_a_reply_stays_as_it_is_on_one_line_under_an_id_of_ours() -> None:
    given = reply("Hi\nthere", futureMember={"a": [1, None]})
    made = read(given)
    made.text = json.dumps(given, indent=2).replace("\n", "\r\n").encode()
    told = to_reply(made, "req_1")
    assert b"\n" not in told and b"\r" not in told
    assert json.loads(told) == {**given, "responseId": "req_1"}
    assert "responseId" not in json.loads(to_reply(read({"candidates": []}), "req_1"))


def test_an_array_grows_to_valid_json_in_every_ending() -> None:
    replies = [read(reply("a", finish=None)), read(reply("b"))]
    whole = GeminiArray("req_1")
    told = b"".join(whole.read(0, one) for one in replies)
    assert not whole.unfinished() and len(json.loads(told + whole.close(Usage()))) == 2
    broken = GeminiArray("req_1")
    error = {"message": "Away.", "type": "server_error", "param": None, "code": "upstream_unavailable"}
    told = broken.read(0, replies[0]) + broken.error(error, 503)
    assert broken.unfinished() and json.loads(told)[1]["error"]["status"] == "UNAVAILABLE"
    assert json.loads(GeminiArray("req_1").error(error, 503))[0]["error"]["code"] == 503


def test_a_stream_is_whole_when_every_candidate_that_came_has_ended() -> None:
    events = GeminiEvents("req_1")
    assert events.unfinished()
    events.read(
        0,
        read(
            {
                **reply("a"),
                "candidates": [reply("a")["candidates"][0], reply("b", finish=None, index=1)["candidates"][0]],
            }
        ),
    )
    assert events.unfinished()
    events.read(0, read(reply("c", index=1)))
    assert not events.unfinished() and events.text_length == 3


def test_an_error_has_our_code_the_member_and_the_wait() -> None:
    error = {"message": "Slow down.", "type": "rate_limit_error", "param": "contents", "code": "rate_limit_exceeded"}
    told = to_error(error, 429, "7")
    assert (told["code"], told["status"], told["message"]) == (429, "RESOURCE_EXHAUSTED", "Slow down.")
    assert [{**detail, "@type": detail["@type"].rpartition(".")[2]} for detail in told["details"]] == [
        {"@type": "ErrorInfo", "reason": "RATE_LIMIT_EXCEEDED", "domain": "gemini-tumbler"},
        {"@type": "BadRequest", "fieldViolations": [{"field": "contents", "description": "Slow down."}]},
        {"@type": "RetryInfo", "retryDelay": "7s"},
    ]
    assert to_error({**error, "param": None, "code": None}, 418) == {
        "code": 418,
        "message": "Slow down.",
        "status": "INVALID_ARGUMENT",
    }


def test_a_model_is_told_by_the_name_it_is_asked_by() -> None:
    offered = {
        "name": "models/gemini-x",
        "inputTokenLimit": 9,
        "supportedGenerationMethods": ["generateContent", "predict"],
    }
    assert to_model("gemini-x", offered) == {**offered, "supportedGenerationMethods": ["generateContent"]}
    mapped = to_model("gpt-4o", offered)
    assert (mapped["name"], mapped["displayName"], mapped["inputTokenLimit"]) == ("models/gpt-4o", "gpt-4o", 9)
    assert to_model("text-embedding-3-small", None)["supportedGenerationMethods"] == ["embedContent"]


def test_pages_of_models_follow_each_other() -> None:
    models = [{"name": f"models/{number}"} for number in range(120)]
    first = json.loads(to_page(models, "", ""))
    assert (len(first["models"]), first["nextPageToken"]) == (50, "50")
    assert json.loads(to_page(models, "100", "50")) == {"models": models[50:]}
    for size, token in (("x", ""), ("", "-1"), ("", "9" * 30), ("²", "")):
        with pytest.raises(Untranslatable):
            to_page(models, size, token)

"""Gemini's own requests: read by its message types, and built anew for each model that is asked."""

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import msgspec

from compat.schemas.gemini_request.requests import COUNT, EMBED, EMBED_BATCH, GENERATE
from compat.schemas.gemini_request.shape import Message
from compat.schemas.gemini_request.violation import Violation
from compat.translation.affinity import affinity_of
from compat.translation.decoding import decode
from compat.translation.gemini.references import IsOurs, references_in
from compat.translation.refusals import Untranslatable

Body = dict[str, Any]

_json = msgspec.json.Decoder()

# Gemini API, candidateCount and batchEmbedContents.
_MOST_CANDIDATES = 8
_MOST_IN_A_BATCH = 100
# More than one call of Gemini 4's yields: the answer goes on in the project that began it (Gemini API, long decode).
_LONGEST_HOP = 32_768
# A part that is no text counts as so much.
_PART_CHARACTERS = 1_000


class Fate(NamedTuple):
    """What happens to a member of Gemini's."""

    action: str
    """passed, set or refused."""
    becomes: str


MEMBERS: dict[str, Fate] = {
    "model": Fate("set", "the model that is asked; the one in the path counts"),
    "contents": Fate("passed", "files and addresses are checked, see below"),
    "systemInstruction": Fate("passed", ""),
    "tools": Fate("passed", "names of file search stores are refused: they are somebody's"),
    "toolConfig": Fate("passed", ""),
    "safetySettings": Fate("passed", ""),
    "generationConfig": Fate("passed", "maxOutputTokens and candidateCount are what the limits reserve"),
    "cachedContent": Fate("refused", "nothing is cached for anybody here"),
    "labels": Fate("set", "left out: they would stand in the bills of the project that lent the key"),
    "serviceTier": Fate("passed", ""),
    "store": Fate("set", "false, whatever was asked"),
    "continuationToken": Fate("passed", "such conversations return to the project that began them, if it has room"),
}
"""The members of generateContent's request."""


class GenerateTranslation:
    """One request of generateContent, checked once. Raises Untranslatable."""

    def __init__(self, body: bytes, is_ours: IsOurs) -> None:
        read = _read(body, GENERATE)
        _check_contents(read.get("contents"), "contents")
        self.references = list(references_in(read, is_ours))
        self._asked = _of_ours(read)

    def to_body(self, model: str, candidates: int) -> Body:
        """The body for a Gemini model: as it came, in normal form. A repair makes a body of its own."""
        return self._asked

    @property
    def answers(self) -> int:
        """How many candidates are wanted."""
        return min(max(self._number("candidateCount"), 1), _MOST_CANDIDATES)

    @property
    def longest(self) -> int | None:
        """The most tokens of an answer; None where the request does not say."""
        return max(self._number("maxOutputTokens"), 0) or None

    def affinity(self) -> int | None:
        """As a chat's: for tool loops, long prompts, and answers that go on in another call."""
        asked = self._asked
        calls = any("functionDeclarations" in tool for tool in asked.get("tools", ()))
        bound = calls or "continuationToken" in asked or (self.longest or 0) > _LONGEST_HOP
        beginning = (_text(content) for content in (asked.get("systemInstruction", {}), *asked["contents"][:1]))
        return affinity_of(beginning, self.prompt_characters, bound=bound)

    @cached_property
    def prompt_characters(self) -> int:
        """A rough size of the prompt, for estimates."""
        return _size(self._asked)

    def _number(self, member: str) -> int:
        number: int = self._asked.get("generationConfig", {}).get(member, 0)
        return number


class CountTranslation:
    """One request of countTokens: contents alone, or a whole request. Raises Untranslatable."""

    def __init__(self, body: bytes, is_ours: IsOurs) -> None:
        read = _read(body, COUNT)
        self._inner: Body | None = read.get("generateContentRequest")
        asked = read if self._inner is None else self._inner
        _check_contents(asked.get("contents"), "contents")
        if self._inner is not None and "contents" in read:
            raise _invalid("contents", "Only one of contents and generate_content_request can be set.")
        self.references = list(references_in(asked, is_ours))
        self._asked = _of_ours(asked)

    def to_body(self, model: str, candidates: int) -> Body:
        """The body for a model."""
        if self._inner is None:
            return self._asked
        return {"generateContentRequest": {"model": f"models/{model}", **self._asked}}


class EmbedTranslation:
    """One request of embedContent or, as a `batch`, of batchEmbedContents. Raises Untranslatable.

    `dimensions` is the length of the vectors where the request does not say.
    """

    def __init__(self, body: bytes, is_ours: IsOurs, dimensions: int | None, *, batch: bool) -> None:
        read = _read(body, EMBED_BATCH if batch else EMBED)
        requests = read.get("requests", []) if batch else [read]
        if not 1 <= len(requests) <= _MOST_IN_A_BATCH:
            raise _invalid("requests", f"requests: from 1 to {_MOST_IN_A_BATCH} can be in one batch.")
        for place, one in enumerate(requests):
            path = f"requests[{place}].content" if batch else "content"
            _check_contents([one.get("content", {})], path)
        contents = [one["content"] for one in requests]
        self.references = list(references_in({"contents": contents}, is_ours))
        usual = {"outputDimensionality": dimensions} if dimensions else {}
        self._requests = [{**usual, **one} for one in requests]

    def to_body(self, model: str, candidates: int) -> Body:
        """The body of batchEmbedContents for a model."""
        return {"requests": [{**one, "model": f"models/{model}"} for one in self._requests]}

    @property
    def count(self) -> int:
        """How many vectors are wanted."""
        return len(self._requests)

    @property
    def prompt_characters(self) -> int:
        """A rough size, for estimates: gemini-embedding-001 counts nothing."""
        return sum(_size({"contents": [one["content"]]}) for one in self._requests)


def _read(body: bytes, message: Message) -> Body:
    """The request in normal form (camelCase, no nulls); every member that is none is named, as Gemini names them."""
    found: list[Violation] = []
    read = message(decode(body, _json), "", found)
    if found:
        raise _invalid(found[0].field, "\n".join(violation.message for violation in found))
    return read


def _of_ours(asked: Body) -> Body:
    """The members that are passed on, and each result of a call with the id of that."""
    _name_responses(asked.get("contents", ()))
    return {name: value for name, value in asked.items() if MEMBERS[name].action == "passed"}


def _name_responses(contents: Sequence[Body]) -> None:
    """Give results without an id that of the call of the same name in the turn before, in order.

    Gemini wants both to match from 3.5 on (Gemini API, function calling); google-genai's automatic calling sends the name alone.
    """
    calls: list[Body] = []
    for content in contents:
        parts = content.get("parts", ())
        results = [part["functionResponse"] for part in parts if "functionResponse" in part]
        taken = {result.get("id") for result in results}
        waiting = [call for call in calls if call.get("id") and call["id"] not in taken]
        for result in results:
            call = next((call for call in waiting if call.get("name") == result.get("name")), None)
            if call is not None and not result.get("id"):
                waiting.remove(call)
                result["id"] = call["id"]
        calls = [part["functionCall"] for part in parts if "functionCall" in part]


def _check_contents(contents: list[Body] | None, path: str) -> None:
    """Refuse what no model could be asked: nothing at all, or a turn without parts."""
    if not contents:
        raise _invalid(path, f"* {path}: contents is not specified\n")
    for place, content in enumerate(contents):
        if not content.get("parts"):
            where = f"{path}[{place}]" if path == "contents" else path
            raise _invalid(f"{where}.parts", f"* {where}.parts: contents.parts must not be empty.\n")


def _invalid(field: str, message: str) -> Untranslatable:
    return Untranslatable(message, field)


def _parts(asked: Body) -> Iterator[Body]:
    for content in (asked.get("systemInstruction", {}), *asked.get("contents", ())):
        yield from content.get("parts", ())


def _size(asked: Body) -> int:
    return sum(len(part["text"]) if "text" in part else _PART_CHARACTERS for part in _parts(asked))


def _text(content: Body) -> str:
    return "".join(part.get("text", "") for part in content.get("parts", ()))

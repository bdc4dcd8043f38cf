"""An Answer as Gemini sends it: one reply, or a stream of replies each with a delta (Gemini API reference, 4 and 5)."""

import re
from collections.abc import Iterator
from itertools import zip_longest

from compat.simulator.answers import Answer, Candidate, part_tokens
from compat.simulator.media import sound_pieces
from compat.simulator.wire import JsonObject

_WORD = re.compile(r"\S+\s*|\s+")
_MOST_PIECES = 48


def to_reply(answer: Answer) -> JsonObject:
    """The whole answer as one reply."""
    tokens = sum(part_tokens(part) for candidate in answer.candidates for part in candidate.parts)
    candidates = [_whole(candidate, index) for index, candidate in enumerate(answer.candidates)]
    return _reply(answer, candidates, tokens)


def to_stream(answer: Answer) -> Iterator[JsonObject]:
    """The answer as replies with one delta each; candidates take turns, counts run on from reply to reply."""
    if not answer.candidates:
        yield _reply(answer, [], 0)
        return
    tokens = 0
    characters = [0] * len(answer.candidates)
    deltas = [list(_deltas(candidate, answer, index)) for index, candidate in enumerate(answer.candidates)]
    for turn in zip_longest(*deltas):
        for index, delta in enumerate(turn):
            if delta is None:
                continue
            parts = delta["content"].get("parts", ())
            tokens += sum(part_tokens(part) for part in parts if "text" not in part)
            characters[index] += sum(len(part["text"]) for part in parts if "text" in part and "thought" not in part)
            yield _reply(answer, [delta], tokens + sum((count + 3) // 4 for count in characters))


def _reply(answer: Answer, candidates: list[JsonObject], tokens: int) -> JsonObject:
    reply: JsonObject = {}
    if candidates:
        reply["candidates"] = candidates
    if answer.feedback is not None:
        reply["promptFeedback"] = answer.feedback
    if answer.usage is not None:
        reply["usageMetadata"] = answer.usage.at(tokens)
    reply["modelVersion"] = answer.facts.served_as
    reply["responseId"] = answer.response_id
    return reply


def _whole(candidate: Candidate, index: int) -> JsonObject:
    content = {"parts": candidate.parts, "role": "model"} if candidate.parts else {"role": "model"}
    whole: JsonObject = {"content": content}
    if candidate.finish is not None:
        whole["finishReason"] = candidate.finish
    whole["index"] = index
    return whole | candidate.closing


def _deltas(candidate: Candidate, answer: Answer, index: int) -> Iterator[JsonObject]:
    """The candidate in pieces, the last of which ends it.

    2.5 ends with its last words or all its calls at once; 3 and later send each call alone and end with an empty text,
    which carries the signature.
    """
    steps = _steps(candidate, answer)
    middle = len(steps) // 2 - 1 if answer.two_stops else None
    for number, parts in enumerate(steps):
        piece: JsonObject = {"content": {"parts": parts, "role": "model"} if parts else {"role": "model"}}
        ended = number == len(steps) - 1
        if (ended or number == middle) and candidate.finish is not None:
            piece["finishReason"] = candidate.finish
        piece["index"] = index
        yield piece | candidate.closing if ended else piece


def _steps(candidate: Candidate, answer: Answer) -> list[list[JsonObject]]:
    """The parts of each reply, at least one list."""
    steps: list[list[JsonObject]] = []
    calls_together: list[JsonObject] = []
    ending: JsonObject | None = {"text": ""} if answer.facts.since(3) and candidate.finish == "STOP" else None
    for part in candidate.parts:
        if "functionCall" in part and not answer.facts.since(3):
            calls_together.append(part)
        elif "text" in part and not part.get("thought") and not answer.in_one_event:
            steps.extend([{"text": words}] for words in pieces(part["text"]))
            if "thoughtSignature" in part:
                ending = {"text": "", "thoughtSignature": part["thoughtSignature"]}
        elif part.get("inlineData", {}).get("mimeType", "").startswith("audio"):
            steps.extend([{"inlineData": piece}] for piece in sound_pieces(part["inlineData"]))
        else:
            steps.append([part])
    if calls_together:
        steps.append(calls_together)
    if ending is not None and candidate.parts:
        steps.append([ending])
    return steps or [[]]


def pieces(text: str) -> list[str]:
    """The text word by word, or by groups of words when it has many; joined they are the text."""
    words = _WORD.findall(text)
    if len(words) <= _MOST_PIECES:
        return words
    step = -(-len(words) // _MOST_PIECES)
    return ["".join(words[at : at + step]) for at in range(0, len(words), step)]

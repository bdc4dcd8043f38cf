"""Whole requests and replies, one folder a case: what a client sends, what Gemini is asked, what it says, what comes back.

A new case is a folder with four files. `model` of openai_request.json is a Gemini model, so no mapping is needed. Is
gemini_reply.json a list, it is a stream: openai_reply.json then lists its chunks.
"""

import json
from pathlib import Path

import msgspec
import pytest

from compat.schemas.chat import ChatRequest
from compat.simulator.models import CATALOGUE
from compat.simulator.validation import violations
from compat.translation.chat.chunks import ChatChunks
from compat.translation.chat.completion import to_completion
from compat.translation.chat.request import ChatTranslation
from compat.translation.decoding import decode
from compat.translation.usage import Usage
from tests.translation.answering import answering, chunks_of, decoded

CASES = sorted(path.parent for path in Path(__file__).parent.glob("*/openai_request.json"))
_chat = msgspec.json.Decoder(ChatRequest)


def read(case, name):
    return json.loads((case / f"{name}.json").read_text(encoding="utf-8"))


def translated(case):
    chat = decode((case / "openai_request.json").read_bytes(), _chat)
    return chat, ChatTranslation(chat, lambda call_id, generation: None)


def asked(case):
    chat, translation = translated(case)
    return chat.model, json.loads(msgspec.json.encode(translation.to_body(chat.model, chat.n or 1)))


def answered(case):
    """What the client gets: the completion, or the chunks of a stream."""
    chat, translation = translated(case)
    circumstances = answering(translation.declared, chat.audio.format if chat.audio else "wav")
    reply = read(case, "gemini_reply")
    if not isinstance(reply, list):
        made = decoded(reply)
        usage = Usage().merged(made.usageMetadata)
        return json.loads(to_completion("chatcmpl-1", chat.model, [(0, made)], usage, circumstances))
    include_usage = bool(chat.stream_options and chat.stream_options.include_usage)
    chunks = ChatChunks("chatcmpl-1", chat.model, chat.n or 1, circumstances, include_usage=include_usage)
    usage, events = Usage(), b""
    for one in map(decoded, reply):
        usage = usage.merged(one.usageMetadata)
        events += chunks.read(0, one)
    return chunks_of(events + chunks.close(usage))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_request_becomes_what_gemini_is_to_be_asked(case):
    model, body = asked(case)
    assert body == read(case, "gemini_request")
    assert model not in CATALOGUE or violations(model, body) == []


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_reply_becomes_what_the_client_is_to_get(case):
    assert answered(case) == read(case, "openai_reply")


def test_every_folder_is_a_whole_case():
    folders = {path.parent for path in Path(__file__).parent.glob("*/*.json")}
    assert folders == set(CASES) and len(CASES) >= 15

"""docs/translation.md and the tables of the code say the same."""

import re
from pathlib import Path

import pytest

from compat.gemini.failures import FAILURES, Rest
from compat.schemas.anthropic import MessagesRequest
from compat.schemas.gemini_request.requests import GENERATE
from compat.schemas.moderations import ModerationRequest
from compat.schemas.responses import ResponseRequest
from compat.schemas.speech import SpeechRequest
from compat.schemas.transcriptions import TranscriptionForm, TranslationForm
from compat.translation.families import FAMILIES, family_of
from compat.translation.finish_reason import FINISH_REASONS
from compat.translation.gemini.request import MEMBERS
from compat.translation.images.request import IMAGE_PARAMETERS
from compat.translation.images.sizes import read_size, to_image_config
from compat.translation.moderations.categories import CATEGORIES
from compat.translation.parameters import PARAMETERS
from compat.translation.reasoning_effort import to_thinking_config
from compat.translation.voices import VOICES
from tests.translation.test_reasoning_effort import EFFORTS, TABLE

PAGE = (Path(__file__).parents[2] / "docs" / "translation.md").read_text(encoding="utf-8")


def table(title):
    """The rows of the first table below a title, its head left out."""
    section = re.split(rf"^#+ {re.escape(title)}$", PAGE, maxsplit=1, flags=re.MULTILINE)[1]
    rows = re.search(r"(?:^\|.*\|$\n?)+", section, re.MULTILINE)[0].splitlines()
    return [tuple(cell.strip() for cell in row.strip("|").split("|")) for row in rows[2:]]


def test_every_parameter_is_documented_with_its_fate():
    assert table("Parameters") == [(name, *fate) for name, fate in PARAMETERS.items()]


def test_every_member_of_a_responses_request_is_documented():
    assert [name for name, *_ in table("Responses")] == list(ResponseRequest.__struct_fields__)


def test_every_member_of_a_messages_request_is_documented():
    assert [name for name, *_ in table("Messages of Anthropic's")] == list(MessagesRequest.__struct_fields__)


def test_every_member_of_a_speech_request_is_documented():
    assert [name for name, *_ in table("Speech")] == list(SpeechRequest.__struct_fields__)


def test_every_voice_is_documented():
    assert dict(table("Voices")) == VOICES


def test_every_member_of_a_transcription_is_documented():
    documented = [name for name, *_ in table("Transcriptions")]
    assert sorted(documented) == sorted(TranscriptionForm.__struct_fields__)
    assert set(TranslationForm.__struct_fields__) <= set(documented)


def test_every_member_of_a_moderation_is_documented():
    assert [name for name, *_ in table("Moderations")] == list(ModerationRequest.__struct_fields__)


def test_every_category_is_documented_with_its_rating():
    assert dict(table("Categories")) == {name: category.rating or "–" for name, category in CATEGORIES.items()}


def test_every_member_of_a_request_for_images_is_documented():
    assert table("Images") == [(name, *fate) for name, fate in IMAGE_PARAMETERS.items()]


@pytest.mark.parametrize("row", table("Sizes"), ids=lambda row: row[0])
def test_every_size_of_an_image_is_documented(row):
    size, ratio, *sizes = row
    models = ("gemini-3.1-flash-image", "gemini-3-pro-image", "gemini-2.5-flash-image")
    made = [to_image_config(read_size(size), None, family_of(model)) for model in models]
    assert [(one["aspectRatio"], one.get("imageSize", "–")) for one in made] == [(ratio, size) for size in sizes]


def test_every_member_of_geminis_own_request_is_documented_with_its_fate():
    assert table("Gemini's own API") == [(name, *fate) for name, fate in MEMBERS.items()]
    assert set(MEMBERS) == GENERATE.names


def test_every_finish_reason_is_documented():
    assert dict(table("Finish reasons")) == FINISH_REASONS


def test_every_failure_is_documented_with_what_follows():
    expected = {}
    for _, failure in FAILURES:
        out = "out if a free call says the same" if failure.in_doubt else "the key is out"
        rest = out if failure.disables else "–" if failure.rest is Rest.NONE else str(failure.rest)
        expected.setdefault(failure.name, (str(failure.blame), str(failure.next), rest, failure.client_code))
    assert {name: tuple(rest) for name, *rest in table("Errors upstream")} == expected


@pytest.mark.parametrize("row", table("Reasoning"), ids=lambda row: row[0])
def test_every_effort_is_documented(row):
    name, *cells = row
    assert [f"{cell:,}" if isinstance(cell, int) else cell for cell in TABLE[name]] == cells


def test_the_table_of_efforts_has_a_column_for_each():
    assert f"\n| model | {' | '.join(EFFORTS)} |\n" in PAGE


def test_every_family_that_thinks_is_among_the_efforts():
    documented = [name for name, *_ in table("Reasoning")]
    for pattern, family in FAMILIES:
        if to_thinking_config("low", None, family):
            assert any(re.fullmatch(pattern, name) for name in documented), pattern

"""Speech, transcriptions, translations and moderations."""

import base64
import json
import re
from typing import Any

import httpx

from compat.schemas.moderations import ModerationRequest
from compat.schemas.transcriptions import TranscriptionForm, TranslationForm
from compat.schemas.uploads import Upload
from compat.translation.moderations.categories import CATEGORIES, member_of
from compat.translation.moderations.request import ModerationTranslation
from compat.translation.transcriptions.request import TranscriptionRequest
from tests import gemini_replies
from tests.doors.door import Asked, AskedInForm, Door, Error, Told
from tests.live import openapi

RECORDING = b"ID3 as if it were a recording"
# 50 tokens, as the tests of limits send them.
_LONG = "x" * 200


class _SoundDoor(Door):
    """What these doors share: they are not for talking."""

    talks = calls_functions = False

    def naming(self, user: str) -> dict[str, Any]:
        return {}

    def _events(self, response: httpx.Response, event_schema: str) -> tuple[list[dict[str, Any]], Error | None]:
        """The events of a stream that obeys the document, and the error that ended it."""
        lines = [line[6:] for line in response.text.splitlines() if line and not line.startswith(":")]
        told = [json.loads(line) for line in lines]
        error = Error(**told.pop()["error"]) if told and "error" in told[-1] else None
        for event in told:
            openapi.check(event, event_schema)
        return told, error


class Speech(_SoundDoor):
    """Sound whose samples are the code units of a text: `pcm` as bytes, or in events."""

    name = "audio.speech"
    path = "/v1/audio/speech"
    model = "gemini-2.5-flash-preview-tts"
    estimated_tokens = 1
    added_tokens = 15

    def ask(self, model: str, *, text: str = "Hello", stream: bool = False, **members: Any) -> Asked:
        members.pop("longest", None)
        body = {"model": model, "input": text, "voice": "alloy", "response_format": "pcm", **members}
        return Asked(self.path, body | ({"stream_format": "sse"} if stream else {}))

    def read(self, response: httpx.Response) -> Told:
        if response.status_code != 200:
            return Told(response, error=self.read_error(response))
        if response.headers["content-type"] == "audio/pcm":
            return Told(response, response.content.decode("utf-16-le"), finish="stop")
        events, error = self._events(response, "CreateSpeechResponseStreamEvent")
        sounds = [base64.b64decode(event["audio"]) for event in events if event["type"] == "speech.audio.delta"]
        told = Told(response, b"".join(sounds).decode("utf-16-le"), error=error)
        if error is None:
            usage = events[-1]["usage"]
            told.finish, told.prompt_tokens, told.completion_tokens = (
                "stop",
                usage["input_tokens"],
                usage["output_tokens"],
            )
        return told

    def tells_tokens(self, *, stream: bool) -> bool:
        return stream

    def sent(self, text: str) -> bytes:
        data = text.encode("utf-16-le")
        return base64.b64encode(data[: len(data) // 3 * 3])

    def reply(self, text: str, **how: Any) -> dict[str, Any]:
        return gemini_replies.reply(gemini_replies.sound(text.encode("utf-16-le")), **how)


class Transcriptions(_SoundDoor):
    """What is said in a recording; the text of a request is what its words are like."""

    name = "audio.transcriptions"
    path = "/v1/audio/transcriptions"
    takes_json = False
    answer = "CreateTranscriptionResponseJson"
    kind: type[TranscriptionForm | TranslationForm] = TranscriptionForm

    @property
    def added_tokens(self) -> int:  # type: ignore[override]
        asked = self.kind(file=Upload("", "", RECORDING), model="m", prompt=_LONG)
        return -(-TranscriptionRequest(asked).characters // 4) - 50

    def ask(self, model: str, *, text: str = "Hello", stream: bool = False, **members: Any) -> Asked:
        members.pop("longest", None)
        body = {"model": model, "prompt": text, "file": RECORDING, **members}
        return AskedInForm(self.path, body | ({"stream": "true"} if stream else {}))

    def read(self, response: httpx.Response) -> Told:
        if response.status_code != 200:
            return Told(response, error=self.read_error(response))
        if response.headers["content-type"] == "application/json":
            openapi.check(response.json(), self.answer)
            told, usage = Told(response, response.json()["text"], finish="stop"), response.json().get("usage")
        else:
            events, error = self._events(response, "CreateTranscriptionResponseStreamEvent")
            words = [event["delta"] for event in events if event["type"] == "transcript.text.delta"]
            told = Told(response, "".join(words), finish=None if error else "stop", error=error)
            usage = None if error else events[-1]["usage"]
        if usage is not None:
            told.prompt_tokens, told.completion_tokens = usage["input_tokens"], usage["output_tokens"]
        return told


class Translations(Transcriptions):
    """The same in English, whole alone."""

    name = "audio.translations"
    path = "/v1/audio/translations"
    streams = False
    answer = "CreateTranslationResponseJson"
    kind = TranslationForm

    def tells_tokens(self, *, stream: bool) -> bool:
        return False


class Moderations(_SoundDoor):
    """Judgements: a text of 13 characters at most stands in the scores."""

    name = "moderations"
    path = "/v1/moderations"
    model = "gemini-3.5-flash-lite"
    streams = names_model = False
    added_tokens = -(-ModerationTranslation(ModerationRequest(_LONG)).characters // 4) - 50

    def ask(self, model: str, *, text: str = "Hello", stream: bool = False, **members: Any) -> Asked:
        members.pop("longest", None)
        return Asked(self.path, {"model": model, "input": text, **members})

    def read(self, response: httpx.Response) -> Told:
        if response.status_code != 200:
            return Told(response, error=self.read_error(response))
        openapi.check(response.json(), "CreateModerationResponse")
        (result,) = response.json()["results"]
        text = "".join(chr(round(score * 1_000)) for score in result["category_scores"].values())
        return Told(response, re.sub("\0+$", "", text), finish="stop")

    def tells_tokens(self, *, stream: bool) -> bool:
        return False

    def reply(self, text: str, **how: Any) -> dict[str, Any]:
        scores = dict(zip(map(member_of, CATEGORIES), (ord(letter) / 1_000 for letter in text), strict=False))
        return gemini_replies.reply(json.dumps(scores), **how)

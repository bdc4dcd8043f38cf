"""The words of the API document for speech and transcriptions."""

from compat.openapi.operation import ASKING, FORM, Operation
from compat.schemas import audio_answers
from compat.schemas.speech import SpeechRequest
from compat.schemas.transcriptions import TranscriptionForm, TranslationForm

AUDIO: dict[tuple[str, str], Operation] = {
    ("/audio/speech", "POST"): Operation(
        name="createSpeech",
        group="Audio",
        summary="Say a text",
        description="The text, said by a speech model of Gemini's, sent while it is made: mp3, or the format that is asked for. "
        "Bytes can tell no error: when the sound breaks off, so does the connection. With `stream_format: sse` the sound comes "
        "in events, and the last one tells the usage. `opus`, `aac` and `flac` are made where the operator has installed PyAV.",
        request=SpeechRequest,
        example={"model": "gpt-4o-mini-tts", "voice": "alloy", "input": "Good evening!"},
        answer=bytes,
        gives="audio/mpeg",
        event=audio_answers.SpeechEvent,
        errors=ASKING,
    ),
    ("/audio/transcriptions", "POST"): Operation(
        name="createTranscription",
        group="Audio",
        summary="Write down what is said",
        description="The words of a recording, written down by a Gemini model. `verbose_json`, `srt` and `vtt` have the times of "
        "segments as the model tells them: about right, to a second or so, no measurement. `text`, `srt` and `vtt` are "
        "answered as `text/plain`. With `stream` the words come as events.",
        request=TranscriptionForm,
        takes=FORM,
        example={"model": "whisper-1", "file": "@speech.mp3"},
        answer=audio_answers.Transcription,
        event=audio_answers.TranscriptEvent,
        errors=ASKING,
    ),
    ("/audio/translations", "POST"): Operation(
        name="createTranslation",
        group="Audio",
        summary="Write down in English what is said",
        description="As a transcription, in English whatever is spoken.",
        request=TranslationForm,
        takes=FORM,
        example={"model": "whisper-1", "file": "@speech.mp3"},
        answer=audio_answers.Transcription,
        errors=ASKING,
    ),
}

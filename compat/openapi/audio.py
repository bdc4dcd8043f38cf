"""The words of the API document for speech, transcriptions and moderations."""

from compat.openapi.operation import ASKING, Operation
from compat.schemas import audio_answers
from compat.schemas.speech import SpeechRequest

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
}

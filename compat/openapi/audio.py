"""The words of the API document for speech, transcriptions and moderations."""

from compat.openapi.operation import ASKING, Operation
from compat.schemas import audio_answers
from compat.schemas.moderations import ModerationRequest
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
    ("/moderations", "POST"): Operation(
        name="createModeration",
        group="Moderations",
        summary="Judge content",
        description="How likely each text, or a content of texts and images, belongs to OpenAI's categories. It is not OpenAI's "
        "classifier: a Gemini model is asked for the likelihoods, and Gemini's safety ratings, where it sends some, raise them. "
        "What Gemini blocks is flagged.",
        request=ModerationRequest,
        example={"input": ["Good morning!", "I will hurt you."]},
        answer=audio_answers.Moderation,
        errors=ASKING,
    ),
}

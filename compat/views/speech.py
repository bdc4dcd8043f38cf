"""POST audio/speech."""

import msgspec
from rest_framework.request import Request

from accounts.models import IssuedToken
from compat.answers import Response
from compat.encoders import encoder_of
from compat.schemas.speech import SpeechRequest
from compat.translation.decoding import decode
from compat.translation.origins import all_in
from compat.translation.speech.request import SpeechTranslation
from compat.translation.speech.sound import CONTENT_TYPES, SpeechStream
from compat.views.answering import AnsweringView

_speech = msgspec.json.Decoder(SpeechRequest)


class Speech(AnsweringView):
    """A text in, its sound out as it is made: bytes, or events."""

    needs = IssuedToken.Scope.AUDIO
    endpoint = "audio.speech"
    origins = all_in("input")

    async def post(self, request: Request) -> Response:
        """Validate, translate, ask, pass on."""
        asked = decode(await self.body(), _speech)
        translation = SpeechTranslation(asked)
        wanted = asked.response_format or "mp3"
        as_events = asked.stream_format == "sse"
        speech = SpeechStream(encoder_of(wanted), as_events=as_events)
        resolved = await self.targets(asked.model)
        characters = len(translation.prompt)
        job = await self.admitted_bodies(asked.model, resolved, [translation.to_body], characters, stream=as_events)
        if as_events:
            return await self.streamed(job, speech)
        return await self.streamed_bytes(job, speech, CONTENT_TYPES[wanted])

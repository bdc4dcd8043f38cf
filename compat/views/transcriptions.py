"""POST audio/transcriptions and audio/translations."""

from rest_framework.request import Request

from accounts.models import IssuedToken
from compat.answers import Response
from compat.schemas.transcriptions import TranscriptionForm, TranslationForm
from compat.translation.decoding import convert
from compat.translation.origins import all_in
from compat.translation.transcriptions.answer import TranscriptEvents, content_type, has_segments, to_transcription
from compat.translation.transcriptions.request import TranscriptionRequest
from compat.views.answering import AnsweringView


class Transcriptions(AnsweringView):
    """A recording in, what is said in it out."""

    needs = IssuedToken.Scope.AUDIO
    endpoint = "audio.transcriptions"
    origins = all_in("file")
    takes: type[TranscriptionForm | TranslationForm] = TranscriptionForm

    async def post(self, request: Request) -> Response:
        """Validate, ask, write down."""
        asked = TranscriptionRequest(convert(await self.form(), self.takes))
        model = asked.form.model
        resolved = await self.targets(model)
        job = await self.admitted_bodies(model, resolved, [asked.to_body], asked.characters, stream=asked.stream)
        if asked.stream:
            return await self.streamed(job, TranscriptEvents())
        if asked.timed:
            job.says_something = has_segments
        answer = await self.whole(job, lambda replies, usage: to_transcription(asked, replies[0][1], usage))
        answer.headers["content-type"] = content_type(asked)
        return answer


class SpokenTranslations(Transcriptions):
    """A recording in, what is said in it out, in English."""

    endpoint = "audio.translations"
    takes = TranslationForm

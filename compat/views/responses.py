"""POST responses."""

import logging
import time

import msgspec
from django.conf import settings
from rest_framework.request import Request

from accounts.models import IssuedToken
from compat.answers import Response
from compat.errors import CompatError
from compat.ids import new_call_id, new_hex
from compat.relay import Job
from compat.relay import signatures as memory
from compat.relay.job import plan
from compat.schemas.responses import ResponseRequest
from compat.translation.chat.choice import Answering
from compat.translation.chat.request import ChatTranslation
from compat.translation.decoding import decode
from compat.translation.families import family_of
from compat.translation.responses.items import to_items
from compat.translation.responses.output import Telling
from compat.translation.responses.request import ENCRYPTED, ResponseTranslation
from compat.translation.responses.response import Answer, Envelope, ResponseEvents, to_response
from compat.translation.signatures import unsigned_calls
from compat.views.answering import AnsweringView

logger = logging.getLogger(__name__)

_request = msgspec.json.Decoder(ResponseRequest)


class Responses(AnsweringView):
    """Items in, a response or its events out: a chat in the words of OpenAI's newer API."""

    needs = IssuedToken.Scope.CHAT
    endpoint = "responses"
    translation: ResponseTranslation | None = None

    async def post(self, request: Request) -> Response:
        """Validate, translate, ask, answer."""
        asked = decode(await self.body(), _request)
        resolved = await self.targets(asked.model)
        user_id = self.caller.user_id
        translation = self.translation = ResponseTranslation(
            asked, to_items(asked.input), lambda sealed: memory.unseal(user_id, sealed)
        )
        if translation.dropped:
            logger.info("tools that are not served were left out: %s", ", ".join(sorted(set(translation.dropped))))
        chat = ChatTranslation(translation.chat, self.recall())
        if settings.REDIS_URL and any(family_of(target).signatures for target in resolved.targets):
            await memory.fetch(user_id, unsigned_calls(translation.chat.messages))
        calls = plan(1, resolved.targets, [chat.to_body], chat.affinity)
        stream = bool(asked.stream)
        job = self.job = Job(self.caller, self.endpoint, asked.model, resolved.targets, calls, stream=stream)
        job.prompt_characters = lambda: chat.prompt_characters
        job.sub_user = self.sub_user(asked.user)
        await job.admit(1, asked.max_output_tokens)
        answer = self._answer(asked, chat)
        if stream:
            return await self.streamed(job, ResponseEvents(answer, _now))
        return await self.whole(job, lambda replies, usage: to_response(answer, replies, usage, _now()))

    def _answer(self, asked: ResponseRequest, chat: ChatTranslation) -> Answer:
        user_id, created = self.caller.user_id, _now()
        carried = ENCRYPTED in (asked.include or ())
        telling = Telling(
            new_hex,
            self.translation is not None and self.translation.tells_thoughts,
            (lambda signatures: memory.seal(user_id, signatures)) if carried else None,
        )
        answering = Answering(chat.declared, created, new_call_id, self.remember)
        return Answer(Envelope(f"resp_{new_hex()}", created, asked), answering, telling)

    def _client_error(self, error: Exception, request_id: str) -> CompatError:
        """The same, its `param` a member of this API's request."""
        found = super()._client_error(error, request_id)
        if self.translation is not None:
            found.param = self.translation.param(found.param)
        return found


def _now() -> int:
    return int(time.time())

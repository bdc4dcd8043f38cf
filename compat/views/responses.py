"""POST responses."""

import logging
import time
from typing import Any

import msgspec
from rest_framework.request import Request

from accounts.models import IssuedToken
from compat import answers
from compat.answers import EventStream, Response
from compat.errors import InvalidRequest, StorageUnavailable
from compat.ids import new_call_id
from compat.mapping import Resolved
from compat.relay import signatures as memory
from compat.relay.background import Background, Listener, require_room
from compat.relay.job import Job
from compat.remembering import Turn
from compat.schemas.gemini import Reply
from compat.schemas.responses import ResponseRequest
from compat.translation.chat.choice import Answering
from compat.translation.chat.request import ChatTranslation
from compat.translation.decoding import decode
from compat.translation.families import family_of
from compat.translation.responses.code import OUTPUTS
from compat.translation.responses.items import to_items
from compat.translation.responses.output import Telling
from compat.translation.responses.request import ENCRYPTED, SOURCES, ResponseTranslation
from compat.translation.responses.response import Answer as ResponseAnswer
from compat.translation.responses.response import Envelope, ResponseEvents, to_response
from compat.translation.substance import runs_code, says_something
from compat.translation.truncation import CutTranslation
from compat.translation.usage import Usage
from compat.views.answering import AnsweringView

logger = logging.getLogger(__name__)

LEFT_OUT = "x-tumbler-left-out"
"""The header that names the tools of a request which the model was not given."""

_encode = msgspec.json.Encoder().encode
_request = msgspec.json.Decoder(ResponseRequest)


class _ResponsesView(AnsweringView):
    """What the routes of the Responses API share."""

    needs = IssuedToken.Scope.CHAT

    turn: Turn

    async def asked(self) -> ResponseTranslation:
        """The request, and the chat that it and what it goes on from amount to."""
        asked = decode(await self.body(), _request)
        user_id = self.caller.user_id
        self.turn = Turn(self.caller, asked)
        await self.turn.look_back()
        translation = ResponseTranslation(
            asked, to_items(asked.input), lambda sealed: memory.unseal(user_id, sealed), self.turn.history
        )
        self.origins = translation.origins
        return translation

    async def chat(self, translation: ResponseTranslation) -> ChatTranslation:
        """The chat that the request amounts to. Raises NotFound, InvalidRequest, Untranslatable."""
        may_be_cut = translation.request.truncation == "auto"
        return await self.translated(translation.chat, runs_code=translation.runs_code, may_be_cut=may_be_cut)

    async def drawing_targets(self, translation: ResponseTranslation) -> Resolved:
        """The models to ask: those of the tool that draws, where an image is wanted and the model that is asked draws none."""
        resolved = await self.targets(translation.request.model)
        if translation.draws_by and not any(family_of(target).images for target in resolved.targets):
            return await self.targets(translation.draws_by)
        return resolved


class Responses(_ResponsesView):
    """Items in, a response or its events out: a chat in the words of OpenAI's newer API."""

    endpoint = "responses"

    async def post(self, request: Request) -> Response:
        """Validate, translate, ask, answer."""
        translation = await self.asked()
        asked = translation.request
        resolved = await self.drawing_targets(translation)
        chat = await self.chat(translation)
        stream = bool(asked.stream)
        if asked.background:
            self._require_background()
        job = await self.admitted(chat, resolved, stream=stream)
        if isinstance(chat, CutTranslation):
            job.to_shorter = chat.to_shorter
        if translation.runs_code:
            job.says_something = lambda reply: says_something(reply) or runs_code(reply)
        response = await self._answered(translation, chat, job)
        left_out = sorted({*translation.dropped, *chat.left_out(job.model or resolved.targets[0])})
        if left_out:
            logger.info("tools that are not served were left out: %s", ", ".join(left_out))
            response.headers[LEFT_OUT] = ", ".join(left_out)
        return response

    async def _answered(self, translation: ResponseTranslation, chat: ChatTranslation, job: Job) -> Response:
        asked = translation.request
        stream, answer = bool(asked.stream), self._answer(translation, chat)
        if asked.background:
            return await self._in_background(job, answer, stream=stream)
        if stream:
            return await self.streamed(job, ResponseEvents(answer, _now, self.turn.keep))

        def to_answer(replies: list[tuple[int, Reply]], usage: Usage) -> bytes:
            response = to_response(answer, replies, usage, _now())
            self.turn.keep(response)
            return _encode(response)

        return await self.whole(job, to_answer)

    def _require_background(self) -> None:
        """Raise InvalidRequest, RateLimited."""
        if not self.turn.stores:
            raise InvalidRequest(
                "A response in the background must be stored, and this one is not: `store` is false, or the server stores "
                "nothing.",
                param="background",
                code="unsupported_value",
            )
        require_room(self.caller.user_id)

    async def _in_background(self, job: Job, answer: ResponseAnswer, *, stream: bool) -> Response:
        """Let it be made without this client, who is told where it stands: now, or event by event."""
        turn, final = self.turn, dict[str, Any]()

        def state() -> bytes:
            return _encode(answer.in_state("in_progress" if run.has_begun else "queued"))

        events = ResponseEvents(answer, _now, final.update)
        run = Background(turn.id, job, events, state, lambda log: turn.end(final, log), streams=stream)
        await run.begin()
        queued = state()
        run.stored = turn.begin(msgspec.Raw(queued))
        if run.stored is None:
            run.cancel()
            raise StorageUnavailable("Too much waits to be stored at the moment: try again in a few seconds.", 5)
        return EventStream(Listener(run.events(-1))) if stream else answers.Answer(queued)

    def _answer(self, translation: ResponseTranslation, chat: ChatTranslation) -> ResponseAnswer:
        asked, user_id, created = translation.request, self.caller.user_id, _now()
        carried = ENCRYPTED in (asked.include or ())
        telling = Telling(
            self.turn.new_hex,
            translation.tells_thoughts,
            (lambda signatures: memory.seal(user_id, signatures)) if carried else None,
            translation.namespaces,
            OUTPUTS in (asked.include or ()),
            SOURCES in (asked.include or ()),
        )
        answering = Answering(chat.declared, created, new_call_id, self.remember, tells_code=translation.runs_code)
        return ResponseAnswer(Envelope(self.turn.id, created, asked, store=self.turn.stores), answering, telling)

    def remember(self, call_id: str, signature: str) -> None:
        """Keep a thought signature in the turn as well."""
        self.turn.signatures[call_id] = signature
        super().remember(call_id, signature)


class ResponseInputTokens(_ResponsesView):
    """Items in, their number of tokens out."""

    endpoint = "responses.count"

    async def post(self, request: Request) -> Response:
        """Validate, translate, count."""
        translation = await self.asked()
        resolved = await self.drawing_targets(translation)
        counted = await self.counted(await self.chat(translation), resolved)
        return answers.Answer(_encode({"object": "response.input_tokens", "input_tokens": counted}))


def _now() -> int:
    return int(time.time())

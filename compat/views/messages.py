"""POST messages: Anthropic's API."""

import time

import msgspec
from rest_framework.request import Request

from accounts.models import IssuedToken
from compat.answers import Answer, Response
from compat.ids import new_hex
from compat.relay import signatures as memory
from compat.schemas.anthropic import MessagesRequest
from compat.translation.anthropic import message as messages
from compat.translation.anthropic.blocks import Telling
from compat.translation.anthropic.request import MessagesTranslation
from compat.translation.chat.choice import Answering
from compat.translation.decoding import decode
from compat.views.answering import AnsweringView
from compat.views.anthropic import InAnthropicsWords

_request = msgspec.json.Decoder(MessagesRequest)


_encode = msgspec.json.Encoder().encode


class _AnthropicView(InAnthropicsWords, AnsweringView):
    """What the routes that ask a model share."""

    needs = IssuedToken.Scope.CHAT

    async def asked(self) -> tuple[MessagesRequest, MessagesTranslation]:
        """The request, and the chat that it amounts to."""
        asked = decode(await self.body(), _request)
        user_id = self.caller.user_id
        translation = MessagesTranslation(asked, lambda sealed: memory.unseal(user_id, sealed))
        self.origins = translation.origins
        return asked, translation


class Messages(_AnthropicView):
    """Messages in, a message or its events out: a chat in Anthropic's words."""

    endpoint = "messages"

    async def post(self, request: Request) -> Response:
        """Validate, translate, ask, answer."""
        asked, translation = await self.asked()
        resolved = await self.targets(asked.model)
        chat = await self.translated(translation.chat)
        stream = bool(asked.stream)
        job = await self.admitted(chat, resolved, stream=stream)
        user_id = self.caller.user_id
        telling = Telling(translation.tells_thoughts, lambda signatures: memory.seal(user_id, signatures))
        answering = Answering(chat.declared, int(time.time()), _new_tool_use_id, self.remember)
        answer = messages.Answer(f"msg_{new_hex()}", asked.model, answering, telling)
        if stream:
            return await self.streamed(job, messages.MessageEvents(answer))
        return await self.whole(job, lambda replies, usage: messages.to_message(answer, replies, usage))


class MessageTokens(_AnthropicView):
    """Messages in, their number of tokens out."""

    endpoint = "messages.count"

    async def post(self, request: Request) -> Response:
        """Validate, translate, count."""
        asked, translation = await self.asked()
        resolved = await self.targets(asked.model)
        counted = await self.counted(await self.translated(translation.chat), resolved)
        return Answer(_encode({"input_tokens": counted}))


def _new_tool_use_id() -> str:
    return f"toolu_{new_hex()[:24]}"

"""POST chat/completions."""

import time

import msgspec
from rest_framework.request import Request

from accounts.models import IssuedToken
from compat.answers import Response
from compat.ids import new_call_id, new_hex
from compat.schemas.chat import ChatRequest
from compat.translation.chat.choice import Answering
from compat.translation.chat.chunks import ChatChunks
from compat.translation.chat.completion import to_completion
from compat.translation.decoding import decode
from compat.views.answering import AnsweringView

_chat = msgspec.json.Decoder(ChatRequest)


class ChatCompletions(AnsweringView):
    """A conversation in, a completion or its chunks out."""

    needs = IssuedToken.Scope.CHAT
    endpoint = "chat.completions"

    async def post(self, request: Request) -> Response:
        """Validate, translate, ask, answer."""
        chat = decode(await self.body(), _chat)
        resolved = await self.targets(chat.model)
        translation = await self.translated(chat)
        stream = bool(chat.stream)
        job = await self.admitted(translation, resolved, stream=stream)
        audio = chat.audio.format if chat.audio else "wav"
        answering = Answering(translation.declared, int(time.time()), new_call_id, self.remember, audio)
        completion_id = f"chatcmpl-{new_hex()}"
        if stream:
            include_usage = bool(chat.stream_options and chat.stream_options.include_usage)
            chunks = ChatChunks(completion_id, chat.model, chat.n or 1, answering, include_usage=include_usage)
            return await self.streamed(job, chunks)
        return await self.whole(
            job, lambda replies, usage: to_completion(completion_id, chat.model, replies, usage, answering)
        )

"""POST chat/completions."""

import time

import msgspec
from django.conf import settings
from rest_framework.request import Request

from accounts.models import IssuedToken
from compat.answers import Response
from compat.ids import new_call_id, new_hex
from compat.relay import Job
from compat.relay import signatures as memory
from compat.relay.job import plan
from compat.schemas.chat import ChatRequest
from compat.translation.chat.choice import Answering
from compat.translation.chat.chunks import ChatChunks
from compat.translation.chat.completion import to_completion
from compat.translation.chat.request import ChatTranslation
from compat.translation.decoding import decode
from compat.translation.families import family_of
from compat.translation.signatures import unsigned_calls
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
        translation = ChatTranslation(chat, self.recall())
        if settings.REDIS_URL and any(family_of(target).signatures for target in resolved.targets):
            await memory.fetch(self.caller.user_id, unsigned_calls(chat.messages))
        n = chat.n or 1
        calls = plan(n, resolved.targets, [translation.to_body], translation.affinity)
        stream = bool(chat.stream)
        job = self.job = Job(self.caller, self.endpoint, chat.model, resolved.targets, calls, stream=stream)
        job.prompt_characters = lambda: translation.prompt_characters
        job.sub_user = self.sub_user(chat.user)
        await job.admit(n, chat.max_completion_tokens or chat.max_tokens)
        audio = chat.audio.format if chat.audio else "wav"
        answering = Answering(translation.declared, int(time.time()), new_call_id, self.remember, audio)
        completion_id = f"chatcmpl-{new_hex()}"
        if stream:
            include_usage = bool(chat.stream_options and chat.stream_options.include_usage)
            chunks = ChatChunks(completion_id, chat.model, n, answering, include_usage=include_usage)
            return await self.streamed(job, chunks)
        return await self.whole(
            job, lambda replies, usage: to_completion(completion_id, chat.model, replies, usage, answering)
        )

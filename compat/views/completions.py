"""POST completions, the legacy endpoint."""

import time

import msgspec
from rest_framework.request import Request

from accounts.models import IssuedToken
from compat.answers import Response
from compat.ids import new_hex
from compat.relay import Job
from compat.relay.calls import plan
from compat.schemas.completions import CompletionRequest
from compat.translation.chat.request import ChatTranslation
from compat.translation.completions import ORIGINS, TextChunks, to_chats, to_text_completion
from compat.translation.decoding import decode
from compat.translation.usage import estimate_tokens
from compat.views.answering import AnsweringView

_completion = msgspec.json.Decoder(CompletionRequest)


class Completions(AnsweringView):
    """Prompts in, texts out: n choices of each prompt."""

    needs = IssuedToken.Scope.CHAT
    endpoint = "completions"
    origins = ORIGINS

    async def post(self, request: Request) -> Response:
        """Validate, translate each prompt, ask, answer."""
        completion = decode(await self.body(), _completion)
        resolved = await self.targets(completion.model)
        await self.have_vocabulary(completion.prompt)
        chats = to_chats(completion)
        translations = [ChatTranslation(chat, self.recall()) for _, chat in chats]
        n = completion.n or 1
        calls = plan(n, resolved.targets, [translation.to_body for translation in translations])
        stream = bool(completion.stream)
        job = self.job = Job(self.caller, self.endpoint, completion.model, resolved.targets, calls, stream=stream)
        job.prompt_tokens = estimate_tokens(sum(len(text) for text, _ in chats))
        job.sub_user = self.sub_user(completion.user)
        await job.admit(n * len(chats), chats[0][1].max_completion_tokens or chats[0][1].max_tokens)
        completion_id, created = f"cmpl-{new_hex()}", int(time.time())
        echoes = [text if completion.echo else "" for text, _ in chats for _ in range(n)]
        if stream:
            return await self.streamed(job, TextChunks(completion_id, completion, created, echoes))
        return await self.whole(
            job,
            lambda replies, usage: to_text_completion(completion_id, completion, created, echoes, replies, usage),
        )

"""What the endpoints that generate text share: from a translated request to a whole or streamed answer."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from accounts.remembered_settings import settings
from accounts.sub_users import label_of
from compat import relay
from compat.answers import EVENTS, Answer, EventStream, Response
from compat.asyncview import AsyncAPIView
from compat.errors import CompatError, ModelNotAllowed, UpstreamError
from compat.mapping import Resolved, resolve, spellings
from compat.relay import Call, Job
from compat.relay import signatures as memory
from compat.relay.calls import ToBody, plan
from compat.relay.job import CLIENT_LEFT, NO_FILES
from compat.relay.pump import Writer
from compat.schemas.chat import ChatRequest
from compat.schemas.gemini import CountReply, EmbeddingReply, Reply
from compat.translation.chat.completion import EmptyAnswer
from compat.translation.chat.request import ChatTranslation
from compat.translation.families import family_of
from compat.translation.origins import Origins
from compat.translation.prompts import load_vocabulary, needs_vocabulary
from compat.translation.signatures import Recall, unsigned_calls
from compat.translation.stored_files import named_files, put_files
from compat.translation.substance import text_length
from compat.translation.truncation import CutTranslation
from compat.translation.usage import Usage, estimate_tokens
from compat.views.documents import documents_of

# Open WebUI sends them when it is told to forward who asks (ENABLE_FORWARD_USER_INFO_HEADERS).
_NAMING_HEADERS = ("HTTP_X_OPENWEBUI_USER_ID", "HTTP_X_OPENWEBUI_USER_EMAIL", "HTTP_X_OPENWEBUI_USER_NAME")

WholeAnswer = Callable[[list[tuple[int, Reply]], Usage], bytes]


class AnsweringView(AsyncAPIView):
    """A view that asks Gemini for text."""

    ahead = NO_FILES
    """The caller's files that go to Gemini ahead of the request."""
    origins: Origins | None = None
    """Where the members of the chat came from, at a door whose requests are read as chats."""

    def targets(self, model: str) -> Awaitable[Resolved]:
        """The models to ask for the name. Raises ModelNotAllowed, UnknownModel."""
        if not self.caller.may_use(spellings(model)):
            raise ModelNotAllowed(f"Your API key may not use the model `{model[:100]}`.", param="model")
        return resolve(model)

    async def translated(
        self, request: ChatRequest, *, runs_code: bool = False, may_be_cut: bool = False
    ) -> ChatTranslation:
        """The chat, the caller's files in it where they are named. Raises NotFound, InvalidRequest, Untranslatable."""
        named = named_files(request.messages)
        if named:
            documents = await documents_of(self.caller.user_id, named, may_go_ahead=True)
            put_files(request.messages, documents.by_id)
            self.ahead = documents.ahead
        translation = CutTranslation if may_be_cut else ChatTranslation
        return translation(request, self.recall(), runs_code=runs_code)

    async def admitted(self, chat: ChatTranslation, resolved: Resolved, *, stream: bool) -> Job:
        """The admitted job of a chat: it may be asked now. Raises what Job.admit raises."""
        request, targets = chat.request, resolved.targets
        if settings.REDIS_URL and any(family_of(target).signatures for target in targets):
            await memory.fetch(self.caller.user_id, unsigned_calls(request.messages))
        n = request.n or 1
        calls = plan(n, targets, [chat.to_body], chat.affinity)
        job = self.job = Job(self.caller, self.endpoint, request.model, targets, calls, stream=stream)
        job.files = self.ahead
        job.prompt_tokens = estimate_tokens(chat.prompt_characters)
        job.sub_user = self.sub_user(request.user)
        await job.admit(n, request.max_completion_tokens or request.max_tokens)
        return job

    async def admitted_bodies(
        self, model: str, resolved: Resolved, to_bodies: list[ToBody], characters: int, *, stream: bool
    ) -> Job:
        """The admitted job of what is no chat: one answer to each body. Raises what Job.admit raises."""
        calls = plan(1, resolved.targets, to_bodies)
        job = self.job = Job(self.caller, self.endpoint, model, resolved.targets, calls, stream=stream)
        job.prompt_tokens = estimate_tokens(characters)
        job.sub_user = self.sub_user(None)
        await job.admit(len(to_bodies))
        return job

    async def counted(self, chat: ChatTranslation, resolved: Resolved) -> int:
        """What a chat's prompt counts with the model that would answer. It counts as a request and costs no tokens."""
        request = chat.request

        def to_body(model: str, candidates: int) -> dict[str, Any]:
            return {"generateContentRequest": {"model": f"models/{model}", **chat.to_body(model, candidates)}}

        return (await self.count(request.model, resolved, to_body, request.user)).totalTokens

    async def count(self, asked: str, resolved: Resolved, to_body: ToBody, named: str | None = None) -> CountReply:
        """What the body of a countTokens counts. It counts as a request and costs no tokens."""
        call = Call(0, 1, to_body, may_be_logged=False)
        job = self.job = Job(self.caller, self.endpoint, asked, resolved.targets, (call,), stream=False)
        job.files = self.ahead
        job.sub_user = self.sub_user(named)
        await job.admit(0, 0)
        try:
            counted = await relay.count(job)
        except asyncio.CancelledError:
            job.settle(CLIENT_LEFT)
            raise
        job.settle()
        return counted

    async def have_vocabulary(self, given: object) -> None:
        """Load what reads token ids off the event loop, should these be the first that came."""
        if needs_vocabulary(given):
            await asyncio.to_thread(load_vocabulary)

    def sub_user(self, named: str | None) -> str:
        """A keyed hash of whom the client names, in the body or as Open WebUI does; "" where the token does not tell.

        The key holds for one user of ours, so that nobody can be followed from one to another.
        """
        if not self.caller.tells_sub_users:
            return ""
        meta = self.request._request.META
        named = next(filter(None, (named, *(meta.get(header, "") for header in _NAMING_HEADERS))), "")
        return label_of(self.caller.user_id, named) if named else ""

    def _client_error(self, error: Exception, request_id: str) -> CompatError:
        """The same, its `param` a member of this door's request."""
        found = super()._client_error(error, request_id)
        if self.origins is not None:
            found.param = self.origins.of(found.param)
        return found

    def recall(self) -> Recall:
        """The memory of this caller's thought signatures."""
        user_id = self.caller.user_id
        return lambda call_id, generation: memory.recall(user_id, call_id, generation)

    def remember(self, call_id: str, signature: str) -> None:
        """Keep a thought signature for the request that brings its call back."""
        if self.job is not None:
            memory.keep(self.caller.user_id, call_id, signature, family_of(self.job.model).generation)

    async def whole(self, job: Job, to_answer: WholeAnswer) -> Response:
        """Ask, translate and settle; a client that leaves meanwhile is accounted as well."""
        try:
            replies = await relay.complete(job)
            usage = job.usage
            # Characters are counted only where Gemini told no tokens.
            counted = usage.known and usage.completion
            characters = 0 if counted else sum(text_length(reply) for _, reply in replies)
            answer = to_answer(replies, usage if counted else job.estimated(characters))
        except asyncio.CancelledError:
            job.settle(CLIENT_LEFT)
            raise
        except EmptyAnswer:
            raise UpstreamError(f"{job.model} gave no usable answer (empty).") from None
        job.settle(characters=characters)
        return Answer(answer)

    async def embedded(self, job: Job) -> list[EmbeddingReply]:
        """The vectors of every call; a client that leaves meanwhile is accounted as well."""
        try:
            return await relay.embed(job)
        except asyncio.CancelledError:
            job.settle(CLIENT_LEFT)
            raise

    async def streamed(self, job: Job, writer: Writer) -> Response:
        """Open the stream: errors up to the first event have their own status."""
        return EventStream(await relay.open_stream(job, writer))

    async def streamed_bytes(
        self, job: Job, writer: Writer, content_type: str = EVENTS, keep_alive: bytes = b""
    ) -> Response:
        """The same for bytes of another type, or in which a silence is filled otherwise, if at all."""
        return EventStream(await relay.open_stream(job, writer, keep_alive=keep_alive), content_type)

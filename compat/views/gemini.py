"""Gemini's own API: models and what is asked of them, in Google's words."""

import msgspec
from rest_framework.request import Request

from accounts.models import IssuedToken
from compat.answers import Answer, Response
from compat.asyncview import AsyncAPIView
from compat.authentication import take_key_from_query
from compat.catalogue import listed_models
from compat.edge import names_this_server
from compat.errors import CompatError, NotFound, NotPermitted, UnknownModel
from compat.query import query_in
from compat.relay import Call, Job
from compat.request import LeanRequest
from compat.translation.gemini.errors import to_envelope
from compat.translation.gemini.files import not_permitted
from compat.translation.gemini.models import to_model, to_page
from compat.translation.gemini.references import Reference, put_file
from compat.translation.gemini.reply import KEEP_ALIVE, GeminiArray, GeminiEvents, to_one_embedding, to_reply
from compat.translation.gemini.request import CountTranslation, EmbedTranslation, GenerateTranslation
from compat.translation.origins import Origins
from compat.translation.substance import tells
from compat.translation.usage import estimate_tokens
from compat.views.answering import AnsweringView
from compat.views.documents import documents_of

_encode = msgspec.json.Encoder().encode


class InGeminisWords(AsyncAPIView):
    """What every route of Gemini's API has: its errors, and a key that may come in the query."""

    query: dict[str, str]
    """The parameters of the query."""

    def prepare(self, request: LeanRequest) -> None:
        """Take the key out of the query, and read what else is in it."""
        take_key_from_query(request.scope)
        self.query = query_in(request.scope)

    def error_answer(self, error: CompatError, request_id: str) -> Answer:
        """Google's envelope."""
        headers = error.headers()
        return Answer(to_envelope(error.body(), error.status, headers.get("retry-after")), error.status, headers)


class GeminiModels(InGeminisWords):
    """The models that the caller may use, page by page."""

    endpoint = "gemini.models"

    async def get(self, request: Request) -> Response:
        """Gemini's list of models."""
        models = [to_model(listed.name, listed.offered) for listed in await listed_models(self.caller)]
        return Answer(to_page(models, self.query.get("pageSize", ""), self.query.get("pageToken", "")))


class OneGeminiModel(InGeminisWords):
    """One model by its name."""

    endpoint = "gemini.models"

    async def get(self, request: Request, model_id: str) -> Response:
        """Gemini's model object. Raises UnknownModel, also for a model that the caller may not use."""
        for listed in await listed_models(self.caller):
            if listed.name == model_id.removeprefix("models/"):
                return Answer(_encode(to_model(listed.name, listed.offered)))
        raise UnknownModel(f"models/{model_id[:100]} is not found.")


class _Asking(InGeminisWords, AnsweringView):
    """What the routes that ask a model share."""

    needs = IssuedToken.Scope.CHAT
    origins = Origins("contents", "system_instruction", [], ())

    def is_ours(self, host: str) -> bool:
        """Whether an address at this host is one of this server's."""
        return names_this_server(self.request._request, host)

    async def fill_in(self, references: list[Reference]) -> None:
        """Put the caller's files where they are named. Raises NotPermitted for another's, and for what is no file.

        No cache and no store is made here: one that is named would be somebody else's.
        """
        for reference in references:
            if reference.part is None:
                raise NotPermitted(
                    f"You do not have permission to access {reference.name[:100]} or it may not exist.",
                    param=reference.path,
                )
        if references:
            named = [(reference.file_id, reference.path) for reference in references]
            try:
                documents = await documents_of(self.caller.user_id, named, may_go_ahead=True)
            except NotFound as missing:
                [name, *_] = [one.name for one in references if one.path == missing.param]
                raise NotPermitted(not_permitted(name), param=missing.param) from None
            for reference in references:
                put_file(reference, documents.by_id[reference.file_id])
            self.ahead = documents.ahead


class GenerateContent(_Asking):
    """A request of Gemini's in, its answer out."""

    endpoint = "gemini.generate"

    async def post(self, request: Request, model_id: str) -> Response:
        """Check, ask, pass on."""
        job = await self.asked(model_id, stream=False)
        return await self.whole(job, lambda replies, usage: to_reply(replies[0][1], job.request_id))

    async def asked(self, model: str, *, stream: bool) -> Job:
        """The admitted job."""
        translation = GenerateTranslation(await self.body(), self.is_ours)
        await self.fill_in(translation.references)
        resolved = await self.targets(model)
        calls = (Call(0, 1, translation.to_body, translation.affinity),)
        job = self.job = Job(self.caller, self.endpoint, model, resolved.targets, calls, stream=stream)
        job.says_something = tells
        job.files = self.ahead
        job.prompt_tokens = estimate_tokens(translation.prompt_characters)
        job.sub_user = self.sub_user(None)
        await job.admit(translation.answers, translation.longest)
        return job


class StreamGenerateContent(GenerateContent):
    """The same, as a stream: of events, or as an array that grows."""

    def error_answer(self, error: CompatError, request_id: str) -> Answer:
        """Google's envelope; where an array was asked for, in an array of one."""
        answer = super().error_answer(error, request_id)
        return answer if self.as_events else Answer(b"[%b]" % answer.body, answer.status, error.headers())

    @property
    def as_events(self) -> bool:
        """Which of the two is wanted."""
        return self.query.get("alt") == "sse"

    async def post(self, request: Request, model_id: str) -> Response:
        """Check, ask, pass on as it comes."""
        job = await self.asked(model_id, stream=True)
        if self.as_events:
            return await self.streamed_bytes(job, GeminiEvents(job.request_id), keep_alive=KEEP_ALIVE)
        return await self.streamed_bytes(job, GeminiArray(job.request_id), "application/json", KEEP_ALIVE)


class CountTokens(_Asking):
    """A request of Gemini's in, its number of tokens out."""

    endpoint = "gemini.count"

    async def post(self, request: Request, model_id: str) -> Response:
        """Check, count, pass on."""
        translation = CountTranslation(await self.body(), self.is_ours)
        await self.fill_in(translation.references)
        return Answer((await self.count(model_id, await self.targets(model_id), translation.to_body)).text)


class BatchEmbedContents(_Asking):
    """Contents in, vectors out."""

    needs = IssuedToken.Scope.EMBEDDINGS
    endpoint = "gemini.embed"
    batch = True

    async def post(self, request: Request, model_id: str) -> Response:
        """Check, ask, pass on."""
        resolved = await self.targets(model_id)
        translation = EmbedTranslation(await self.body(), self.is_ours, resolved.dimensions, batch=self.batch)
        await self.fill_in(translation.references)
        call = Call(0, translation.count, translation.to_body, may_be_logged=False)
        job = self.job = Job(self.caller, self.endpoint, model_id, resolved.targets, (call,), stream=False)
        job.files = self.ahead
        job.prompt_tokens = estimate_tokens(translation.prompt_characters)
        job.sub_user = self.sub_user(None)
        await job.admit(answers=0)
        [reply] = await self.embedded(job)
        job.settle()
        return Answer(reply.text if self.batch else to_one_embedding(reply))


class EmbedContent(BatchEmbedContents):
    """One content in, one vector out."""

    batch = False

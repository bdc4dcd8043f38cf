"""POST embeddings."""

import msgspec
from rest_framework.request import Request

from accounts.models import IssuedToken
from compat.answers import Answer, Response
from compat.relay import Call, Job
from compat.schemas.embeddings import EmbeddingRequest
from compat.translation.decoding import decode
from compat.translation.embeddings import EmbeddingTranslation, to_embeddings
from compat.translation.origins import all_in
from compat.translation.usage import estimate_tokens
from compat.views.answering import AnsweringView

_embedding = msgspec.json.Decoder(EmbeddingRequest)


class Embeddings(AnsweringView):
    """Texts or token ids in, vectors of unit length out."""

    needs = IssuedToken.Scope.EMBEDDINGS
    endpoint = "embeddings"
    origins = all_in("input")

    async def post(self, request: Request) -> Response:
        """Validate, cut into batches, ask, answer."""
        embedding = decode(await self.body(), _embedding)
        resolved = await self.targets(embedding.model)
        await self.have_vocabulary(embedding.input)
        translation = EmbeddingTranslation(embedding, resolved.dimensions)
        calls = tuple(_call(translation, first, count) for first, count in translation.slices())
        job = self.job = Job(self.caller, self.endpoint, embedding.model, resolved.targets, calls, stream=False)
        job.prompt_tokens = estimate_tokens(translation.characters)
        job.sub_user = self.sub_user(embedding.user)
        await job.admit(answers=0)
        replies = await self.embedded(job)
        tokens = job.usage.prompt or estimate_tokens(translation.characters)
        as_base64 = embedding.encoding_format == "base64"
        answer = to_embeddings(embedding.model, replies, tokens, as_base64=as_base64)
        job.settle()
        return Answer(answer)


def _call(translation: EmbeddingTranslation, first: int, count: int) -> Call:
    return Call(first, count, lambda model, _: translation.to_body(model, first, count), may_be_logged=False)

"""POST moderations."""

from functools import partial

import msgspec
from rest_framework.request import Request

from accounts.models import IssuedToken
from compat.answers import Response
from compat.ids import new_hex
from compat.relay.calls import ToBody
from compat.schemas.moderations import DEFAULT, ModerationRequest
from compat.translation.decoding import decode
from compat.translation.moderations.request import ModerationTranslation
from compat.translation.moderations.results import is_judgement, to_moderation
from compat.translation.origins import all_in
from compat.views.answering import AnsweringView

_moderation = msgspec.json.Decoder(ModerationRequest)


class Moderations(AnsweringView):
    """Contents in, how likely each is one that should be stopped out."""

    needs = IssuedToken.Scope.MODERATIONS
    endpoint = "moderations"
    origins = all_in("input")

    async def post(self, request: Request) -> Response:
        """Validate, ask about each content at once, answer."""
        asked = decode(await self.body(), _moderation)
        translation = ModerationTranslation(asked)
        model = asked.model or DEFAULT
        resolved = await self.targets(model)
        to_bodies: list[ToBody] = [partial(translation.to_body, place) for place in range(len(translation.matters))]
        job = await self.admitted_bodies(model, resolved, to_bodies, translation.characters, stream=False)
        job.says_something = is_judgement
        answer = partial(to_moderation, f"modr-{new_hex()}", model, translation)
        return await self.whole(job, lambda replies, usage: answer([reply for _, reply in replies]))

"""GET models and models/{id}."""

import msgspec
from rest_framework.request import Request

from compat.answers import Answer, Response
from compat.asyncview import AsyncAPIView
from compat.catalogue import listed_models
from compat.errors import UnknownModel

_encode = msgspec.json.Encoder().encode


class Models(AsyncAPIView):
    """The models that the caller may use."""

    async def get(self, request: Request) -> Response:
        """OpenAI's list of models."""
        models = await listed_models(self.caller)
        return Answer(_encode({"object": "list", "data": models}))


class OneModel(AsyncAPIView):
    """One model by its id."""

    async def get(self, request: Request, model_id: str) -> Response:
        """OpenAI's model object. Raises UnknownModel, also for a model that the caller may not use."""
        wanted = {model_id, model_id.removeprefix("models/")}
        for model in await listed_models(self.caller):
            if model["id"] in wanted:
                return Answer(_encode({**model, "id": model_id}))
        raise UnknownModel(f"The model '{model_id[:100]}' does not exist", param="model")

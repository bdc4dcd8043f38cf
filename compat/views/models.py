"""GET models and models/{id}."""

from typing import Any

import msgspec
from rest_framework.request import Request

from compat.answers import Answer, Response
from compat.catalogue import Listed, listed_models
from compat.errors import UnknownModel
from compat.views.either import InEitherWords
from compat.views.gemini import GeminiModels, OneGeminiModel

_encode = msgspec.json.Encoder().encode


class Models(InEitherWords):
    """The models that the caller may use."""

    endpoint = "models"
    of_gemini = GeminiModels

    async def get(self, request: Request) -> Response:
        """OpenAI's list of models."""
        models = [_to_model(listed) for listed in await listed_models(self.caller)]
        return Answer(_encode({"object": "list", "data": models}))


class OneModel(InEitherWords):
    """One model by its id."""

    endpoint = "models"
    of_gemini = OneGeminiModel

    async def get(self, request: Request, model_id: str) -> Response:
        """OpenAI's model object. Raises UnknownModel, also for a model that the caller may not use."""
        wanted = {model_id, model_id.removeprefix("models/")}
        for listed in await listed_models(self.caller):
            if listed.name in wanted:
                return Answer(_encode({**_to_model(listed), "id": model_id}))
        raise UnknownModel(f"The model '{model_id[:100]}' does not exist", param="model")


def _to_model(listed: Listed) -> dict[str, Any]:
    mapping = listed.mapping
    if mapping is not None:
        return {"id": listed.name, "object": "model", "created": mapping.created, "owned_by": "gemini-tumbler"}
    model: dict[str, Any] = {"id": listed.name, "object": "model", "created": 0, "owned_by": "google"}
    length = listed.offered and listed.offered.get("inputTokenLimit")
    return {**model, "context_length": length} if isinstance(length, int) and length > 0 else model

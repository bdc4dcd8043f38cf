"""OpenAI's own description of its answers: what every answer of ours is held to."""

from functools import cache
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator

_DOCUMENT = Path(__file__).resolve().parents[1] / "openai-openapi.yaml"

CHAT, CHUNK = "CreateChatCompletionResponse", "CreateChatCompletionStreamResponse"
TEXT, EMBEDDINGS = "CreateCompletionResponse", "CreateEmbeddingResponse"
MODELS, MODEL, ERROR = "ListModelsResponse", "Model", "ErrorResponse"


@cache
def _components() -> dict[str, Any]:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return yaml.load(_DOCUMENT.read_text(encoding="utf-8"), loader)["components"]


@cache
def _validator(name: str) -> Draft202012Validator:
    return Draft202012Validator({"$ref": f"#/components/schemas/{name}", "components": _components()})


def check(payload: Any, name: str) -> None:
    """Fail, with the paths that are wrong, when the payload is not what the document calls `name`."""
    wrong = [f"{error.json_path}: {error.message[:300]}" for error in _validator(name).iter_errors(payload)]
    assert not wrong, f"{name}: {wrong}"

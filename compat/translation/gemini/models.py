"""The list of models in Gemini's words."""

from collections.abc import Sequence
from typing import Any

import msgspec

from compat.translation.refusals import Untranslatable

Model = dict[str, Any]

# Gemini API, models: 50 a page, 1,000 at most.
_USUAL, _MOST = 50, 1_000
_SERVED = {"generateContent", "countTokens", "embedContent"}
_encode = msgspec.json.Encoder().encode


def to_model(name: str, offered: Model | None) -> Model:
    """The object of a model by the name it is asked for. `offered` is Gemini's own, where the pool is offered it.

    Of what may be done with it there is left what is served here.
    """
    if offered is None:
        methods = ["embedContent"] if "embedding" in name else ["generateContent", "countTokens"]
        return {"name": f"models/{name}", "displayName": name, "supportedGenerationMethods": methods}
    methods = [method for method in offered.get("supportedGenerationMethods") or () if method in _SERVED]
    as_named = {"name": f"models/{name}", "supportedGenerationMethods": methods}
    return {**offered, **as_named, **({} if offered["name"] == as_named["name"] else {"displayName": name})}


def to_page(models: Sequence[Model], size: str, token: str) -> bytes:
    """One page of the list; `size` and `token` as the query has them, "" for none. The token says where a page begins."""
    length = min(_number(size, "page_size") or _USUAL, _MOST)
    start = _number(token, "page_token")
    page: dict[str, Any] = {"models": models[start : start + length]}
    if start + length < len(models):
        page["nextPageToken"] = str(start + length)
    return _encode(page)


def _number(text: str, field: str) -> int:
    if not text:
        return 0
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise Untranslatable("Invalid page size or page token.", field)
    return int(text)

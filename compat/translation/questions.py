"""Questions of our own to a model, with a client's content as their matter: moderations, transcriptions."""

from typing import Any

from compat.schemas.chat import JsonSchema, ResponseFormat
from compat.translation.content import Part
from compat.translation.families import Family, family_of
from compat.translation.reasoning_effort import least_thinking
from compat.translation.refusals import Untranslatable
from compat.translation.response_format import to_response_format


def answering_family(model: str) -> Family:
    """The family of a model that answers in words. Raises Untranslatable for one that draws or speaks."""
    family = family_of(model)
    if not family.writes_json:
        raise Untranslatable(f"{model} does not answer in words: ask a text model.", "model", "unsupported_value")
    return family


def to_question(
    family: Family,
    parts: list[Part],
    *,
    system: str = "",
    schema: dict[str, Any] | None = None,
    temperature: float | None = None,
) -> dict[str, Any]:
    """The body of generateContent that asks about the parts; with a schema the answer is JSON. It thinks as little as it can."""
    config: dict[str, Any] = {} if temperature is None else {"temperature": temperature}
    if schema is not None:
        wanted = ResponseFormat("json_schema", JsonSchema("answer", schema=schema))
        config |= to_response_format(wanted, family, has_tools=False)
    if thinking := least_thinking(family):
        config["thinkingConfig"] = thinking
    body: dict[str, Any] = {"contents": [{"role": "user", "parts": parts}]}
    if system and family.system:
        body["systemInstruction"] = {"parts": [{"text": system}]}
    elif system:
        body["contents"] = [{"role": "user", "parts": [{"text": system}, *parts]}]
    return {**body, "generationConfig": config} if config else body

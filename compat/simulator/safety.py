"""How dangerous the simulated models find a text: it says so itself. `This is hate speech.` is hate speech."""

from collections.abc import Iterable

from compat.simulator.wire import JsonObject

CATEGORIES = ("SEXUALLY_EXPLICIT", "HATE_SPEECH", "HARASSMENT", "DANGEROUS_CONTENT")
_SURE, _SURELY_NOT = 0.97, 0.01


def ratings(highest: Iterable[str]) -> list[JsonObject]:
    """A rating of every category, HIGH for the named ones."""
    return [
        {"category": f"HARM_CATEGORY_{name}", "probability": "HIGH" if name in highest else "NEGLIGIBLE"}
        for name in CATEGORIES
    ]


def ratings_of(text: str, request: JsonObject) -> list[JsonObject] | None:
    """The ratings of a text, where the request has them not switched off, which they are for who says nothing."""
    if not any(one["threshold"] != "OFF" for one in request.get("safetySettings") or ()):
        return None
    return ratings([name for name in CATEGORIES if _says(text, name)])


def asks_how_likely(schema: JsonObject) -> bool:
    """Whether a schema is one of likelihoods: nothing but numbers from 0 to 1."""
    members = list(schema.get("properties", {}).values())
    # A schema may be true or false as well.
    bounds = [(one.get("minimum"), one.get("maximum")) if isinstance(one, dict) else None for one in members]
    return len(members) > 1 and all(found == (0, 1) for found in bounds)


def likelihoods(text: str, schema: JsonObject) -> JsonObject:
    """How likely each member is: near 1 where the text has the words of its name."""
    return {name: _SURE if _says(text, name) else _SURELY_NOT for name in schema["properties"]}


def _says(text: str, name: str) -> bool:
    return name.replace("_", " ").lower() in text.lower()

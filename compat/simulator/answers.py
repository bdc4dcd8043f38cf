"""What the simulated model answers to a valid request: an Answer, which replies.py puts on the wire."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from secrets import token_hex

from compat.simulator import built_in_tools, media
from compat.simulator.continuation import make_token, read_token
from compat.simulator.function_calls import chosen_calls
from compat.simulator.listening import NOTHING, segments, to_be_said, transcript
from compat.simulator.logprobs import logprobs_result
from compat.simulator.model_facts import ModelFacts
from compat.simulator.prompts import Prompt, read_prompt
from compat.simulator.safety import asks_how_likely, likelihoods, ratings_of
from compat.simulator.schema_examples import example
from compat.simulator.signatures import make_signature
from compat.simulator.thinking import thinking_tokens, thoughts_shown
from compat.simulator.tokens import text_tokens
from compat.simulator.usage import Usage
from compat.simulator.wire import JsonObject, encode

ECHO = "You said: "
_CALLS_MADE = "Model generated function call(s)."


@dataclass(slots=True)
class Candidate:
    """One candidate: its parts, how it ends, and members that come with its end."""

    parts: list[JsonObject]
    finish: str | None = "STOP"
    closing: JsonObject = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The visible text."""
        return "".join(part["text"] for part in self.parts if "text" in part and not part.get("thought"))


@dataclass(slots=True)
class Answer:
    """Everything one generate request is answered with; usage None leaves the metadata out."""

    facts: ModelFacts
    response_id: str
    candidates: list[Candidate]
    usage: Usage | None
    feedback: JsonObject | None = None
    two_stops: bool = False
    in_one_event: bool = False


def make_answer(
    request: JsonObject, facts: ModelFacts, project: str, response_id: str, usage: Usage, *, streamed: bool
) -> Answer:
    """The answer of that model to that request; usage comes with the prompt counted and leaves completed."""
    prompt = read_prompt(request)
    parts, closing = _content(prompt, facts)
    if rated := ratings_of(prompt.text, request):
        closing["safetyRatings"] = rated
    at_once = facts.most_at_once(streamed=streamed)
    asked_for = prompt.config.get("maxOutputTokens", at_once)
    limit = min(asked_for, at_once)
    usage.thoughts = min(thinking_tokens(facts, prompt.config), limit)
    usage.tool_use = built_in_tools.TOKENS if prompt.built_in else 0
    usage.service_tier = request.get("serviceTier", "standard").lower()
    sent = read_token(request.get("continuationToken", "")) or 0
    if sent:
        parts = _rest(parts, sent)
    stops = prompt.config.get("stopSequences", ())
    parts, finish = _fitted(parts, stops, limit - usage.thoughts)
    if finish != "STOP":
        closing = {}
        if facts.since(4):
            finish = "CONTINUATION" if asked_for > limit else finish
            closing["continuationToken"] = make_token(sent + sum(len(part.get("text", "")) for part in parts))
    _count_media(parts, usage)
    _sign(parts, facts, project)
    shown = thoughts_shown(prompt.config)
    count = prompt.config.get("candidateCount", 1)
    candidates = [Candidate([*shown, *parts], finish, dict(closing)) for _ in range(count)]
    if prompt.config.get("responseLogprobs"):
        for candidate in candidates:
            _add_logprobs(candidate, prompt.config.get("logprobs", 0))
    return Answer(facts, response_id, candidates, usage)


def _content(prompt: Prompt, facts: ModelFacts) -> tuple[list[JsonObject], JsonObject]:
    """The parts, uncut and unsigned, and what comes with the end of the candidate."""
    calls = chosen_calls(prompt)
    if calls:
        if facts.names_calls:
            calls = [{**call, "id": token_hex(4)} for call in calls]
        return [{"functionCall": call} for call in calls], {"finishMessage": _CALLS_MADE}
    if facts.kind == "speech":
        return [{"inlineData": media.sound(to_be_said(prompt.text))}], {}
    text = _text(prompt)
    if facts.kind == "image":
        before = [{"text": text}] if "TEXT" in prompt.config.get("responseModalities", ["TEXT"]) else []
        return [*before, {"inlineData": media.image(prompt.config.get("imageConfig", {}))}], {}
    if not prompt.built_in:
        return [{"text": text}], {}
    return _with_tools(prompt, facts, text)


def _with_tools(prompt: Prompt, facts: ModelFacts, text: str) -> tuple[list[JsonObject], JsonObject]:
    closing: JsonObject = {}
    before: list[JsonObject] = []
    if "codeExecution" in prompt.built_in:
        before = built_in_tools.code_run(token_hex(4) if facts.since(3) else None)
    if "googleSearch" in prompt.built_in:
        closing["groundingMetadata"] = built_in_tools.search_metadata(prompt.text, text)
    if "urlContext" in prompt.built_in:
        closing["urlContextMetadata"] = built_in_tools.url_metadata(prompt.text)
    return [*before, {"text": text}], closing


def _text(prompt: Prompt) -> str:
    mime_type = prompt.config.get("responseMimeType", "text/plain")
    words = transcript(prompt)
    if mime_type != "text/plain":
        schema = prompt.config.get("responseJsonSchema", prompt.config.get("responseSchema"))
        if mime_type == "text/x.enum":
            return str(example(schema or {}))
        if words is not None and "segments" in (schema or {}).get("properties", {}):
            return encode(segments(words, prompt.sounds[0])).decode()
        if schema and asks_how_likely(schema):
            return encode(likelihoods(prompt.text, schema)).decode()
        return encode(example(schema) if schema else _as_object(prompt)).decode()
    if words is not None:
        return words or NOTHING
    if prompt.responses:
        return "\n".join(
            f"{response['name']} answered: {encode(response['response']).decode()}" for response in prompt.responses
        )
    seen = f"I see {', '.join(prompt.media_types)}. " if prompt.media_types else ""
    return seen + ECHO + prompt.text


def _as_object(prompt: Prompt) -> JsonObject:
    if prompt.responses:
        return {response["name"]: response["response"] for response in prompt.responses}
    return {"you_said": prompt.text}


def _rest(parts: list[JsonObject], sent: int) -> list[JsonObject]:
    return [{**part, "text": part["text"][sent:]} if "text" in part else part for part in parts]


def _fitted(parts: list[JsonObject], stops: Sequence[str], tokens: int) -> tuple[list[JsonObject], str]:
    """The parts that fit into so many tokens and stand before the first stop sequence, and the finishReason."""
    kept: list[JsonObject] = []
    left = tokens
    for part in parts:
        text = part.get("text")
        if text is not None:
            stop = min((at for at in (text.find(stop) for stop in stops) if at >= 0), default=None)
            text = text if stop is None else text[:stop]
            if text_tokens(text) > left:
                return [*kept, {"text": text[: left * 4]}] if left > 0 else kept, "MAX_TOKENS"
            left -= text_tokens(text)
            kept.append({"text": text})
            if stop is not None:
                return kept, "STOP"
        elif left <= 0:
            return kept, "MAX_TOKENS"
        else:
            left -= part_tokens(part)
            kept.append(part)
    return kept, "STOP"


def part_tokens(part: JsonObject) -> int:
    """The tokens of one part of an answer; thoughts are counted apart."""
    if "text" in part:
        return 0 if part.get("thought") else text_tokens(part["text"])
    if "inlineData" in part:
        data = part["inlineData"]
        return media.sound_tokens(data["data"]) if data["mimeType"].startswith("audio") else media.IMAGE_TOKENS
    return max(1, len(encode({name: part[name] for name in part if name != "thoughtSignature"})) // 4)


def _count_media(parts: list[JsonObject], usage: Usage) -> None:
    for part in parts:
        if "inlineData" in part:
            usage.made["AUDIO" if part["inlineData"]["mimeType"].startswith("audio") else "IMAGE"] = part_tokens(part)


def _sign(parts: list[JsonObject], facts: ModelFacts, project: str) -> None:
    """Put a signature on the first call of the step, on Gemini 3 also on the end of a text, on code and on pictures."""
    if not facts.signs or not parts:
        return
    first, last = parts[0], parts[-1]
    family = facts.generation[0]
    if "functionCall" in first or (facts.since(3) and "executableCode" in first):
        first["thoughtSignature"] = make_signature(family, project)
    if facts.since(3) and "text" in last:
        last["thoughtSignature"] = make_signature(family, project)
    elif facts.since(3) and "inlineData" in last:
        last["thoughtSignature"] = make_signature(family, project, of_image=True)


def _add_logprobs(candidate: Candidate, top: int) -> None:
    result = logprobs_result(candidate.text, top)
    chosen = result["chosenCandidates"]
    candidate.closing["logprobsResult"] = result
    candidate.closing["avgLogprobs"] = sum(one["logProbability"] for one in chosen) / max(1, len(chosen))

"""Rules for generationConfig: ranges, and what each model family has (Gemini API reference, 2.6)."""

from collections.abc import Iterator

from compat.schemas.gemini_request.violation import Violation
from compat.simulator.model_facts import ModelFacts
from compat.simulator.validation import json_schemas, schemas
from compat.simulator.wire import JsonObject

_PLACE = "generation_config"
_MIME_TYPES = ("text/plain", "application/json", "text/x.enum")
_MOST_STOPS = 5
_MODALITIES = {
    "text": ({"TEXT"},),
    "gemma": ({"TEXT"},),
    "image": ({"TEXT", "IMAGE"}, {"IMAGE"}),
    "speech": ({"AUDIO"},),
}
_RATIOS = ("1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9", "21:9", "1:4", "4:1", "1:8", "8:1")


def violations(facts: ModelFacts, request: JsonObject) -> Iterator[Violation]:
    """What is wrong with the generation config; thinkingConfig has rules of its own."""
    config = request.get("generationConfig", {})
    if config:
        yield from _out_of_range(facts, config)
        yield from _not_enabled(facts, config)
        yield from _broken_stops(config)
        yield from _broken_format(facts, config)
        yield from _broken_media(facts, config)
    if facts.kind in _MODALITIES:
        yield from _broken_modalities(facts, config)


def _out_of_range(facts: ModelFacts, config: JsonObject) -> Iterator[Violation]:
    ranges = (
        ("temperature", "temperature", 0, 1 if facts.kind == "image" else 2),
        ("topP", "top_p", 0, 1),
        ("topK", "top_k", 1, 1_000),
        ("candidateCount", "candidate_count", 1, 8),
        ("maxOutputTokens", "max_output_tokens", 1, facts.output_limit),
        ("logprobs", "logprobs", 0, 20),
    )
    for field, snake, lowest, highest in ranges:
        value = config.get(field)
        if value is not None and not lowest <= value <= highest:
            sentence = (
                f"* GenerateContentRequest.{_PLACE}.{snake}: {snake} must be in the range [{lowest}, {highest}].\n"
            )
            yield Violation(f"{_PLACE}.{snake}", sentence)
    for field, snake in (("presencePenalty", "presence_penalty"), ("frequencyPenalty", "frequency_penalty")):
        value = config.get(field)
        if value is not None and not -2 <= value < 2:
            sentence = f"* GenerateContentRequest.{_PLACE}.{snake}: {snake} must be in the range [-2.0, 2.0).\n"
            yield Violation(f"{_PLACE}.{snake}", sentence)


def _not_enabled(facts: ModelFacts, config: JsonObject) -> Iterator[Violation]:
    if not facts.takes_penalties and ("presencePenalty" in config or "frequencyPenalty" in config):
        yield Violation(_PLACE, f"Penalty is not enabled for {facts.path}")
    if not facts.logprobs and (config.get("responseLogprobs") or "logprobs" in config):
        yield Violation(_PLACE, f"Logprobs is not enabled for {facts.path}")
    elif "logprobs" in config and not config.get("responseLogprobs"):
        sentence = "Logprobs can only be set when response_logprobs is true."
        yield Violation(f"{_PLACE}.logprobs", sentence)
    if config.get("candidateCount", 1) > facts.most_candidates:
        yield Violation(f"{_PLACE}.candidate_count", f"Multiple candidates is not enabled for {facts.path}")


def _broken_stops(config: JsonObject) -> Iterator[Violation]:
    stops = config.get("stopSequences", ())
    place = f"{_PLACE}.stop_sequences"
    if len(stops) > _MOST_STOPS:
        sentence = f"* GenerateContentRequest.{place}: at most {_MOST_STOPS} stop sequences are allowed.\n"
        yield Violation(place, sentence)
    for index, stop in enumerate(stops):
        if not stop:
            yield Violation(f"{place}[{index}]", f"* GenerateContentRequest.{place}[{index}]: must not be empty.\n")


def _broken_format(facts: ModelFacts, config: JsonObject) -> Iterator[Violation]:
    mime_type = config.get("responseMimeType", "text/plain")
    if mime_type not in _MIME_TYPES:
        sentence = (
            f"* GenerateContentRequest.{_PLACE}.response_mime_type: allowed mimetypes are `text/plain`,"
            " `application/json`, and `text/x.enum`.\n"
        )
        yield Violation(f"{_PLACE}.response_mime_type", sentence)
    if facts.kind in {"image", "speech"} and mime_type != "text/plain":
        yield Violation(f"{_PLACE}.response_mime_type", f"JSON mode is not enabled for {facts.path}")
    if "responseSchema" in config and "responseJsonSchema" in config:
        sentence = "Only one of response_schema and response_json_schema can be set."
        yield Violation(f"{_PLACE}.response_json_schema", sentence)
    if "responseSchema" in config:
        if mime_type not in ("application/json", "text/x.enum"):
            sentence = f"* GenerateContentRequest.{_PLACE}.response_schema: needs response_mime_type application/json\n"
            yield Violation(f"{_PLACE}.response_schema", sentence)
        yield from schemas.violations(facts, config["responseSchema"], f"{_PLACE}.response_schema")
    if "responseJsonSchema" in config:
        if mime_type != "application/json":
            sentence = (
                f"* GenerateContentRequest.{_PLACE}.response_json_schema: needs response_mime_type application/json\n"
            )
            yield Violation(f"{_PLACE}.response_json_schema", sentence)
        yield from json_schemas.violations(config["responseJsonSchema"], f"{_PLACE}.response_json_schema")


def _broken_modalities(facts: ModelFacts, config: JsonObject) -> Iterator[Violation]:
    allowed = _MODALITIES[facts.kind]
    asked = config.get("responseModalities") or (["TEXT"] if facts.kind in {"text", "gemma", "speech"} else ["IMAGE"])
    if set(asked) in allowed:
        return
    lines = "".join(f"* {', '.join(sorted(combination, reverse=True))}\n" for combination in allowed)
    sentence = (
        f"The requested combination of response modalities ({', '.join(asked)}) is not supported by the model."
        f" {facts.path} accepts the following combination of response modalities:\n{lines}"
    )
    yield Violation(f"{_PLACE}.response_modalities", sentence)


def _broken_media(facts: ModelFacts, config: JsonObject) -> Iterator[Violation]:
    if "speechConfig" in config:
        if facts.kind != "speech":
            yield Violation(f"{_PLACE}.speech_config", f"Speech config is not enabled for {facts.path}")
        several = config["speechConfig"].get("multiSpeakerVoiceConfig")
        if several is not None and len(several.get("speakerVoiceConfigs", ())) != 2:
            place = f"{_PLACE}.speech_config.multi_speaker_voice_config"
            yield Violation(place, "The number of enabled voices must equal 2.")
    if "imageConfig" in config:
        if facts.kind != "image":
            yield Violation(f"{_PLACE}.image_config", f"Image config is not enabled for {facts.path}")
        image = config["imageConfig"]
        if image.get("aspectRatio", "1:1") not in _RATIOS:
            yield Violation(f"{_PLACE}.image_config.aspect_ratio", "aspect_ratio must be one of " + ", ".join(_RATIOS))
        if image.get("imageSize", "1K") not in ("512", "1K", "2K", "4K"):
            yield Violation(f"{_PLACE}.image_config.image_size", "image_size must be one of 512, 1K, 2K, 4K")

"""The request's parameters: what each becomes. The table is the documentation (docs/translation.md is held to it)."""

from typing import Any, NamedTuple

from compat.schemas.chat import ChatRequest
from compat.translation.families import Family
from compat.translation.images.sizes import chosen_image_config, read_size
from compat.translation.reasoning_effort import least_thinking, to_thinking_config
from compat.translation.refusals import Untranslatable
from compat.translation.response_format import check_response_format, to_response_format
from compat.translation.voices import to_speech_config


class Fate(NamedTuple):
    """What happens to a parameter of OpenAI's."""

    action: str
    """mapped, ignored or refused."""
    becomes: str


PARAMETERS: dict[str, Fate] = {
    "model": Fate("mapped", "the model mapping's targets, in the URL"),
    "messages": Fate("mapped", "contents, systemInstruction"),
    "stream": Fate("mapped", "streamGenerateContent"),
    "stream_options": Fate("mapped", "include_usage: a last chunk with usage; refused without stream"),
    "max_completion_tokens": Fate(
        "mapped",
        "generationConfig.maxOutputTokens, cut to the model's limit; below 1,024 the model thinks least, unless told otherwise",
    ),
    "max_tokens": Fate("mapped", "the same, when max_completion_tokens is absent"),
    "temperature": Fate("mapped", "generationConfig.temperature; image models take 1 at most"),
    "top_p": Fate("mapped", "generationConfig.topP"),
    "top_k": Fate("mapped", "generationConfig.topK; 0 and less mean none"),
    "n": Fate("mapped", "generationConfig.candidateCount, or parallel calls since Gemini 3; 16 at most"),
    "stop": Fate("mapped", "generationConfig.stopSequences; more than 5 are refused"),
    "presence_penalty": Fate("mapped", "generationConfig.presencePenalty, left out where the model has none"),
    "frequency_penalty": Fate("mapped", "generationConfig.frequencyPenalty, left out where the model has none"),
    "seed": Fate("mapped", "generationConfig.seed, folded to 31 bits"),
    "logprobs": Fate("mapped", "generationConfig.responseLogprobs where the model has it, else null in the answer"),
    "top_logprobs": Fate("mapped", "generationConfig.logprobs; refused without logprobs"),
    "response_format": Fate(
        "mapped", "generationConfig.responseMimeType, responseJsonSchema; in words beside tools before 3"
    ),
    "tools": Fate("mapped", "tools.functionDeclarations; custom tools as functions with one text"),
    "tool_choice": Fate("mapped", "toolConfig.functionCallingConfig"),
    "parallel_tool_calls": Fate("mapped", "false: only the first call of a turn is answered"),
    "functions": Fate("mapped", "as tools, answered as function_call"),
    "function_call": Fate("mapped", "as tool_choice"),
    "reasoning_effort": Fate("mapped", "generationConfig.thinkingConfig, by model family"),
    "reasoning": Fate("mapped", "its effort as reasoning_effort, the rest ignored"),
    "modalities": Fate("mapped", "generationConfig.responseModalities; audio is refused by models that do not speak"),
    "audio": Fate("mapped", "generationConfig.speechConfig on a speech model; formats but wav and pcm16 are refused"),
    "image_config": Fate(
        "mapped",
        "imageConfig of an image model: aspect_ratio and image_size as they are, or size and quality as of images",
    ),
    "web_search_options": Fate("mapped", "tools.googleSearch, unless there are functions"),
    "service_tier": Fate("mapped", "flex and priority: serviceTier; the others ignored"),
    "extra_body": Fate("mapped", "google.thinking_config and google.safety_settings, as in Google's own layer"),
    "google": Fate("mapped", "the same members at the top level"),
    "logit_bias": Fate("ignored", "the tokenizers differ; its shape is checked"),
    "user": Fate("ignored", "its type is checked; a token that tells sub-users keeps a hash of it with the usage"),
    "verbosity": Fate("ignored", ""),
    "prediction": Fate("ignored", "no predicted tokens are reported"),
    "store": Fate("ignored", "nothing is stored, upstream neither"),
    "metadata": Fate("ignored", ""),
    "moderation": Fate("ignored", ""),
    "safety_identifier": Fate("ignored", ""),
    "prompt_cache_key": Fate("ignored", ""),
    "prompt_cache_retention": Fate("ignored", ""),
    "prompt_cache_options": Fate("ignored", ""),
}

# maxOutputTokens counts thinking too: what a small limit allows would be used up before a word is said.
_ROOM_TO_THINK = 1_024
_CATEGORIES = ("HARASSMENT", "HATE_SPEECH", "SEXUALLY_EXPLICIT", "DANGEROUS_CONTENT", "CIVIC_INTEGRITY")
_THRESHOLDS = ("OFF", "BLOCK_NONE", "BLOCK_ONLY_HIGH", "BLOCK_MEDIUM_AND_ABOVE", "BLOCK_LOW_AND_ABOVE")


def check_parameters(request: ChatRequest) -> None:
    """Refuse combinations that OpenAI refuses and that no model could serve."""
    if request.stream_options is not None and not request.stream:
        raise Untranslatable("'stream_options' is only allowed when 'stream' is true.", "stream_options")
    if request.top_logprobs is not None and not request.logprobs:
        raise Untranslatable("'top_logprobs' is only allowed when 'logprobs' is true.", "top_logprobs")
    if request.image_config is not None:
        read_size(request.image_config.size, "image_config.size")
    check_stop(request.stop)
    check_response_format(request.response_format)


def check_stop(stop: str | list[str] | None) -> None:
    """Refuse what stopSequences cannot hold (Gemini API, stopSequences: at most 5, none empty)."""
    if stop is None:
        return
    sequences = [stop] if isinstance(stop, str) else stop
    if len(sequences) > 5:
        raise Untranslatable(
            f"Invalid 'stop': at most 5 sequences are possible, but got {len(sequences)}.",
            "stop",
            "array_above_max_length",
        )
    if any(not sequence for sequence in sequences):
        raise Untranslatable("Invalid 'stop': a stop sequence may not be empty.", "stop")


def to_generation_config(request: ChatRequest, family: Family, *, has_tools: bool) -> dict[str, Any]:
    """Gemini's generationConfig for one call, without candidateCount; members that the family refuses are left out."""
    config = _plain(request, family)
    if request.response_format is not None:
        config |= to_response_format(request.response_format, family, has_tools=has_tools)
    if request.logprobs and family.logprobs:
        config["responseLogprobs"] = True
        if request.top_logprobs:
            config["logprobs"] = request.top_logprobs
    effort = request.reasoning_effort or (request.reasoning.effort if request.reasoning else None)
    thinking = to_thinking_config(effort, google_options(request).get("thinking_config"), family)
    if thinking is None and (limit := _limit(request)) and limit < _ROOM_TO_THINK:
        thinking = least_thinking(family)
    if thinking is not None:
        config["thinkingConfig"] = thinking
    if family.images or family.speech or request.modalities:
        config |= _modalities(request, family)
    return config


def _plain(request: ChatRequest, family: Family) -> dict[str, Any]:
    """The members that need no more than a new name or a bound."""
    config: dict[str, Any] = {}
    if limit := _limit(request):
        config["maxOutputTokens"] = min(limit, family.output_limit)
    if request.temperature is not None:
        config["temperature"] = _temperature(request.temperature, family)
    if request.top_p is not None:
        config["topP"] = request.top_p
    # No parameter of OpenAI's: -1 and 0 mean "off" where clients have it from.
    if request.top_k and request.top_k > 0:
        config["topK"] = min(request.top_k, 1_000)
    if request.stop:
        config["stopSequences"] = [request.stop] if isinstance(request.stop, str) else request.stop
    if family.penalties:
        config |= _penalties(request)
    if request.seed is not None:
        config["seed"] = request.seed % 2**31
    return config


def _limit(request: ChatRequest) -> int | None:
    return request.max_completion_tokens or request.max_tokens


def _temperature(temperature: float, family: Family) -> float:
    """Image models take half of the range."""
    return min(temperature, 1) if family.images else temperature


def _penalties(request: ChatRequest) -> dict[str, float]:
    """Gemini's range ends just below 2.0. Many clients send 0 always: it is what it is without."""
    wanted = {"presencePenalty": request.presence_penalty, "frequencyPenalty": request.frequency_penalty}
    return {name: min(penalty, 1.99) for name, penalty in wanted.items() if penalty}


def _modalities(request: ChatRequest, family: Family) -> dict[str, Any]:
    wanted = set(request.modalities or ())
    if family.images:
        config = chosen_image_config(request.image_config, family) if request.image_config else {}
        return {
            "responseModalities": ["IMAGE"] if wanted == {"image"} else ["TEXT", "IMAGE"],
            **({"imageConfig": config} if config else {}),
        }
    if family.speech:
        if request.audio and request.audio.format not in {"wav", "pcm16"}:
            raise Untranslatable(
                "Only the audio formats wav and pcm16 can be made.", "audio.format", "unsupported_value"
            )
        voice = request.audio.voice if request.audio else "alloy"
        return {"responseModalities": ["AUDIO"], "speechConfig": to_speech_config(voice, "audio.voice")}
    if "audio" in wanted:
        raise Untranslatable(
            "This model does not speak: ask a speech model (gemini-…-tts) for audio.", "modalities", "unsupported_value"
        )
    return {}


def google_options(request: ChatRequest) -> dict[str, Any]:
    """The `google` object of `extra_body` (or of the top level, where some clients flatten it)."""
    if request.extra_body is None and request.google is None:
        return {}
    for holder in (request.extra_body, {"google": request.google}):
        # The SDK's extra_body.extra_body: two levels, as Google's documentation nests them.
        for level in (holder, holder.get("extra_body") if isinstance(holder, dict) else None):
            google = level.get("google") if isinstance(level, dict) else None
            if isinstance(google, dict):
                return {
                    key: value for key, value in google.items() if key != "thinking_config" or isinstance(value, dict)
                }
    return {}


def to_safety_settings(request: ChatRequest) -> list[dict[str, str]]:
    """Google's own safety_settings from extra_body, the known categories and thresholds only, one entry a category."""
    wanted = google_options(request).get("safety_settings")
    if not isinstance(wanted, list):
        return []
    settings: dict[str, str] = {}
    for entry in wanted:
        if not isinstance(entry, dict):
            continue
        category = str(entry.get("category", "")).removeprefix("HARM_CATEGORY_")
        if category in _CATEGORIES and entry.get("threshold") in _THRESHOLDS:
            settings[f"HARM_CATEGORY_{category}"] = entry["threshold"]
    return [{"category": category, "threshold": threshold} for category, threshold in settings.items()]


def to_service_tier(request: ChatRequest) -> str | None:
    """Gemini's serviceTier for the two tiers that both sides have."""
    return request.service_tier if request.service_tier in {"flex", "priority"} else None

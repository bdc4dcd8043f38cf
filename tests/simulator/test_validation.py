"""Each rule of the Gemini API that the simulator holds: a body that keeps it, and one that breaks it."""

# One row a rule: the tables below read best with wide lines.
# ruff: noqa: E501

import json

import pytest

from compat.simulator.signatures import make_signature
from compat.simulator.validation import violations
from tests.simulator.asking import said

FLASH_25 = "gemini-2.5-flash"
PRO_25 = "gemini-2.5-pro"
LITE_25 = "gemini-2.5-flash-lite"
FLASH_3 = "gemini-3-flash-preview"
FLASH = "gemini-3.8-flash"
HYDROGEN = "gemini-4-hydrogen"
IMAGE = "gemini-3.1-flash-image"
TTS = "gemini-2.5-flash-preview-tts"
GEMMA = "gemma-4-31b-it"
ALL_TEXT = (FLASH_25, FLASH_3, FLASH, HYDROGEN, GEMMA)

WEATHER = {"name": "get_weather", "parameters": {"type": "OBJECT", "properties": {"city": {"type": "STRING"}}}}
TOOLS = [{"functionDeclarations": [WEATHER]}]
SIGNED = make_signature(3, "alpha")


def config(**members):
    return said("hi", generationConfig=members)


def parts(*given, role="user"):
    return {"contents": [{"role": role, "parts": list(given)}]}


def turns(*given):
    return {"contents": [{"role": role, "parts": list(of_role)} for role, *of_role in given]}


def call(name="get_weather", signature=SIGNED, **members):
    part = {"functionCall": {"name": name, "args": {}, **members}}
    return part | ({"thoughtSignature": signature} if signature else {})


def response(name="get_weather", **members):
    return {"functionResponse": {"name": name, "response": {"output": "mild"}, **members}}


def declared(**members):
    return said("hi", tools=[{"functionDeclarations": [{"name": "f", **members}]}])


def choosing(**members):
    return said("hi", tools=TOOLS, toolConfig={"functionCallingConfig": members})


ASK = {"text": "and now?"}
PNG = {"inlineData": {"mimeType": "image/png", "data": "iVBORw0KGgo="}}
OTHER_ALPHABET = {"inlineData": {"mimeType": "image/png", "data": "iVBORw0KGg-_"}}
UNPADDED = {"inlineData": {"mimeType": "image/png", "data": "iVBORw0KGgo"}}

TAKEN = [
    ("the rarer members", (FLASH_25, FLASH_3, FLASH, GEMMA), said("hi", safetySettings=[{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "OFF"}], labels={"a": "b"}, store=False, serviceTier="flex", cachedContent="cachedContents/x")),
    ("snake_case", ALL_TEXT, said("hi", system_instruction={"parts": [{"text": "x"}]}, generation_config={"max_output_tokens": 9})),
    ("null members", ALL_TEXT, said("hi", tools=None, generationConfig={"stopSequences": None, "topK": None})),
    ("a role left out of the only content", ALL_TEXT, {"contents": [{"parts": [{"text": "hi"}]}]}),
    ("consecutive contents of a role", ALL_TEXT, turns(("user", ASK), ("user", ASK))),
    ("an empty text beside others", ALL_TEXT, parts({"text": ""}, ASK)),
    ("an image", ALL_TEXT, parts(ASK, PNG)),
    ("base64 of the other alphabet", ALL_TEXT, parts(ASK, OTHER_ALPHABET)),
    ("base64 without its padding", ALL_TEXT, parts(ASK, UNPADDED)),
    ("a public file", ALL_TEXT, parts(ASK, {"fileData": {"mimeType": "image/png", "fileUri": "https://example.com/a.png"}})),
    ("a tool round", ALL_TEXT, turns(("user", ASK), ("model", call(id="a")), ("user", response(id="a")))),
    ("parallel calls, responses in another order", ALL_TEXT, turns(("user", ASK), ("model", call(id="a"), call("now", None, id="b")), ("user", response("now", id="b"), response(id="a")))),
    ("text before the calls", ALL_TEXT, turns(("user", ASK), ("model", {"text": "I will look"}, call()), ("user", response()))),
    ("the placeholder for a signature", (FLASH,), turns(("user", ASK), ("model", call(signature="skip_thought_signature_validator")), ("user", response()))),
    ("no signature in an older turn", (FLASH,), turns(("user", ASK), ("model", call(signature=None)), ("user", response()), ("model", {"text": "mild"}), ("user", ASK))),
    ("no signature on 2.5", (FLASH_25,), turns(("user", ASK), ("model", call(signature=None)), ("user", response()))),
    ("a last turn of the model on old models", (FLASH_25, FLASH_3), turns(("user", ASK), ("model", {"text": "It is"}))),
    ("a real JSON Schema for parameters", ALL_TEXT, declared(parametersJsonSchema={"type": "object", "properties": {"a": {"$ref": "#/$defs/A"}}, "$defs": {"A": {"type": ["string", "null"]}}, "additionalProperties": False, "patternProperties": {}})),
    ("an object without properties", ALL_TEXT, declared(parameters={"type": "OBJECT", "properties": {}})),
    ("a type in small letters", ALL_TEXT, declared(parameters={"type": "object", "properties": {"a": {"type": "integer", "minimum": "3"}}})),
    ("optional recursion", ALL_TEXT, declared(parametersJsonSchema={"type": "object", "properties": {"next": {"$ref": "#"}}})),
    ("a narrowed choice", ALL_TEXT, choosing(mode="ANY", allowedFunctionNames=["get_weather"])),
    ("a validated choice", ALL_TEXT, choosing(mode="VALIDATED", allowedFunctionNames=["get_weather"])),
    ("functions beside search", (FLASH,), said("hi", tools=[*TOOLS, {"googleSearch": {}}], toolConfig={"includeServerSideToolInvocations": True})),
    ("functions and JSON", (FLASH,), said("hi", tools=TOOLS, generationConfig={"responseMimeType": "application/json"})),
    ("five stops", ALL_TEXT, config(stopSequences=list("abcde"))),
    ("several candidates", (FLASH_25,), config(candidateCount=8)),
    ("penalties", (FLASH_25,), config(presencePenalty=-2, frequencyPenalty=1.99)),
    ("logprobs", (LITE_25,), config(responseLogprobs=True, logprobs=20)),
    ("JSON by JSON Schema", ALL_TEXT, config(responseMimeType="application/json", responseJsonSchema={"type": "object", "oneOf": [{"const": 1}]})),
    ("a choice of words", ALL_TEXT, config(responseMimeType="text/x.enum", responseSchema={"type": "STRING", "enum": ["a", "b"]})),
    ("a budget", (FLASH_25,), config(thinkingConfig={"thinkingBudget": 0, "includeThoughts": True})),
    ("the dynamic budget", (FLASH_25, PRO_25, LITE_25, FLASH_3, FLASH), config(thinkingConfig={"thinkingBudget": -1})),
    ("a level in small letters", (FLASH_3, FLASH, HYDROGEN), config(thinkingConfig={"thinkingLevel": "low"})),
    ("the lowest level", (FLASH_3, "gemini-3.5-flash", "gemini-3.6-flash", "gemini-3.5-flash-lite"), config(thinkingConfig={"thinkingLevel": "MINIMAL"})),
    ("the highest level", (HYDROGEN,), config(thinkingConfig={"thinkingLevel": "XHIGH"})),
    ("a picture wanted", (IMAGE,), config(responseModalities=["IMAGE", "TEXT"], imageConfig={"aspectRatio": "16:9", "imageSize": "2K"})),
    ("speech wanted", (TTS,), config(responseModalities=["AUDIO"], speechConfig={"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": "Kore"}}})),
    ("media resolution of a part", (FLASH,), parts(ASK, PNG | {"mediaResolution": {"level": "MEDIA_RESOLUTION_LOW"}})),
    ("an image returned by a tool", (FLASH,), turns(("user", ASK), ("model", call()), ("user", response(parts=[PNG])))),
]  # fmt: skip

REFUSED = [
    ("an unknown member", ALL_TEXT, said("hi", frequency=1), 'Unknown name "frequency": Cannot find field.'),
    ("an unknown member of a part", ALL_TEXT, parts({"text": "a", "cache_control": {}}), "Unknown name \"cache_control\" at 'contents[0].parts[0]'"),
    ("an unknown member of a content", ALL_TEXT, {"contents": [{"role": "user", "parts": [ASK], "name": "x"}]}, "at 'contents[0]'"),
    ("an unknown member of a tool", ALL_TEXT, said("hi", tools=[{"functions": []}]), "Unknown name \"functions\" at 'tools[0]'"),
    ("an unknown member of a function", ALL_TEXT, declared(strict=True), "Unknown name \"strict\" at 'tools[0].function_declarations[0]'"),
    ("an unknown member of the tool config", ALL_TEXT, choosing(mode="ANY", names=[]), "at 'tool_config.function_calling_config'"),
    ("an unknown member of the generation config", ALL_TEXT, config(logitBias={}), "Unknown name \"logitBias\" at 'generation_config'"),
    ("an unknown member of the thinking config", ALL_TEXT, config(thinkingConfig={"effort": 1}), "at 'generation_config.thinking_config'"),
    ("additionalProperties", ALL_TEXT, declared(parameters={"type": "OBJECT", "additionalProperties": False}), 'Unknown name "additionalProperties"'),
    ("const in a Schema", ALL_TEXT, config(responseMimeType="application/json", responseSchema={"type": "OBJECT", "properties": {"a": {"const": 1}}}), "at 'generation_config.response_schema.properties[0].value'"),
    ("$ref in a Schema", ALL_TEXT, declared(parameters={"$ref": "#"}), 'Unknown name "$ref"'),
    ("a list of types in a Schema", ALL_TEXT, declared(parameters={"type": ["object"]}), "Proto field is not repeating, cannot start list."),
    ("a numeric enum in a Schema", ALL_TEXT, declared(parameters={"type": "OBJECT", "properties": {"a": {"type": "INTEGER", "enum": [1]}}}), "TYPE_STRING"),
    ("a text that is none", ALL_TEXT, parts({"text": 5}), "Invalid value at 'contents[0].parts[0].text' (TYPE_STRING), 5"),
    ("contents that are no list", ALL_TEXT, {"contents": "hi"}, "Invalid value at 'contents'"),
    ("a body that is no object", ALL_TEXT, [], "GenerateContentRequest"),
    ("arguments that are no object", ALL_TEXT, turns(("model", call(args="{}"))), "google.protobuf.Struct"),
    ("a tool result that is no object", ALL_TEXT, turns(("user", response(response="mild"))), "google.protobuf.Struct"),
    ("a large seed", ALL_TEXT, config(seed=2**31), "(TYPE_INT32), 2147483648"),
    ("a truth that is a number", ALL_TEXT, said("hi", store=0), "TYPE_BOOL"),
    ("an unknown enum value", ALL_TEXT, choosing(mode="auto"), "FunctionCallingConfig.Mode"),
    ("broken base64", ALL_TEXT, parts({"inlineData": {"mimeType": "image/png", "data": "a*b"}}), "Base64 decoding failed"),
    ("two data fields in a part", ALL_TEXT, parts({"text": "a"} | PNG), "oneof field 'data' is already set. Cannot set 'inlineData'"),
    ("no data field in a part", ALL_TEXT, parts({"thought": True}), "required oneof field 'data'"),
    ("no contents", ALL_TEXT, {"contents": []}, "contents is not specified"),
    ("no parts", ALL_TEXT, {"contents": [{"role": "user"}]}, "contents.parts must not be empty"),
    ("nothing but an empty text", ALL_TEXT, said(""), "empty text"),
    ("another role", ALL_TEXT, parts(ASK, role="assistant"), "Please use a valid role: user, model."),
    ("a role left out of several", ALL_TEXT, {"contents": [{"role": "user", "parts": [ASK]}, {"parts": [ASK]}]}, "valid role"),
    ("a last turn of the model", ("gemini-3.6-flash", FLASH, HYDROGEN), turns(("user", ASK), ("model", ASK)), "end with a user role"),
    ("a call first of all", ALL_TEXT, turns(("model", call()), ("user", response())), "function call turn comes immediately after a user turn"),
    ("a call after a turn of the model", ALL_TEXT, turns(("user", ASK), ("model", ASK), ("model", call()), ("user", response())), "function call turn comes"),
    ("a response without a call", ALL_TEXT, turns(("user", ASK, response())), "function response turn comes immediately after"),
    ("a response too few", ALL_TEXT, turns(("user", ASK), ("model", call(id="a"), call("now", None, id="b")), ("user", response(id="a"))), "number of function response parts"),
    ("responses in two contents", ALL_TEXT, turns(("user", ASK), ("model", call(id="a"), call("now", None, id="b")), ("user", response(id="a")), ("user", response("now", id="b"))), "number of function response parts"),
    ("a call without a response", ALL_TEXT, turns(("user", ASK), ("model", call()), ("user", ASK)), "number of function response parts"),
    ("a call at the end", ALL_TEXT, turns(("user", ASK), ("model", call())), "number of function response parts"),
    ("a response to another id", (FLASH, HYDROGEN), turns(("user", ASK), ("model", call(id="a")), ("user", response(id="b"))), "id and name of each function response"),
    ("a response without name", ALL_TEXT, turns(("user", ASK), ("model", call()), ("user", {"functionResponse": {"response": {}}})), "Name cannot be empty"),
    ("a response without response", ALL_TEXT, turns(("user", ASK), ("model", call()), ("user", {"functionResponse": {"name": "get_weather"}})), "required field is not set"),
    ("a call by the user", ALL_TEXT, turns(("user", call())), "role model"),
    ("a call without signature", (FLASH_3, FLASH, HYDROGEN), turns(("user", ASK), ("model", call(signature=None)), ("user", response())), "Function call is missing a thought_signature in functionCall parts"),
    ("a later step without signature", (FLASH,), turns(("user", ASK), ("model", call()), ("user", response()), ("model", call(signature=None)), ("user", response())), "`default_api:get_weather` , position 4."),
    ("an invented signature", (FLASH_3, FLASH, HYDROGEN), turns(("user", ASK), ("model", call(signature="c2lnbmF0dXJl")), ("user", response())), "Corrupted thought signature"),
    ("a GIF", ALL_TEXT, parts(ASK, {"inlineData": {"mimeType": "image/gif", "data": "R0lG"}}), "Unsupported MIME type: image/gif"),
    ("an empty image", ALL_TEXT, parts(ASK, {"inlineData": {"mimeType": "image/png", "data": ""}}), "must not be empty"),
    ("a file by plain http", ALL_TEXT, parts(ASK, {"fileData": {"fileUri": "http://example.com/a.png"}}), "Invalid or unsupported file uri"),
    ("media resolution of a part", (FLASH_25, GEMMA), parts(ASK, PNG | {"mediaResolution": {"level": "MEDIA_RESOLUTION_LOW"}}), "Media resolution per part"),
    ("an image returned by a tool", (FLASH_25,), turns(("user", ASK), ("model", call()), ("user", response(parts=[PNG]))), "Multimodal function responses"),
    ("a system instruction", (IMAGE, TTS), said("hi", systemInstruction={"parts": [{"text": "x"}]}), "Developer instruction is not enabled for models/"),
    ("an image in the system instruction", ALL_TEXT, said("hi", systemInstruction={"parts": [PNG]}), "only supports text"),
    ("an empty system instruction", ALL_TEXT, said("hi", systemInstruction={"parts": []}), "must not be empty"),
    ("functions", (IMAGE, TTS), said("hi", tools=TOOLS), "Function calling is not enabled for models/"),
    ("functions in two tools", ALL_TEXT, said("hi", tools=[*TOOLS, {"functionDeclarations": [{"name": "g"}]}]), "into one tool"),
    ("a function twice", ALL_TEXT, said("hi", tools=[{"functionDeclarations": [WEATHER, WEATHER]}]), "Duplicate function declaration found: get_weather"),
    ("a function's name with a space", ALL_TEXT, said("hi", tools=[{"functionDeclarations": [{"name": "get weather"}]}]), "Invalid function name"),
    ("a long name on old models", (FLASH_25, GEMMA), said("hi", tools=[{"functionDeclarations": [{"name": "f" * 65}]}]), "maximum length of 64"),
    ("a longer name", ALL_TEXT, said("hi", tools=[{"functionDeclarations": [{"name": "f" * 129}]}]), "maximum length of"),
    ("both kinds of parameters", ALL_TEXT, declared(parameters={"type": "OBJECT"}, parametersJsonSchema={}), "cannot both be set"),
    ("parameters that are no object", ALL_TEXT, declared(parameters={"type": "STRING"}), "schema should be of type OBJECT"),
    ("an array without items", ALL_TEXT, declared(parameters={"type": "OBJECT", "properties": {"a": {"type": "ARRAY"}}}), "properties[a].items: missing field."),
    ("a property without type", ALL_TEXT, declared(parameters={"type": "OBJECT", "properties": {"a": {}}}), "properties[a].type: must be specified"),
    ("a required property that is none", ALL_TEXT, declared(parameters={"type": "OBJECT", "required": ["b"]}), "required[0]: property is not defined"),
    ("an enum of numbers", ALL_TEXT, declared(parameters={"type": "OBJECT", "properties": {"a": {"type": "INTEGER", "enum": ["1"]}}}), "enum: only allowed for STRING type"),
    ("a string format on old models", (FLASH_25, GEMMA), declared(parameters={"type": "OBJECT", "properties": {"a": {"type": "STRING", "format": "uuid"}}}), "only 'enum' and 'date-time'"),
    ("a JSON Schema that is none", ALL_TEXT, declared(parametersJsonSchema="x"), "must be a JSON Schema object"),
    ("a $ref with company", ALL_TEXT, declared(parametersJsonSchema={"$ref": "#/$defs/A", "description": "x", "$defs": {"A": {}}}), "$ref must not stand beside"),
    ("a $ref into nothing", ALL_TEXT, declared(parametersJsonSchema={"$ref": "#/$defs/A"}), "cannot be resolved"),
    ("endless recursion", ALL_TEXT, declared(parametersJsonSchema={"type": "object", "properties": {"next": {"$ref": "#"}}, "required": ["next"]}), "recursion"),
    ("a JSON Schema type that is none", ALL_TEXT, declared(parametersJsonSchema={"type": "text"}), "not a JSON Schema type"),
    ("search of the 1.5 era", ALL_TEXT, said("hi", tools=[{"googleSearchRetrieval": {}}]), "use google_search tool instead"),
    ("functions beside search", (FLASH_25, GEMMA), said("hi", tools=[*TOOLS, {"googleSearch": {}}]), "Tool use with function calling is unsupported"),
    ("functions beside search unannounced", (FLASH,), said("hi", tools=[*TOOLS, {"googleSearch": {}}]), "include_server_side_tool_invocations"),
    ("functions and JSON", (FLASH_25, GEMMA), said("hi", tools=TOOLS, generationConfig={"responseMimeType": "application/json"}), "Function calling with a response mime type: 'application/json' is unsupported"),
    ("a tool config without tools", ALL_TEXT, said("hi", toolConfig={"functionCallingConfig": {"mode": "ANY"}}), "set without function_declarations"),
    ("names to choose from in AUTO", ALL_TEXT, choosing(mode="AUTO", allowedFunctionNames=["get_weather"]), "mode is ANY or VALIDATED"),
    ("an undeclared name to choose", ALL_TEXT, choosing(mode="ANY", allowedFunctionNames=["other"]), "'other' is not among"),
    ("a setting twice", ALL_TEXT, said("hi", safetySettings=[{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "OFF"}] * 2), "duplicate safety setting"),
    ("a category of Vertex", ALL_TEXT, said("hi", safetySettings=[{"category": "HARM_CATEGORY_JAILBREAK", "threshold": "OFF"}]), "HARM_CATEGORY_JAILBREAK"),
    ("too hot", ALL_TEXT, config(temperature=2.1), "temperature must be in the range [0, 2]"),
    ("too hot for pictures", (IMAGE,), config(temperature=1.1), "range [0, 1]"),
    ("top_p above one", ALL_TEXT, config(topP=1.1), "top_p must be"),
    ("no candidate", ALL_TEXT, config(candidateCount=0), "candidate_count must be"),
    ("two candidates", (FLASH_3, FLASH, HYDROGEN, GEMMA), config(candidateCount=2), "Multiple candidates is not enabled"),
    ("nine candidates", (FLASH_25,), config(candidateCount=9), "candidate_count must be"),
    ("no output tokens", ALL_TEXT, config(maxOutputTokens=0), "max_output_tokens must be"),
    ("more output than there is", (FLASH_25, FLASH, GEMMA), config(maxOutputTokens=65_537), "max_output_tokens must be"),
    ("six stops", ALL_TEXT, config(stopSequences=list("abcdef")), "at most 5"),
    ("an empty stop", ALL_TEXT, config(stopSequences=[""]), "must not be empty"),
    ("penalties", (FLASH_3, FLASH, HYDROGEN, GEMMA), config(presencePenalty=0.5), "Penalty is not enabled for models/"),
    ("a penalty of two", (FLASH_25,), config(frequencyPenalty=2), "range [-2.0, 2.0)"),
    ("logprobs", (FLASH_25, PRO_25, FLASH_3, FLASH, HYDROGEN, GEMMA), config(responseLogprobs=True), "Logprobs is not enabled for models/"),
    ("logprobs without asking", (LITE_25,), config(logprobs=3), "response_logprobs"),
    ("another mime type", ALL_TEXT, config(responseMimeType="text/html"), "allowed mimetypes"),
    ("two schemas", ALL_TEXT, config(responseMimeType="application/json", responseSchema={"type": "STRING"}, responseJsonSchema={}), "Only one of response_schema"),
    ("a schema without JSON", ALL_TEXT, config(responseJsonSchema={"type": "object"}), "needs response_mime_type"),
    ("speech of a text model", ALL_TEXT, config(responseModalities=["AUDIO"]), "requested combination of response modalities (AUDIO)"),
    ("text of a speech model", (TTS,), config(), "* AUDIO"),
    ("one voice for several", (TTS,), config(responseModalities=["AUDIO"], speechConfig={"multiSpeakerVoiceConfig": {"speakerVoiceConfigs": [{"speaker": "a"}]}}), "must equal 2"),
    ("a strange picture", (IMAGE,), config(imageConfig={"aspectRatio": "7:5"}), "aspect_ratio must be one of"),
    ("budget and level", (FLASH_3, FLASH, HYDROGEN), config(thinkingConfig={"thinkingBudget": 1, "thinkingLevel": "LOW"}), "only set only one"),
    ("a level", (FLASH_25, PRO_25, LITE_25), config(thinkingConfig={"thinkingLevel": "LOW"}), "Thinking level is not supported for this model."),
    ("a level too low", ("gemini-3.1-pro-preview", "gemini-3.7-flash", FLASH, HYDROGEN), config(thinkingConfig={"thinkingLevel": "MINIMAL"}), "Thinking level MINIMAL is not supported"),
    ("a level too high", (FLASH, "gemini-4-argon", "gemini-4-carbon"), config(thinkingConfig={"thinkingLevel": "XHIGH"}), "Thinking level XHIGH is not supported"),
    ("a budget", (HYDROGEN, "gemini-4-neon"), config(thinkingConfig={"thinkingBudget": 100}), "Thinking budget is not supported"),
    ("no thinking of a thinker", (PRO_25,), config(thinkingConfig={"thinkingBudget": 0}), "Budget 0 is invalid. This model only works in thinking mode."),
    ("a budget too small", (PRO_25, LITE_25), config(thinkingConfig={"thinkingBudget": 100}), "Please choose a value between"),
    ("a budget too large", (FLASH_25, LITE_25), config(thinkingConfig={"thinkingBudget": 24_577}), "and 24576"),
    ("thinking", (IMAGE, TTS), config(thinkingConfig={"includeThoughts": True}), "Thinking is not enabled"),
    ("a cache and tools", (FLASH,), said("hi", cachedContent="cachedContents/x", tools=TOOLS), "CachedContent can not be used"),
    ("a cache", (HYDROGEN,), said("hi", cachedContent="cachedContents/x"), "Explicit caching is not enabled"),
    ("a continuation", (FLASH_25, FLASH), said("hi", continuationToken="eA=="), "Continuation is not enabled"),
    ("a foreign continuation", (HYDROGEN,), said("hi", continuationToken="eA=="), "Invalid continuation token"),
    ("too long a prompt", (GEMMA,), said("word " * 220_000), "The input token count (275000) exceeds the maximum number of tokens allowed (262144)."),
]  # fmt: skip


def _cases(rows):
    return [
        pytest.param(model, body, *rest, id=f"{name}: {model}")
        for name, models, body, *rest in rows
        for model in models
    ]


@pytest.mark.parametrize(("model", "body"), _cases(TAKEN))
def test_the_api_takes(model, body):
    assert violations(model, body) == []


@pytest.mark.parametrize(("model", "body", "sentence"), _cases(REFUSED))
def test_the_api_refuses(model, body, sentence):
    found = violations(model, body)

    assert sentence in "\n".join(violation.message for violation in found)


@pytest.mark.parametrize("body", [case[2] for case in TAKEN if case[2]])
def test_validation_leaves_the_body_as_it_is(body):
    before = json.dumps(body)
    violations("gemini-3.8-flash", body)

    assert json.dumps(body) == before


def test_a_malformed_body_is_looked_at_no_further():
    found = violations(FLASH, {"contents": [], "nonsense": 1, "alsoNonsense": 2})

    assert [(violation.field, violation.malformed) for violation in found] == [("", True), ("", True)]


def test_signatures_hold_only_in_their_project_and_family():
    history = turns(("user", ASK), ("model", call(signature=make_signature(3, "alpha"))), ("user", response()))

    assert violations(FLASH, history, project="alpha") == []
    assert violations(FLASH_3, history, project="alpha") == []
    assert [found.message for found in violations(FLASH, history, project="beta")] == ["Corrupted thought signature."]
    assert [found.message for found in violations(HYDROGEN, history, project="alpha")] == [
        "Corrupted thought signature."
    ]


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({"content": {"parts": [{"text": "a"}]}, "outputDimensionality": 768}, None),
        ({"content": {"parts": [{"text": "a"}]}, "taskType": "RETRIEVAL_DOCUMENT", "title": "b"}, None),
        ({}, "content: contents is not specified"),
        ({"content": {"parts": [{"text": ""}]}}, "empty Part"),
        ({"content": {"parts": [{"text": "a"}]}, "outputDimensionality": 3_073}, "between 1 and 3072"),
        ({"content": {"parts": [{"text": "a"}]}, "taskType": "OTHER"}, "TaskType"),
        ({"content": {"parts": [{"text": "a"}]}, "encodingFormat": "base64"}, "Cannot find field"),
    ],
)
def test_embedding_requests_are_checked(body, sentence):
    found = violations("gemini-embedding-001", body, "embedContent")

    assert (not found) if sentence is None else sentence in found[0].message


@pytest.mark.parametrize(
    ("requests", "sentence"),
    [
        ([{"model": "models/gemini-embedding-2", "content": {"parts": [{"text": "a"}]}}] * 100, None),
        ([{"model": "models/gemini-embedding-2", "content": {"parts": [{"text": "a"}]}}] * 101, "at most 100 requests"),
        ([{"content": {"parts": [{"text": "a"}]}}], "must match the model"),
        ([], "requests is not specified"),
    ],
)
def test_embedding_batches_are_checked(requests, sentence):
    found = violations("gemini-embedding-2", {"requests": requests}, "batchEmbedContents")

    assert (not found) if sentence is None else sentence in found[0].message


def test_an_unknown_model_is_no_violation_but_an_error():
    with pytest.raises(LookupError):
        violations("gemini-1.5-pro", said("hi"))

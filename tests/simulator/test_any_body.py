"""Whatever JSON comes, the simulator says what is wrong with it or answers; it never breaks."""

from hypothesis import given, settings
from hypothesis import strategies as st

from compat.simulator.answers import make_answer
from compat.simulator.model_facts import ModelFacts
from compat.simulator.models import CATALOGUE
from compat.simulator.replies import to_reply, to_stream
from compat.simulator.tokens import prompt_tokens
from compat.simulator.usage import Usage
from compat.simulator.validation import checked
from compat.simulator.wire import encode

NAMES = st.sampled_from(
    [
        "contents",
        "parts",
        "role",
        "text",
        "tools",
        "functionDeclarations",
        "name",
        "parameters",
        "parametersJsonSchema",
        "type",
        "properties",
        "items",
        "required",
        "anyOf",
        "oneOf",
        "allOf",
        "$ref",
        "$defs",
        "enum",
        "generationConfig",
        "responseMimeType",
        "responseJsonSchema",
        "stopSequences",
        "thinkingConfig",
        "systemInstruction",
        "functionCall",
        "functionResponse",
        "response",
        "args",
        "inlineData",
        "mimeType",
        "data",
    ]
)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=8),
    st.sampled_from(["user", "model", "object", "string", "application/json", "#", "#/$defs/a"]),
)
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=4)),
    max_leaves=20,
)
SCHEMAS = st.dictionaries(NAMES, ANYTHING, max_size=5)
MODELS = st.sampled_from([facts for facts in CATALOGUE.values() if facts.kind in {"text", "gemma"}])


def answered(facts: ModelFacts, body: object) -> None:
    request, found = checked(facts, body, "generateContent")
    if not found:
        answer = make_answer(request, facts, "alpha", "id", Usage(prompt_tokens(request)), streamed=True)
        encode([to_reply(answer), *to_stream(answer)])


@settings(max_examples=150)
@given(MODELS, ANYTHING)
def test_any_json(facts, body):
    answered(facts, body)


@settings(max_examples=150)
@given(MODELS, SCHEMAS)
def test_any_schema_of_a_forced_call(facts, schema):
    function = {"name": "f", "parametersJsonSchema": schema}
    answered(
        facts,
        {
            "contents": [{"role": "user", "parts": [{"text": "both"}]}],
            "tools": [{"functionDeclarations": [function]}],
            "toolConfig": {"functionCallingConfig": {"mode": "ANY"}},
        },
    )


@settings(max_examples=150)
@given(MODELS, SCHEMAS)
def test_any_schema_of_the_answer(facts, schema):
    config = {"responseMimeType": "application/json", "responseJsonSchema": schema}
    answered(facts, {"contents": [{"parts": [{"text": "hi"}]}], "generationConfig": config})


def test_very_deep_json_is_refused():
    body: object = {}
    for _ in range(2_000):
        body = {"items": body}

    (violation,) = checked(CATALOGUE["gemini-3.8-flash"], body, "generateContent")[1]

    assert "Too many levels of nesting" in violation.message

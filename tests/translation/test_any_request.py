"""Whatever conversation a client sends, every model is asked something that Gemini takes."""

from hypothesis import given, settings
from hypothesis import strategies as st

from compat.translation.families import family_of
from tests.translation.translating import MODELS, PNG_URL, WEATHER, body, function_tool

_ids = st.sampled_from(["1", "2", "3", "", None, 7])
_names = st.sampled_from(["f", "g", "0day", "t__x", "with space", ""])
_text = st.sampled_from(["Hi", "", " ", '{"a":1}', "[1]", "\u2028", "null"])
_part = st.one_of(
    st.builds(lambda text: {"type": "text", "text": text}, _text),
    st.just({"type": "image_url", "image_url": {"url": PNG_URL, "detail": "high"}}),
)
_words = st.one_of(_text, st.lists(st.builds(lambda text: {"type": "text", "text": text}, _text), max_size=2))
_call = st.builds(
    lambda call_id, name, arguments, signature: {
        "id": call_id,
        "type": "function",
        "function": {"name": name, "arguments": arguments},
        "extra_content": {"google": {"thought_signature": "skip_thought_signature_validator"}} if signature else None,
    },
    _ids,
    _names,
    _text | st.none(),
    st.booleans(),
)


def _message(role, **members):
    return st.fixed_dictionaries({"role": st.just(role), **members})


def _conversation(pictures, tools):
    """A list of messages; models that speak hear texts only, and models without functions have no calls behind them."""
    content = st.one_of(_text, st.lists(_part, max_size=3)) if pictures else _words
    kinds = [
        _message("system", content=_words),
        _message("developer", content=_words),
        _message("user", content=content, name=st.none() | _text),
        _message("assistant", content=_words | st.none(), refusal=st.none() | _text),
        _message("tool", content=content | st.none(), tool_call_id=_ids),
        _message("function", content=_words | st.none(), name=_names),
    ]
    if tools:
        kinds += [
            _message("assistant", content=_words | st.none(), tool_calls=st.lists(_call, max_size=3)),
            _message("assistant", function_call=st.builds(lambda name: {"name": name, "arguments": "{}"}, _names)),
        ]
    return st.lists(st.one_of(kinds), min_size=1, max_size=8)


@st.composite
def _request(draw):
    model = draw(st.sampled_from(MODELS))
    family = family_of(model)
    tools = draw(
        st.lists(st.sampled_from([function_tool("f"), function_tool("0day", None), function_tool("t__x")]), max_size=1)
    )
    options = {
        "tools": tools or None,
        "tool_choice": draw(st.sampled_from([None, "auto", "none", "required"])),
        "reasoning_effort": draw(st.sampled_from([None, "none", "low", "max"])),
        "response_format": draw(
            st.sampled_from(
                [
                    None,
                    {"type": "json_object"},
                    {"type": "json_schema", "json_schema": {"name": "A", "schema": WEATHER}},
                ]
            )
        ),
        "max_tokens": draw(st.sampled_from([None, 1, 10_000_000])),
        "presence_penalty": draw(st.sampled_from([None, 2])),
        "temperature": draw(st.sampled_from([None, 2])),
    }
    return model, draw(_conversation(not family.speech, family.functions)), options


@settings(max_examples=300)
@given(_request())
def test_every_conversation_is_one_that_gemini_takes(request):
    model, messages, options = request
    made = body(model, messages=messages, **options)
    assert made["contents"][0]["role"] == "user"
    assert all(content["parts"] for content in made["contents"])

"""Thought signatures on the way in: the client's own, else our memory's, else the placeholder where Gemini demands one."""

import pytest

from compat.translation.families import family_of
from compat.translation.repairs import REPAIRS
from compat.translation.signatures import PLACEHOLDER, without_signatures
from tests.translation.translating import TEXT_MODELS, assistant, body, calls, contents, result, user

THREE, TWO = "gemini-3.8-flash", "gemini-2.5-flash"


def signed(pair, signature):
    made = calls(pair)
    made["tool_calls"][0]["extra_content"] = {"google": {"thought_signature": signature}}
    return made


def signatures(made):
    return [part.get("thoughtSignature") for content in made for part in content["parts"] if "functionCall" in part]


# The simulator would call these foreign, so bodies with signatures of clients are made for a model that it does not know.
UNKNOWN_THREE = "gemini-3.9-flash"


def test_the_clients_own_signature_goes_back():
    made = contents(user("a"), signed(("1", "f"), "b3du"), result("1"), model=UNKNOWN_THREE)
    assert signatures(made) == ["b3du"]


def test_without_it_the_memory_is_asked_by_id_and_generation():
    asked = []

    def recall(call_id, generation):
        asked.append((call_id, generation))
        return "bWVt"

    made = contents(user("a"), calls(("1", "f")), result("1"), model=UNKNOWN_THREE, recall=recall)
    assert (signatures(made), asked) == (["bWVt"], [("1", "3")])
    made = contents(user("a"), signed(("1", "f"), "b3du"), result("1"), model=UNKNOWN_THREE, recall=recall)
    assert signatures(made) == ["b3du"]


@pytest.mark.parametrize("model", [model for model in TEXT_MODELS if not model.startswith(("gemini-2", "gemma"))])
def test_without_both_the_first_call_of_each_step_of_the_turn_gets_the_placeholder(model):
    made = contents(
        user("a"), calls(("1", "f"), ("2", "g")), result("1"), result("2"), calls(("3", "f")), result("3"), model=model
    )
    assert signatures(made) == [PLACEHOLDER, None, PLACEHOLDER]


def test_earlier_turns_are_left_unsigned():
    made = contents(
        user("a"), calls(("1", "f")), result("1"), assistant("done"), user("b"), calls(("2", "f")), result("2")
    )
    assert signatures(made) == [None, PLACEHOLDER]


def test_a_text_of_the_user_behind_results_begins_a_turn():
    assert signatures(contents(user("a"), calls(("1", "f")), result("1"), user("b"))) == [None]


@pytest.mark.parametrize("model", [TWO, "gemini-2.0-flash", "gemma-4-31b-it"])
def test_models_that_demand_none_get_none(model):
    made = contents(user("a"), signed(("1", "f"), "b3du"), result("1"), model=model, recall=lambda *_: "bWVt")
    assert signatures(made) == [None]


def test_a_plain_answers_signature_goes_back_on_its_last_part():
    extra = {"google": {"thought_signature": "b3du"}}
    message = assistant([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}], extra_content=extra)
    made = contents(user("x"), message, user("y"), model=UNKNOWN_THREE)
    assert [part.get("thoughtSignature") for part in made[1]["parts"]] == [None, "b3du"]
    assert "thoughtSignature" not in contents(user("x"), message, user("y"), model=TWO)[1]["parts"][1]


@pytest.mark.parametrize(
    "extra", [None, "x", [], {}, {"google": None}, {"google": []}, {"google": {}}, {"google": {"thought_signature": 5}}]
)
def test_extra_content_of_another_shape_is_no_signature(extra):
    message = calls(("1", "f"))
    message["tool_calls"][0]["extra_content"] = extra
    assert signatures(contents(user("a"), message, result("1"))) == [PLACEHOLDER]


# --- Repairs ---------------------------------------------------------------------------------------------


def test_foreign_signatures_are_replaced_and_the_first_body_stays():
    made = body(
        UNKNOWN_THREE,
        messages=[
            user("a"),
            signed(("0", "f"), "b2xk"),
            result("0"),
            user("b"),
            signed(("1", "f"), "b3du"),
            result("1"),
        ],
    )
    before = str(made)
    mended = without_signatures(made)
    assert signatures(mended["contents"]) == [None, PLACEHOLDER]
    assert str(made) == before
    assert {**mended, "contents": None} == {**made, "contents": None}


@pytest.mark.parametrize(
    ("name", "members", "gone"),
    [
        ("penalty_refused", {"presence_penalty": 1, "frequency_penalty": 1}, ("presencePenalty", "frequencyPenalty")),
        ("logprobs_refused", {"logprobs": True, "top_logprobs": 2}, ("responseLogprobs", "logprobs")),
        ("thinking_refused", {"reasoning_effort": "low"}, ("thinkingConfig",)),
    ],
)
@pytest.mark.parametrize("model", ["gemini-2.5-flash-lite", "gemini-2.0-flash", THREE])
def test_a_refused_member_is_taken_out_and_nothing_else(name, members, gone, model):
    made = body(model, temperature=1, **members)
    mended = REPAIRS[name](made)
    kept = {key: value for key, value in made["generationConfig"].items() if key not in gone}
    assert mended == {**made, "generationConfig": kept}


def test_a_body_without_the_member_is_left_as_it_is():
    made = body()
    assert {**REPAIRS["penalty_refused"](made), "generationConfig": {}} == {**made, "generationConfig": {}}


@pytest.mark.parametrize("repair", REPAIRS.values(), ids=REPAIRS)
@pytest.mark.parametrize(
    "made", [{"requests": [{"content": {}}]}, {"contents": [{"role": "user", "parts": [{"text": "Hi"}]}]}]
)
def test_a_body_that_lacks_what_is_to_be_mended_is_still_a_body(repair, made):
    assert {**repair(made), "generationConfig": {}} == {**made, "generationConfig": {}}


def test_a_refused_instruction_leads_the_first_turn():
    made = body(messages=[{"role": "system", "content": "Be brief."}, user("Hi")])
    mended = REPAIRS["system_refused"](made)
    assert "systemInstruction" not in mended
    assert mended["contents"] == [{"role": "user", "parts": [{"text": "Be brief."}, {"text": "Hi"}]}]


def test_which_generation_a_model_is_of():
    names = {"gemini-2.5-pro": "2", "gemini-3.8-flash": "3", "gemini-4-argon": "4", "gemma-4-31b-it": "gemma"}
    assert {name: family_of(name).generation for name in names} == names

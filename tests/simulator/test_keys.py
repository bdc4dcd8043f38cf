"""How keys are sent, what their text says, and how they are refused."""

import pytest

from compat.simulator.faults import Fault
from compat.simulator.keys import read_key
from tests.simulator.asking import said

PATH = "/v1beta/models/gemini-3.8-flash:generateContent"


@pytest.mark.parametrize(
    ("text", "project", "paid", "faults"),
    [
        ("sim-alpha-1", "alpha", False, ()),
        ("sim-paid-alpha-1", "alpha", True, ()),
        ("sim-dead-beta-2", "beta", False, (Fault("dead"),)),
        ("sim-exhausted-day-beta-2", "beta", False, (Fault("exhausted-day"),)),
        ("sim-slow-500-beta", "beta", False, (Fault("slow", "500"),)),
        ("sim-slow-beta-500", "beta", False, (Fault("slow"),)),
        ("sim-flaky-3-paid-beta-x", "beta", True, (Fault("flaky", "3"),)),
        ("sim-paid-slow-20-overloaded-gamma", "gamma", True, (Fault("slow", "20"), Fault("overloaded"))),
        ("sim-dead", "shared", False, (Fault("dead"),)),
    ],
)
def test_a_key_says_what_it_is(text, project, paid, faults):
    key = read_key(text)

    assert (key.project, key.paid, key.faults) == (project, paid, faults)


def test_any_other_text_is_a_free_key_with_a_project_of_its_own():
    one, other = read_key("some-real-looking-key"), read_key("another-one")

    assert not one.paid
    assert one.project != other.project
    assert one.project == read_key("some-real-looking-key").project


def test_a_key_is_not_shown():
    assert "sim-alpha-1" not in repr(read_key("sim-alpha-1"))


@pytest.mark.parametrize(
    ("headers", "query", "status", "sentence"),
    [
        ({}, "", 403, "Method doesn't allow unregistered callers"),
        ({"authorization": "Bearer sim-alpha-1"}, "", 401, "Expected OAuth 2 access token"),
        (
            {"authorization": "Bearer x", "x-goog-api-key": "sim-alpha-1"},
            "",
            400,
            "Multiple authentication credentials",
        ),
        ({"x-goog-api-key": "sim-alpha-1"}, "?key=sim-alpha-1", 400, "Multiple authentication credentials"),
        ({"authorization": "Bearer x"}, "?key=sim-alpha-1", 400, "Multiple authentication credentials"),
    ],
)
async def test_exactly_one_credential_is_taken(gemini, headers, query, status, sentence):
    response = await gemini.client.post(PATH + query, json=said("hi"), headers=headers)

    assert response.status_code == status
    assert sentence in response.json()["error"]["message"]


async def test_a_key_may_stand_in_the_query(gemini):
    assert (await gemini.client.post(PATH + "?alt=json&key=sim-alpha-1", json=said("hi"))).status_code == 200


@pytest.mark.parametrize(
    ("trait", "status", "name", "reason", "sentence"),
    [
        ("dead", 400, "INVALID_ARGUMENT", "API_KEY_INVALID", "API key not valid. Please pass a valid API key."),
        ("expired", 400, "INVALID_ARGUMENT", "API_KEY_INVALID", "API key expired."),
        ("leaked", 403, "PERMISSION_DENIED", None, "Your API key was reported as leaked."),
        ("suspended", 403, "PERMISSION_DENIED", "CONSUMER_SUSPENDED", "Consumer 'api_key:sim-suspended-p-1' has been"),
        ("denied", 403, "PERMISSION_DENIED", None, "project has been denied access"),
        ("disabled", 403, "PERMISSION_DENIED", "SERVICE_DISABLED", "Generative Language API has not been used"),
        ("blocked", 403, "PERMISSION_DENIED", "API_KEY_IP_ADDRESS_BLOCKED", "IP address restriction"),
        ("blocked-service", 403, "PERMISSION_DENIED", "API_KEY_SERVICE_BLOCKED", "are blocked"),
        ("blocked-referrer", 403, "PERMISSION_DENIED", "API_KEY_HTTP_REFERRER_BLOCKED", "referer"),
        ("nolocation", 400, "FAILED_PRECONDITION", None, "User location is not supported for the API use."),
    ],
)
async def test_a_key_at_fault_is_refused_everywhere(gemini, trait, status, name, reason, sentence):
    key = f"sim-{trait}-p-1"
    listed = await gemini.client.get("/v1beta/models", headers={"x-goog-api-key": key})
    error = await gemini.error("gemini-3.8-flash", {"nonsense": 1}, key=key)

    assert listed.json()["error"] == error
    assert (error["code"], error["status"]) == (status, name)
    assert sentence in error["message"]
    assert [detail["reason"] for detail in error.get("details", ()) if "reason" in detail] == [reason] * bool(reason)


@pytest.mark.parametrize(
    ("trait", "status", "sentence"),
    [
        ("unpaid", 402, "Your prepayment credits are depleted."),
        ("bare429", 429, "Resource has been exhausted (e.g. check quota)."),
        ("nonew", 404, "This model models/gemini-3.8-flash is no longer available to new users."),
        ("overloaded", 503, "This model is currently experiencing high demand."),
        ("internal", 500, "An internal error has occurred."),
        ("deadline", 504, "Deadline expired"),
        ("exhausted-day", 429, "generate_content_free_tier_requests, limit: 20, model: gemini-3.8-flash"),
        ("exhausted-minute", 429, "limit: 10"),
        ("exhausted-tokens", 429, "generate_content_free_tier_input_token_count, limit: 250000"),
        ("limit0", 429, "limit: 0"),
    ],
)
async def test_a_key_out_of_luck_can_still_list_models(gemini, trait, status, sentence):
    key = f"sim-{trait}-p-1"
    listed = await gemini.client.get("/v1beta/models", headers={"x-goog-api-key": key})
    error = await gemini.error("gemini-3.8-flash", said("hi"), key=key)

    assert listed.status_code == 200
    assert error["code"] == status
    assert sentence in error["message"]


async def test_a_flaky_key_fails_each_nth_time(gemini):
    statuses = [(await gemini.post("gemini-3.8-flash", said("hi"), key="sim-flaky-3-p")).status_code for _ in range(6)]

    assert statuses == [200, 200, 503, 200, 200, 503]

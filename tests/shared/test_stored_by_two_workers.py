"""Responses that one worker stores or makes, and the other is asked about: PostgreSQL is all that they share of them."""

import time

import pytest


@pytest.fixture
def clients(two_workers):
    clients = two_workers.client_of_each()
    yield clients
    for client in clients:
        client.close()


def responses(model, **members):
    return {"model": model, "input": "Hi.", **members}


def test_what_one_stores_the_other_goes_on_from_at_once(clients, gemini, model):
    previous = None
    for number in range(20):
        answer = clients[number % 2].post("/v1/responses", json=responses(model, previous_response_id=previous))
        assert answer.status_code == 200, answer.text
        previous = answer.json()["id"]
    assert len(gemini.calls_of(model)[-1].json["contents"]) == 2 * 20 - 1


def test_one_stops_what_was_cancelled_through_the_other(clients, gemini, model):
    one, other = clients
    gemini.will_hang(model=model)
    made = one.post("/v1/responses", json=responses(model, background=True)).json()
    path = f"/v1/responses/{made['id']}"
    assert other.get(path).json()["status"] in {"queued", "in_progress"}
    assert other.post(f"{path}/cancel").json()["status"] == "cancelled"
    until = time.monotonic() + 10
    while (status := one.get(path).json()["status"]) != "cancelled" and time.monotonic() < until:
        time.sleep(0.2)
    assert status == "cancelled"


def test_a_stream_that_one_made_is_read_again_from_the_other(clients, gemini, model):
    one, other = clients
    told = one.post("/v1/responses", json=responses(model, background=True, stream=True)).text
    response_id = told.split('"id":"')[1].split('"')[0]
    assert other.get(f"/v1/responses/{response_id}?stream=true").text.replace(": keep-alive\n", "") == told


def test_a_stream_that_one_makes_is_followed_through_the_other(clients, gemini, model):
    one, other = clients
    first = b'data: {"candidates":[{"content":{"role":"model","parts":[{"text":"Well. "}]}}]}\n\n'
    gemini.will_stream(first, model=model, cut_after=len(first), cut="hang")
    begun = responses(model, background=True, stream=True)
    with one.stream("POST", "/v1/responses", json=begun) as made:
        lines = made.iter_lines()
        response_id = next(line for line in lines if "response.created" in line and "data:" in line)
        response_id = response_id.split('"id":"')[1].split('"')[0]
        told = next(line for line in lines if "output_text.delta" in line and "data:" in line)
        with other.stream("GET", f"/v1/responses/{response_id}?stream=true&starting_after=1") as followed:
            assert (
                next(line for line in followed.iter_lines() if "output_text.delta" in line and "data:" in line) == told
            )
    assert other.post(f"/v1/responses/{response_id}/cancel").json()["status"] == "cancelled"

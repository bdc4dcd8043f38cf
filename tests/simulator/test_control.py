"""Looking at the simulator and changing it while it runs."""

import httpx
import pytest

from compat.simulator.app import simulator
from tests.simulator.asking import NOON, said

FLASH = "gemini-3.8-flash"


async def control(asking, path, body):
    response = await asking.client.post(f"/control/{path}", json=body)
    assert response.status_code == 200, response.text
    return response.json()


async def test_calls_are_recorded(gemini, clock):
    await gemini.generate(FLASH, said("hello", store=False))
    clock.now += 5
    await gemini.post(FLASH, said("hello"), key="sim-dead-beta-1")

    record = (await gemini.client.get("/control/calls")).json()

    assert (record["total"], record["in_flight"]) == (2, 0)
    assert record["calls"] == [
        {"time": NOON, "key": "sim-alpha-1", "project": "alpha", "model": FLASH, "method": "generateContent",
         "status": 200, "completed": True, "closed_by_client_at": None, "ended_at": NOON, "store": False,
         "prompt_chars": 5, "body_bytes": 71},
        {"time": NOON + 5, "key": "sim-dead-beta-1", "project": "beta", "model": FLASH, "method": "generateContent",
         "status": 400, "completed": False, "closed_by_client_at": None, "ended_at": NOON + 5, "store": None,
         "prompt_chars": 0, "body_bytes": 0},
    ]  # fmt: skip


async def test_requests_that_could_be_stored_upstream_are_counted(gemini):
    for store in ({"store": False}, {"store": True}, {}):
        await gemini.generate(FLASH, said("hi", **store))
    await gemini.post(FLASH, said("hi"), method="countTokens")

    assert (await gemini.client.get("/control/calls")).json()["store_not_false"] == 2


async def test_calls_are_counted_by_status_and_project(gemini):
    await gemini.generate(FLASH, said("hi"))
    await gemini.generate(FLASH, said("hi"))
    await gemini.post(FLASH, said("hi"), key="sim-overloaded-beta")

    counts = (await gemini.client.get("/control/counts")).json()

    assert counts["by_status"] == {"200": 2, "503": 1}
    assert counts["by_project"] == [
        {"project": "alpha", "model": FLASH, "status": 200, "calls": 2},
        {"project": "beta", "model": FLASH, "status": 503, "calls": 1},
    ]


async def test_time_can_be_pushed_forward_and_set(limited):
    for _ in range(10):
        await limited.generate(FLASH, said("hi"))
    assert (await limited.post(FLASH, said("hi"))).status_code == 429

    state = await control(limited, "clock", {"advance": 60})
    assert state["now"] == NOON + 60
    assert (await limited.post(FLASH, said("hi"))).status_code == 200
    assert (await control(limited, "clock", {"now": NOON + 86_400}))["now"] == NOON + 86_400
    assert (await control(limited, "clock", {}))["used"] == {f"alpha/{FLASH}": {"rpm": 0, "tpm": 0, "rpd": 0}}


async def test_quotas_can_be_changed_and_what_was_used_stays_used(limited):
    await limited.generate(FLASH, said("hi"))

    state = await control(limited, "quota", {"projects": {"alpha": {"*": {"rpm": 1}}}})

    assert state["used"] == {f"alpha/{FLASH}": {"rpm": 1, "tpm": 1, "rpd": 1}}
    assert (await limited.post(FLASH, said("hi"))).status_code == 429
    assert (await limited.post(FLASH, said("hi"), key="sim-beta-1")).status_code == 200


@pytest.mark.parametrize("whom", [{"model": FLASH}, {"key": "sim-alpha-1"}, {"project": "alpha"}, {}])
async def test_faults_can_be_switched_on_and_off(gemini, whom):
    await control(gemini, "faults", {"fault": "overloaded", **whom})
    assert (await gemini.post(FLASH, said("hi"))).status_code == 503

    spared = {"model": ("gemini-3.6-flash", "sim-alpha-1"), "key": (FLASH, "sim-alpha-2"), "project": (FLASH, "sim-b")}
    for name in whom:
        model, key = spared[name]
        assert (await gemini.post(model, said("hi"), key=key)).status_code == 200

    await control(gemini, "faults", whom)
    assert (await gemini.post(FLASH, said("hi"))).status_code == 200


async def test_a_fault_can_be_for_a_number_of_calls(gemini):
    await control(gemini, "faults", {"fault": "dead", "key": "sim-alpha-1", "times": 2})

    assert [(await gemini.post(FLASH, said("hi"))).status_code for _ in range(3)] == [400, 400, 200]


async def test_reset_forgets_calls_quotas_and_faults(limited):
    await control(limited, "faults", {"fault": "overloaded"})
    await limited.post(FLASH, said("hi"))

    state = await control(limited, "reset", None)

    assert (state["used"], state["faults"]) == ({}, [])
    assert (await limited.client.get("/control/calls")).json()["calls"] == []


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("faults", {"fault": "nonsense"}),
        ("faults", {"fault": "dead", "model": FLASH}),
        ("faults", {"who": "me"}),
        ("quota", {"free": {"*": {"rps": 1}}}),
        ("clock", {"advance": "long"}),
    ],
)
async def test_a_control_body_that_does_not_fit_is_refused(gemini, path, body):
    assert (await gemini.client.post(f"/control/{path}", json=body)).status_code == 400


async def test_without_being_asked_for_control_is_closed():
    transport = httpx.ASGITransport(app=simulator())
    async with httpx.AsyncClient(transport=transport, base_url="http://gemini") as client:
        assert (await client.get("/control/calls")).status_code == 404

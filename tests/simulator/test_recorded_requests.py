"""What the real API took, the simulator takes as well."""

import json
from pathlib import Path

import pytest

from compat.simulator.validation import violations

RECORDED = json.loads((Path(__file__).parent / "recorded_requests.json").read_text())["requests"]


@pytest.mark.parametrize("name", RECORDED)
def test_a_recorded_request_is_found_valid(name):
    case = RECORDED[name]

    assert violations(case["model"], case["body"], case["method"]) == []


@pytest.mark.parametrize("name", RECORDED)
async def test_a_recorded_request_is_answered(name, gemini):
    case = RECORDED[name]
    # The recorded models were open to the recorder; the simulator's projects pay, so that none is closed.
    response = await gemini.post(case["model"], case["body"], method=case["method"], key="sim-paid-alpha-1")

    assert response.status_code == 200, response.text

"""What a request is charged, from what came of its calls."""

import pytest

from accounts.metering import TokenCounts
from accounts.pricing import price_of
from compat.relay.charge import charge_of
from compat.translation.usage import Usage

FLASH, PRO = "gemini-2.5-flash", "gemini-2.5-pro"
SAID = Usage(prompt=100, cached=40, tool_prompt=20, completion=7, reasoning=5, known=True)
COST = {model: price_of(model).cost(120, 12, cached=40) for model in (FLASH, PRO)}


def test_counts_are_those_of_a_usage_record():
    charge = charge_of([(SAID, FLASH, False)], SAID, exact=True)
    assert charge.counts == TokenCounts(prompt=120, cached=40, tool_prompt=20, completion=12, reasoning=5, total=132)
    assert (charge.counts_from, charge.cost, charge.paid) == ("upstream", COST[FLASH], 0)


def test_each_call_costs_what_its_own_model_does_and_paid_is_what_paid_keys_answered():
    charge = charge_of([(SAID, FLASH, False), (SAID, PRO, True)], SAID + SAID, exact=True)
    assert (charge.cost, charge.paid) == (COST[FLASH] + COST[PRO], COST[PRO])


@pytest.mark.parametrize("is_paid", [True, False])
def test_an_estimate_costs_as_one_call_of_the_first_model(is_paid):
    charge = charge_of([(Usage(), FLASH, False), (Usage(), PRO, is_paid)], SAID, exact=False)
    assert (charge.counts_from, charge.cost) == ("estimated", COST[FLASH])
    assert charge.paid == (charge.cost if is_paid else 0)


def test_a_request_that_no_attempt_answered_costs_nothing():
    charge = charge_of([], Usage(), exact=False)
    assert (charge.counts, charge.counts_from, charge.cost) == (TokenCounts(), "upstream", 0)

"""What holds for every test: helpers' assertions explain themselves, and no test meets what another left in memory."""

import pytest

pytest.register_assert_rewrite("tests.translation.translating", "tests.translation.answering")


@pytest.fixture(autouse=True)
def _nothing_remembered():
    """Forget keys, mappings, models, callers, limits and prices that an earlier test's database held."""
    from accounts import callers, failed_attempts, limits, pool, pricing
    from accounts.live.traffic import traffic
    from compat import catalogue, mapping
    from compat.relay import gone

    pool.reset()
    callers.forget()
    failed_attempts.forget()
    limits.forget()
    pricing.forget()
    traffic.forget()
    mapping.forget_mappings()
    catalogue.forget_offered()
    gone.forget_gone()

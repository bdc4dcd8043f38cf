"""Money, as it is counted in here: in whole nanodollars, so that sums stay exact, in memory and in Redis alike."""

from decimal import Decimal

NANO = 10**9


def to_dollars(nanodollars: int) -> Decimal:
    """Nanodollars as dollars."""
    return Decimal(nanodollars) / NANO

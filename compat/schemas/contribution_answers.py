"""What contributions answer, for the API document."""

from typing import Literal

from msgspec import Struct


class ContributionTerms(Struct):
    """What is agreed to with a contribution."""

    object: Literal["contribution.terms"]
    version: str
    terms: list[str]
    reciprocity: bool


class Contribution(Struct):
    """The receipt of a contribution. Its code is shown this once."""

    object: Literal["contribution"]
    status: Literal["received"]
    message: str
    receipt: str
    receipt_url: str

"""POST contributions."""

from typing import Annotated

from msgspec import Meta, Struct


class Hours(Struct, rename={"first": "from"}):
    """A stretch of the day in UTC, past midnight when `until` is not later than `from`."""

    first: Annotated[int, Meta(ge=0, le=23)]
    until: Annotated[int, Meta(ge=0, le=24)]


class ContributionRequest(Struct):
    """Keys that are lent, and what may be done with them."""

    key: Annotated[str, Meta(max_length=400)] | None = None
    keys: Annotated[list[Annotated[str, Meta(max_length=400)]], Meta(max_length=20)] | None = None
    consent: Annotated[str, Meta(max_length=16)] | bool = False
    """The version of the terms that is agreed to; true: the present one."""
    project: Annotated[str, Meta(max_length=80)] = ""
    paid: bool = False
    keep_share: Annotated[int, Meta(ge=0, le=90)] = 0
    """Per cent of the daily quota."""
    models: Annotated[list[Annotated[str, Meta(max_length=100)]], Meta(max_length=20)] = []
    hours_utc: Hours | None = None

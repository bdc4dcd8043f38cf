"""Quota tables from a name, from numbers or from JSON."""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from compat.simulator.quotas import FREE, PAID, UNLIMITED, Limits, Quotas, Table


class LimitsGiven(msgspec.Struct, forbid_unknown_fields=True):
    """Limits as written in JSON; a missing one is no limit."""

    rpm: int | None = None
    tpm: int | None = None
    rpd: int | None = None


TableGiven = dict[str, LimitsGiven]


class QuotasGiven(msgspec.Struct, forbid_unknown_fields=True):
    """`{"free": {pattern: limits}, "paid": {…}, "projects": {project: {pattern: limits}}}`, all optional."""

    free: TableGiven | None = None
    paid: TableGiven | None = None
    projects: dict[str, TableGiven] = {}


def _table(given: TableGiven) -> Table:
    return {pattern: Limits(limits.rpm, limits.tpm, limits.rpd) for pattern, limits in given.items()}


def read_tables(text: bytes) -> tuple[Table | None, Table | None, Mapping[str, Table]]:
    """The free, paid and per-project tables of a JSON text; raises msgspec.ValidationError with the path at fault."""
    given = msgspec.json.decode(text, type=QuotasGiven)
    free = None if given.free is None else _table(given.free)
    paid = None if given.paid is None else _table(given.paid)
    return free, paid, {project: _table(table) for project, table in given.projects.items()}


def unlimited() -> Quotas:
    """No limit anywhere, except that free keys still do not get the paid-only models."""
    return Quotas(free={"*": UNLIMITED}, paid={"*": UNLIMITED})


def flat(rpm: int | None = None, tpm: int | None = None, rpd: int | None = None) -> Quotas:
    """The same limits for every model, project and tier."""
    limits = Limits(rpm, tpm, rpd)
    return Quotas(free={"*": limits}, paid={"*": limits})


def quotas_named(name: str) -> Quotas:
    """`default`, `unlimited`, or the tables of a JSON file, completed by the default ones."""
    if name == "unlimited":
        return unlimited()
    if name == "default":
        return Quotas()
    free, paid, projects = read_tables(Path(name).read_bytes())
    return Quotas(FREE if free is None else free, PAID if paid is None else paid, projects)

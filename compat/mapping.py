"""Which Gemini models answer for a name: the mappings at hand, looked up without a database."""

import asyncio
import contextvars
import itertools
import logging
import random
import re
import time
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import NamedTuple

import msgspec
from django.db import DatabaseError

from accounts.in_db import in_db_soon
from accounts.remembered_settings import settings
from compat.errors import UnknownModel
from compat.models import ModelMapping

logger = logging.getLogger(__name__)

REMEMBER_SECONDS = 4.0
_REMEMBERED_NAMES = 1_000
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@+\-]{0,255}", re.ASCII)
_PASSES = re.compile(r"(?:gemini|gemma)-[A-Za-z0-9._\-]{1,100}", re.ASCII)
_GEMINI_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._\-]{0,100}", re.ASCII)


class Mapping(NamedTuple):
    """One model mapping as the relay needs it."""

    name: str
    strategy: str
    switch_minutes: int
    switch_requests: int
    targets: tuple[str, ...]
    weights: tuple[int, ...]
    dimensions: int | None
    listed: bool
    created: int
    turns: "itertools.count[int]"

    def in_turn(self, now: float) -> tuple[str, ...]:
        """The targets, the one whose turn it is first; the others follow in their order, as fall-backs."""
        if self.strategy == ModelMapping.Strategy.FAILOVER or len(self.targets) < 2:
            return self.targets
        if self.strategy == ModelMapping.Strategy.WEIGHTED:
            first = random.choices(range(len(self.targets)), self.weights)[0]  # noqa: S311 (spreads load)
        elif self.strategy == ModelMapping.Strategy.TIME:
            first = int(now // (60 * self.switch_minutes)) % len(self.targets)
        else:
            first = next(self.turns) // self.switch_requests % len(self.targets)
        return self.targets[first:] + self.targets[:first]


class Resolved(msgspec.Struct, frozen=True):
    """What a name means: the models to ask in order, and the vector length for embeddings."""

    targets: tuple[str, ...]
    dimensions: int | None = None


class Table:
    """Every enabled mapping, by exact name and by pattern (the longest pattern first)."""

    def __init__(self, mappings: list[Mapping]) -> None:
        self.exact = {mapping.name: mapping for mapping in mappings if not _is_pattern(mapping.name)}
        patterns = [mapping for mapping in mappings if _is_pattern(mapping.name)]
        self.patterns = sorted(patterns, key=lambda mapping: -len(mapping.name))
        self.matches: dict[str, Match] = {}
        """Where names that were asked for lead."""

    def find(self, name: str) -> Mapping | None:
        """The mapping for a name: its own row, else the most telling pattern."""
        exact = self.exact.get(name)
        if exact is not None:
            return exact
        return next((mapping for mapping in self.patterns if fnmatchcase(name, mapping.name)), None)


_table: Table | None = None
_stale_at = 0.0
_refreshing: asyncio.Task[None] | None = None


class Match(NamedTuple):
    """What a name was found to be."""

    how: str
    """`mapped`, `gemini` (it passes as it is), or `default`."""
    spelling: str
    """The spelling under which it was found."""
    mapping: Mapping | None
    targets: tuple[str, ...]
    """What is asked where there is no mapping."""


async def resolve(name: str) -> Resolved:
    """The models to ask for a name. Raises UnknownModel for one that is none, or unknown where those are refused."""
    found = match(_at_hand() or await mappings(), name)
    if found.mapping is None:
        return Resolved(found.targets)
    # What stands for every unknown name tells nothing of its vectors.
    dimensions = found.mapping.dimensions if found.how == "mapped" else None
    return Resolved(found.mapping.in_turn(time.time()), dimensions)


def match(table: Table, name: str) -> Match:
    """Where a name leads. Raises UnknownModel."""
    found = table.matches.get(name)
    if found is None:
        if len(table.matches) >= _REMEMBERED_NAMES:
            table.matches.clear()
        found = table.matches[name] = _match(table, name)
    return found


def _match(table: Table, name: str) -> Match:
    if not _NAME.fullmatch(name) or ".." in name:
        raise UnknownModel(f"The model {name[:64]!r} does not exist: that is no model name.", param="model")
    for spelling in spellings(name):
        found = table.find(spelling)
        if found is not None:
            return Match("mapped", spelling, found, ())
        if _PASSES.fullmatch(spelling):
            return Match("gemini", spelling, None, (spelling,))
    if name.startswith("models/") and _GEMINI_ID.fullmatch(name[7:]):
        return Match("gemini", name[7:], None, (name[7:],))
    if settings.UNKNOWN_MODELS == "refuse":
        raise UnknownModel(f"The model `{name}` does not exist or you do not have access to it.", param="model")
    return Match("default", settings.DEFAULT_MODEL, table.find(settings.DEFAULT_MODEL), (settings.DEFAULT_MODEL,))


@lru_cache(maxsize=_REMEMBERED_NAMES)
def spellings(name: str) -> tuple[str, ...]:
    """The names to look for: as it came, without `models/`, without a router's vendor/ and :variant."""
    plain = name.removeprefix("models/")
    bare = plain.rpartition("/")[2].partition(":")[0]
    return tuple(dict.fromkeys((name, plain, bare)))


async def mappings() -> Table:
    """The table at hand, or the first that is read."""
    return _at_hand() or await _refresh()


def _at_hand() -> Table | None:
    """The table, if one was read; one that is some seconds old is still used while a newer one is read."""
    global _refreshing
    if _table is not None and time.monotonic() > _stale_at and (_refreshing is None or _refreshing.done()):
        # A context of its own: the request that noticed does not wait for it.
        _refreshing = asyncio.get_running_loop().create_task(_refresh_quietly(), context=contextvars.Context())
    return _table


def forget_mappings(**_: object) -> None:
    """Read the mappings anew at the next request: they were changed in this process."""
    global _table
    _table = None


async def _refresh() -> Table:
    global _table, _stale_at
    previous = _table
    fresh = await in_db_soon(read_table)
    for name, mapping in fresh.exact.items():
        known = previous.exact.get(name) if previous else None
        if known is not None:
            fresh.exact[name] = mapping._replace(turns=known.turns)
    _table, _stale_at = fresh, time.monotonic() + REMEMBER_SECONDS
    return fresh


async def _refresh_quietly() -> None:
    try:
        await _refresh()
    except DatabaseError:
        logger.exception("the model mappings could not be read anew; the known ones stay")


def read_table() -> Table:
    """Every enabled mapping that has a target, as the database has it now."""
    rows = ModelMapping.objects.filter(enabled=True).prefetch_related("targets")
    return Table([_mapping(row) for row in rows if row.targets.all()])


def _mapping(row: ModelMapping) -> Mapping:
    targets = list(row.targets.all())
    return Mapping(
        row.name,
        row.strategy,
        row.switch_minutes,
        row.switch_requests,
        tuple(target.gemini_model for target in targets),
        tuple(target.weight for target in targets),
        row.dimensions,
        row.listed and not _is_pattern(row.name),
        int(row.created.timestamp()),
        itertools.count(),
    )


def _is_pattern(name: str) -> bool:
    return "*" in name or "?" in name

"""What would be asked for a model name, in which order and why: for the box in the admin that tries one."""

import time
from datetime import UTC, datetime
from typing import NamedTuple

from django.conf import settings
from django.utils.translation import gettext as _

from compat.errors import UnknownModel
from compat.mapping import Mapping, match, read_table
from compat.models import ModelMapping
from compat.relay.gone import known_gone


class Target(NamedTuple):
    """A Gemini model that would be asked."""

    model: str
    why: str
    gone: bool
    """Google said within a day that there is no such model any more: it is passed over."""


class Tried(NamedTuple):
    """Where a name leads."""

    name: str
    sentence: str
    targets: list[Target]
    mapping: str
    """The mapping's name; empty where none is used."""
    refused: bool = False


def try_name(name: str) -> Tried:
    """What a request for this name would do now. Reads the mappings from the database and takes no turn."""
    try:
        found = match(read_table(), name)
    except UnknownModel as error:
        return Tried(name, str(error.message), [], "", refused=True)
    if found.mapping is None:
        sentence = _("It is a Gemini model and no mapping names it, so it is asked as it is.")
        if found.how == "default":
            sentence = _("No mapping fits. Unknown names are answered by DEFAULT_MODEL, {model}.")
        return Tried(
            name, sentence.format(model=settings.DEFAULT_MODEL), [_target(found.targets[0], _("asked first"))], ""
        )
    return Tried(
        name, _sentence(name, found.how, found.spelling, found.mapping), _in_order(found.mapping), found.mapping.name
    )


def _sentence(name: str, how: str, spelling: str, mapping: Mapping) -> str:
    names = {"name": spelling, "mapping": mapping.name}
    if how == "default":
        return _("No mapping fits. Unknown names are answered as DEFAULT_MODEL, which is mapped: {mapping}.").format(
            **names
        )
    if mapping.name != spelling:
        return _("{name} fits the pattern {mapping}, the longest of those that fit.").format(**names)
    if spelling != name:
        return _("Without its prefix it is {name}, which is mapped by its own name.").format(**names)
    return _("It is mapped by its own name.")


def _in_order(mapping: Mapping) -> list[Target]:
    """The targets in the order of now; where chance or a count decides, in the order of the mapping."""
    match mapping.strategy:
        case ModelMapping.Strategy.TIME if len(mapping.targets) > 1:
            return _by_time(mapping, time.time())
        case ModelMapping.Strategy.WEIGHTED if len(mapping.targets) > 1:
            total = sum(mapping.weights)
            shares = [
                _("first in {weight} of {total} requests").format(weight=weight, total=total)
                for weight in mapping.weights
            ]
            return [_target(*pair) for pair in zip(mapping.targets, shares, strict=True)]
        case ModelMapping.Strategy.COUNT if len(mapping.targets) > 1:
            why = _("first for {count} requests in turn").format(count=mapping.switch_requests)
            return [_target(target, why) for target in mapping.targets]
    return _after_each_other(mapping.targets, _("asked first"))


def _by_time(mapping: Mapping, now: float) -> list[Target]:
    period = 60 * mapping.switch_minutes
    until = datetime.fromtimestamp((now // period + 1) * period, UTC)
    return _after_each_other(mapping.in_turn(now), _("first until {time} UTC").format(time=f"{until:%H:%M}"))


def _after_each_other(targets: tuple[str, ...], first: str) -> list[Target]:
    later = _("asked when those above have failed or have no quota left")
    return [_target(target, later if place else first) for place, target in enumerate(targets)]


def _target(model: str, why: str) -> Target:
    return Target(model, why, known_gone(model))

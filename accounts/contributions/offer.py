"""What somebody offers: keys and what may be done with them, checked alike for the page and for the API."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from django.utils.translation import gettext as _

from accounts.contributing import well_formed
from accounts.contributions.terms import VERSION
from accounts.redaction import redact
from accounts.secret import Secret

KEYS_AT_MOST = 20
KEEP_AT_MOST = 90
_MODELS_AT_MOST = 20
_PROJECT = re.compile(r"\w[\w .:()'\-]{0,79}")
_MODEL = re.compile(r"[\w.:/@+*?\-]{1,100}", re.ASCII)


class Unacceptable(Exception):
    """Something offered cannot be taken. `field` names it; the message never repeats a key."""

    def __init__(self, message: str, field: str) -> None:
        super().__init__(message)
        self.message = message
        self.field = field


@dataclass(frozen=True, slots=True)
class Caps:
    """What may be done with a key; the default is everything."""

    keep_share: int = 0
    """Per cent of the daily quota that the contributor keeps, 0 to 90."""
    models: tuple[str, ...] = ()
    """Patterns of Gemini models; empty: all."""
    hours: tuple[int, ...] = ()
    """Hours of the day in UTC, 0 to 23; empty: all."""
    paid: bool = False

    def __post_init__(self) -> None:
        """Refuse what is out of range. Raises Unacceptable."""
        if not 0 <= self.keep_share <= KEEP_AT_MOST:
            raise Unacceptable(_("The share to keep is 0 to {most} per cent.").format(most=KEEP_AT_MOST), "keep_share")
        if len(self.models) > _MODELS_AT_MOST or not all(_MODEL.fullmatch(model) for model in self.models):
            raise Unacceptable(
                _("Name up to {most} models, such as gemini-3.8-flash or gemini-*-flash.").format(most=_MODELS_AT_MOST),
                "models",
            )
        if not all(0 <= hour <= 23 for hour in self.hours):
            raise Unacceptable(_("Hours are 0 to 23."), "hours_utc")


@dataclass(frozen=True, slots=True)
class Offer:
    """Keys, the project they are of ("" when it was not told), and their caps."""

    keys: tuple[Secret, ...]
    project: str = ""
    caps: Caps = field(default_factory=Caps)

    def __post_init__(self) -> None:
        """Refuse a project name that is none. Raises Unacceptable."""
        if self.project and (not _PROJECT.fullmatch(self.project) or redact(self.project) != self.project):
            raise Unacceptable(_("A project's name is up to 80 letters, digits, spaces and . : ( ) ' -"), "project")


def read_keys(texts: Iterable[str], field: str = "keys") -> tuple[Secret, ...]:
    """The keys in some texts, one each, no key twice. Raises Unacceptable, which tells the place and not the text."""
    keys: dict[str, None] = {}
    for number, text in enumerate(texts, start=1):
        key = well_formed(text)
        if not key:
            raise Unacceptable(
                _("Key {number} is not the text of a Gemini API key. Was it copied whole?").format(number=number), field
            )
        keys[key] = None
    if not keys:
        raise Unacceptable(_("Send a Gemini API key."), field)
    if len(keys) > KEYS_AT_MOST:
        raise Unacceptable(_("Send at most {most} keys at a time.").format(most=KEYS_AT_MOST), field)
    return tuple(Secret(key) for key in keys)


def read_hours(first: int, until: int) -> tuple[int, ...]:
    """The hours from `first` up to but not including `until`, past midnight when that is not later. Equal: all day."""
    if not (0 <= first <= 23 and 0 <= until <= 24):
        raise Unacceptable(_("Hours are 0 to 24."), "hours_utc")
    return tuple((first + step) % 24 for step in range((until - first) % 24))


def require_consent(version: str) -> None:
    """Refuse what was not agreed to in its present words. Raises Unacceptable."""
    if version != VERSION:
        raise Unacceptable(
            _("Agree to the terms of {version}: read them and accept that version.").format(version=VERSION), "consent"
        )

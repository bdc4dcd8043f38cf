"""What a receipt's page tells: the state of each key in plain words, and how many requests it served on which day."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from django.conf import settings
from django.db.models import F, Sum
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop as N_

from accounts.contributions import acts
from accounts.contributions.offer import Caps
from accounts.models import ContributedKey, KeyCooldown, KeyDay, Receipt, ReceiptKey

_DAYS_SHOWN = 30

# Why the upstream takes a key no more, by the name of the failure; told only of keys that have served.
_REASONS = {
    "key_invalid": N_("Google says that it is not a valid key any more."),
    "key_leaked": N_("Google found it in public and blocked it. Make a new key and delete this one."),
    "key_restricted": N_("It is restricted to other addresses, sites or APIs in Google's console."),
    "key_refused": N_("Google refuses it."),
    "project_suspended": N_("Google has suspended its project."),
    "project_unpaid": N_("The project's prepaid credit is used up."),
    "api_disabled": N_("The Gemini API is switched off in its project."),
    "free_tier_not_here": N_("Its project needs billing in this server's region."),
}
_SWITCHED_OFF = N_("The operator of this server has switched it off.")
_TONES = {"serving": "good", "trial": "good", "paused": "warn", "resting": "warn", "idle": "bad", "stopped": "bad"}
_NOT_IN_USE = N_(
    "Nothing is sent with it. Google did not take it when it was checked (is it whole, is the Gemini API switched on in "
    "its project, is it free of restrictions?), or it cannot be used here, for instance because it was handed in "
    "before. You may replace it, or withdraw it."
)


@dataclass(frozen=True, slots=True)
class Told:
    """One key of a receipt, as its contributor sees it."""

    number: int
    ending: str
    state: str
    """received, waiting, trial, serving, resting, paused, idle, stopped or withdrawn."""
    title: str
    sentence: str
    caps: Caps | None
    """None where there is nothing to cap."""
    days: tuple[tuple[date, int], ...]
    """Requests answered, by Pacific day, the newest first."""

    @property
    def tone(self) -> str:
        """How the state is coloured: good, warn, bad or (empty) plain."""
        return _TONES.get(self.state, "")

    @property
    def served(self) -> int:
        """The sum of the days."""
        return sum(count for _, count in self.days)


def tell(receipt: Receipt) -> list[Told]:
    """Every key of a receipt, in three queries at most."""
    lines = list(receipt.keys.select_related("key"))
    days = _days(line.key_id for line in lines)
    resting = _resting([line.key for line in lines if line.key])
    return [_told(line, days.get(line.key_id, ()), resting) for line in lines]


def _told(line: ReceiptKey, days: tuple[tuple[date, int], ...], resting: set[str]) -> Told:
    state, title, sentence = _state(line, resting, has_served=bool(days))
    caps = acts.caps_of(line.key) if line.key and acts.is_in_hand(line) else None
    return Told(line.number, line.last_four, state, title, sentence, caps, days)


def _state(line: ReceiptKey, resting: set[str], *, has_served: bool) -> tuple[str, str, str]:
    key = line.key
    if line.withdrawn:
        day = date_format(line.withdrawn, "j F Y")
        return "withdrawn", _("Withdrawn"), _("Erased on {day}. Nothing of it is kept.").format(day=day)
    if acts.waits_for_gemini(line):
        return (
            "received",
            _("Received"),
            _(
                "This server runs on its built-in simulator at present, so your key lies sealed and nobody is asked "
                "about it. It will be checked when the server runs on Gemini."
            ),
        )
    if not line.decided:
        return "received", _("Received"), _("It will be checked soon. Come back in a few minutes.")
    if key is None or (key.state == ContributedKey.State.DISABLED and not has_served):
        return "idle", _("Not in use"), _(_NOT_IN_USE)
    if key.state == ContributedKey.State.DISABLED:
        return "stopped", _("Stopped"), _(_REASONS.get(key.reason, _SWITCHED_OFF))
    return _state_in_hand(key, resting)


def _state_in_hand(key: ContributedKey, resting: set[str]) -> tuple[str, str, str]:
    if key.paused:
        return "paused", _("Paused"), _("Nothing is sent with it until you resume.")
    if key.state == ContributedKey.State.WAITING:
        return (
            "waiting",
            _("Waiting for approval"),
            _("Google takes it. The operator looks at new keys before they are used."),
        )
    if key.hours_utc and timezone.now().hour not in key.hours_utc:
        return "resting", _("Resting"), _("It is outside the hours that you allow.")
    if key.state == ContributedKey.State.SUSPECTED:
        return (
            "resting",
            _("Resting"),
            _("Google has refused it once. Within minutes it is asked whether the key still holds."),
        )
    if key.quota_domain in resting:
        return "resting", _("Resting"), _("Its quota is used up, or Google asked for a pause. It goes on by itself.")
    if key.in_quarantine:
        return (
            "trial",
            _("On trial"),
            _("Google takes it. It is asked now and then until it has answered {count} requests.").format(
                count=settings.QUARANTINE_SUCCESSES
            ),
        )
    return "serving", _("Serving"), _("It takes its turn with the other keys. Thank you.")


def _days(key_ids: Iterable[object]) -> dict[object, tuple[tuple[date, int], ...]]:
    sums = (
        KeyDay.objects.filter(key__in=[key_id for key_id in key_ids if key_id])
        .order_by("-day")
        .values("key_id", "day")
        .annotate(served=Sum(F("requests") - F("refusals")))
    )
    found: dict[object, tuple[tuple[date, int], ...]] = {}
    for row in sums:
        if row["served"] > 0:
            found[row["key_id"]] = (*found.get(row["key_id"], ()), (row["day"], row["served"]))
    return {key_id: days[:_DAYS_SHOWN] for key_id, days in found.items()}


def _resting(keys: list[ContributedKey]) -> set[str]:
    """Quota domains that rest for every model; a rest for one model leaves a key serving others."""
    domains = {key.quota_domain for key in keys}
    rests = KeyCooldown.objects.filter(domain__in=domains, model="", until__gt=timezone.now())
    return set(rests.values_list("domain", flat=True))

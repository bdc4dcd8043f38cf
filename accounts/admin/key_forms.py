"""The forms about contributed keys: one key, many keys at once, a cooldown. None of them ever gives a key back."""

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.utils import timezone
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from accounts.admin.skin import ModelForm
from accounts.contributing import verdict_on
from accounts.models import ContributedKey
from accounts.pool.pacific import next_pacific_midnight
from accounts.redaction import redact


class NoKeyInNames:
    """A form with the label or the project of keys: every page shows them, so a key that is typed there is refused."""

    cleaned_data: dict[str, Any]

    def clean_label(self) -> str:
        """Refuse a label that looks like a key."""
        return _no_key(self.cleaned_data["label"])

    def clean_project(self) -> str:
        """Refuse a project that looks like a key."""
        return _no_key(self.cleaned_data["project"])


class KeyForm(NoKeyInNames, ModelForm[ContributedKey]):
    """What a person may say of a key."""

    class Meta:
        model = ContributedKey
        fields = ("label", "project", "paid", "owner")


class NewKeyForm(KeyForm):
    """As above, and the key itself, which no page ever gives back."""

    key_text = forms.CharField(
        label="Gemini API key",
        max_length=400,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text="It is sealed at once and never shown again.",
    )

    def clean_key_text(self) -> str:
        """Refuse what is no key and what is here already; the message never repeats the text."""
        text: str = self.cleaned_data["key_text"]
        verdict = verdict_on(text)
        if verdict == "malformed":
            raise forms.ValidationError("This is not the text of a Gemini API key.")
        if verdict == "duplicate":
            raise forms.ValidationError("This key is in the pool already.")
        return text


class CooldownForm(forms.Form):
    """For how long keys rest."""

    length = forms.ChoiceField(
        label="For how long",
        choices=[
            ("10", "ten minutes"),
            ("60", "an hour"),
            ("midnight", "until midnight Pacific, when the daily quotas begin anew"),
            ("1440", "a day"),
            ("10080", "a week"),
        ],
        initial="60",
        widget=UnfoldAdminSelectWidget,
    )

    def until(self) -> datetime:
        """The end of the cooldown."""
        now, chosen = timezone.now(), self.cleaned_data["length"]
        if chosen == "midnight":
            return datetime.fromtimestamp(next_pacific_midnight(now.timestamp()), tz=now.tzinfo)
        return now + timedelta(minutes=int(chosen))


class FactsForm(NoKeyInNames, forms.Form):
    """What many keys are to have in common; what is left empty stays as it is."""

    project = forms.CharField(
        required=False,
        max_length=100,
        widget=UnfoldAdminTextInputWidget,
        help_text="Keys of one project share its quota. “none” takes the project away.",
    )
    paid = forms.ChoiceField(
        label="Tier",
        required=False,
        choices=[("", "as it is"), ("yes", "paid: its project has billing"), ("no", "free")],
        widget=UnfoldAdminSelectWidget,
    )
    keep_share = forms.IntegerField(
        label="Kept share",
        required=False,
        min_value=0,
        max_value=90,
        widget=UnfoldAdminTextInputWidget(attrs={"inputmode": "numeric"}),
        help_text="Per cent of the daily quota that is left to its contributor, 0 to 90.",
    )
    allowed_models = forms.CharField(
        label="Models",
        required=False,
        widget=UnfoldAdminTextInputWidget,
        help_text="Gemini models with wild cards, separated by commas: gemini-3.8-flash, gemini-4-*. “all” allows all.",
    )
    hours_utc = forms.CharField(
        label="Hours (UTC)",
        required=False,
        max_length=100,
        widget=UnfoldAdminTextInputWidget,
        help_text="22-6 for 22:00 to 06:00, or single hours: 1, 2, 3. “all” allows the whole day.",
    )

    def clean_allowed_models(self) -> list[str]:
        """The patterns."""
        return [name.strip() for name in self.cleaned_data["allowed_models"].split(",") if name.strip()]

    def clean_hours_utc(self) -> list[int] | None:
        """The hours; None for what is left empty."""
        text = self.cleaned_data["hours_utc"].strip()
        if not text:
            return None
        try:
            return [] if text == "all" else _hours(text)
        except ValueError:
            raise forms.ValidationError("Hours are numbers from 0 to 23, such as 22-6 or 1, 2, 3.") from None

    def clean(self) -> dict[str, Any]:
        """Something must change."""
        cleaned = super().clean() or {}
        if not self.errors and not self.facts():
            raise forms.ValidationError("Nothing is to change: fill in at least one field.")
        return cleaned

    def facts(self) -> dict[str, object]:
        """The columns to set."""
        given = self.cleaned_data
        facts: dict[str, object] = {}
        if given.get("project"):
            facts["project"] = "" if given["project"] == "none" else given["project"]
        if given.get("paid"):
            facts["paid"] = given["paid"] == "yes"
        if given.get("keep_share") is not None:
            facts["keep_share"] = given["keep_share"]
        if given.get("allowed_models"):
            facts["allowed_models"] = [] if given["allowed_models"] == ["all"] else given["allowed_models"]
        if given.get("hours_utc") is not None:
            facts["hours_utc"] = given["hours_utc"]
        return facts


def _no_key(text: str) -> str:
    if redact(text) != text:
        raise forms.ValidationError("This looks like a key. It would be shown to everyone who sees this list.")
    return text


def _hours(text: str) -> list[int]:
    """The hours of “22-6” (up to the last one) or “1, 2, 3”. Raises ValueError."""
    if "-" in text:
        first, last = (int(part) for part in text.split("-"))
        if not (0 <= first <= 23 and 0 <= last <= 24) or first == last:
            raise ValueError(text)
        return sorted((first + step) % 24 for step in range((last - first) % 24 or 24))
    hours = sorted({int(part) for part in text.split(",")})
    if not all(0 <= hour <= 23 for hour in hours):
        raise ValueError(text)
    return hours

"""The forms of the contribution pages. What they take goes through offer.py, as what the API takes does."""

import re
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.contributions import terms
from accounts.contributions.offer import KEEP_AT_MOST, Caps, Offer, Unacceptable, read_hours, read_keys, require_consent

_SHARES = [(share, _("nothing") if share == 0 else f"{share} %") for share in range(0, KEEP_AT_MOST + 1, 10)]
_HOURS = [(hour, f"{hour:02}:00") for hour in range(24)]
_QUIET = {"autocomplete": "off", "spellcheck": "false", "autocapitalize": "off"}


class Unechoed(forms.Textarea):
    """A field whose text never comes back in a page."""

    def format_value(self, value: Any) -> None:
        """Nothing."""


class UnechoedLine(forms.TextInput):
    """The same in one line."""

    def format_value(self, value: Any) -> None:
        """Nothing."""


class CapsForm(forms.Form):
    """What may be done with a key."""

    keep_share = forms.ChoiceField(
        label=_("I keep for myself"),
        choices=_SHARES,
        required=False,
        help_text=_("The share of the daily quota that we leave alone."),
    )
    models = forms.CharField(
        label=_("Models"),
        required=False,
        max_length=400,
        widget=forms.TextInput(attrs={**_QUIET, "placeholder": _("all models")}),
        help_text=_("Which it may be used for, such as gemini-*-flash. Empty: all."),
    )
    hours_from = forms.ChoiceField(label=_("From"), choices=_HOURS, required=False)
    hours_until = forms.ChoiceField(label=_("until"), choices=_HOURS, required=False)
    paid = forms.ChoiceField(
        label=_("Tier"),
        choices=[("", _("free")), ("yes", _("paid: its project has billing, and use costs me money"))],
        required=False,
    )

    def __init__(self, *args: Any, caps: Caps | None = None, **kwargs: Any) -> None:
        """With `caps` the fields begin as these are."""
        super().__init__(*args, **kwargs)
        if caps is not None:
            self.initial = _initial(caps)
            if caps.keep_share not in dict(_SHARES):  # The API takes any share.
                share = self.fields["keep_share"]
                share.choices = sorted([*_SHARES, (caps.keep_share, f"{caps.keep_share} %")])  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        """Put the caps together as `caps`."""
        cleaned = super().clean() or {}
        if not self.errors:
            try:
                cleaned["caps"] = Caps(
                    int(cleaned["keep_share"] or 0),
                    tuple(re.findall(r"[^\s,;]+", cleaned["models"])),
                    read_hours(int(cleaned["hours_from"] or 0), int(cleaned["hours_until"] or 0)),
                    bool(cleaned["paid"]),
                )
            except Unacceptable as refusal:
                self.add_error(refusal.field if refusal.field in self.fields else None, refusal.message)
        return cleaned


class OfferForm(CapsForm):
    """A contribution. The keys are never put back into the page, also not beside a mistake."""

    keys = forms.CharField(
        label=_("Gemini API key"),
        max_length=6000,
        widget=Unechoed(attrs={**_QUIET, "rows": 3}),
        help_text=_("From Google AI Studio; it begins with AIza or AQ. Several: one a line."),
    )
    project = forms.CharField(
        label=_("Google project"),
        required=False,
        max_length=80,
        widget=forms.TextInput(attrs=_QUIET),
        help_text=_("If your keys are of one project, name it as you like: they share one quota."),
    )
    consent = forms.BooleanField(
        label=_("I have read this and agree"), error_messages={"required": _("Without your consent nothing is taken.")}
    )
    terms = forms.CharField(widget=forms.HiddenInput, initial=terms.VERSION)
    # For robots, which fill in whatever there is. People do not see it.
    website = forms.CharField(required=False, widget=forms.TextInput(attrs={"autocomplete": "off", "tabindex": "-1"}))

    field_order = ("keys", "project", "paid", "keep_share", "models", "hours_from", "hours_until", "consent")

    def clean(self) -> dict[str, Any]:
        """Put the offer together as `offer`."""
        cleaned = super().clean()
        if not self.errors:
            try:
                require_consent(cleaned["terms"])
                cleaned["offer"] = Offer(read_keys(cleaned["keys"].split()), cleaned["project"], cleaned["caps"])
            except Unacceptable as refusal:
                self.add_error(refusal.field, refusal.message)
        return cleaned


class ReplacementForm(forms.Form):
    """Another key in the place of one."""

    key = forms.CharField(label=_("New key"), max_length=400, widget=UnechoedLine(attrs=_QUIET))

    def clean_key(self) -> Any:
        """The key, sealed from the page."""
        try:
            return read_keys([self.cleaned_data["key"]])[0]
        except Unacceptable as refusal:
            raise forms.ValidationError(refusal.message) from None


def _initial(caps: Caps) -> dict[str, Any]:
    hours = set(caps.hours)
    # The hours are one stretch, perhaps past midnight: it begins where the hour before is not in it.
    first = next((hour for hour in sorted(hours) if (hour - 1) % 24 not in hours), 0)
    return {
        "keep_share": caps.keep_share,
        "models": " ".join(caps.models),
        "hours_from": first,
        "hours_until": (first + len(hours)) % 24,
        "paid": "yes" if caps.paid else "",
    }

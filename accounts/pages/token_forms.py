"""The forms of the token pages. They hold what a person may choose, and nothing else of a token."""

import re
from datetime import timedelta
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from accounts.callers import limits_of
from accounts.models import LIMIT_FIELDS, IssuedToken, User

_QUIET = {"autocomplete": "off", "spellcheck": "false", "autocapitalize": "off"}
_LASTS = [
    ("", _("until it is revoked")),
    *((str(days), format_lazy(_("{} days"), days)) for days in (1, 7, 30, 90, 365)),
]
LIMIT_LABELS = {
    "rpm": _("Requests a minute"),
    "tpm": _("Tokens a minute"),
    "rpd": _("Requests a day"),
    "max_parallel": _("Requests at once"),
    "daily_tokens": _("Tokens a day"),
    "monthly_tokens": _("Tokens a month"),
    "daily_cost": _("Cost a day (USD)"),
    "monthly_cost": _("Cost a month (USD)"),
}
TOKEN_FIELDS = ("name", "allowed_models", "allowed_networks", "scopes", *LIMIT_FIELDS)
_OVERLAPS = [
    (0, _("stops at once")),
    *((hours, format_lazy(_("holds for {} hours more"), hours)) for hours in (1, 24, 72, 168)),
]


class LinesField(forms.CharField):
    """A list, one a line."""

    widget = forms.Textarea(attrs={**_QUIET, "rows": 3, "class": "code"})

    def clean(self, value: Any) -> Any:
        """The words of the text."""
        return _words(super().clean(value))

    def prepare_value(self, value: Any) -> Any:
        """The text of a list."""
        return "\n".join(value) if isinstance(value, list) else value

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Spaces and line ends are no change."""
        return _words(data or "") != list(initial or [])


class TokenForm(forms.Form):
    """What a token of `user` is called and may do, never more than the user may."""

    name = forms.CharField(
        label=_("Name"),
        max_length=100,
        widget=forms.TextInput(attrs=_QUIET),
        help_text=_("What it is for, such as: laptop, chat server."),
    )
    scopes = forms.MultipleChoiceField(
        label=_("May be used for"),
        choices=[
            ("chat", _("chat and completions")),
            ("embeddings", _("embeddings")),
            ("audio", _("speech and transcriptions")),
            ("moderations", _("moderations")),
            ("usage", _("reading its own usage")),
            ("files", _("files and batches")),
        ],
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("None chosen: everything."),
    )
    allowed_models = LinesField(
        label=_("Models"),
        required=False,
        max_length=4000,
        help_text=_("Names or patterns, one a line, such as gpt-4* or gemini-3.8-flash. Empty: every model."),
    )
    allowed_networks = LinesField(
        label=_("Networks"),
        required=False,
        max_length=4000,
        help_text=_("Addresses or networks it may be sent from, one a line. Empty: anywhere."),
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        """Add a field for each limit; its help says what the user has."""
        super().__init__(*args, **kwargs)
        self._most = limits_of(user, user.plan)
        for name in LIMIT_FIELDS:
            self.fields[name] = self._limit_field(name)

    def _limit_field(self, name: str) -> forms.Field:
        most = getattr(self._most, name)
        field = IssuedToken._meta.get_field(name).formfield()  # type: ignore[union-attr]
        assert isinstance(field, forms.IntegerField | forms.DecimalField)  # noqa: S101
        field.label = LIMIT_LABELS[name]
        field.help_text = _("You have {}.").format(f"{most:,}") if most is not None else ""
        field.min_value = 0 if name.endswith("cost") else 1
        return field

    def clean(self) -> dict[str, Any]:
        """Refuse limits above the user's own."""
        cleaned = super().clean() or {}
        for name in LIMIT_FIELDS:
            asked, most = cleaned.get(name), getattr(self._most, name)
            if asked is not None and most is not None and asked > most:
                self.add_error(name, _("You have {} yourself: a token cannot have more.").format(f"{most:,}"))
        return cleaned

    @property
    def limits(self) -> list[forms.BoundField]:
        """The fields of the limits."""
        return [self[name] for name in LIMIT_FIELDS]

    def wanted(self) -> dict[str, Any]:
        """The arguments of change_token()."""
        return {name: self.cleaned_data[name] for name in TOKEN_FIELDS}

    def take_back(self, refused: ValidationError) -> None:
        """Show what the token itself refused, beside its field."""
        for name, messages in refused.message_dict.items():
            self.add_error(name if name in self.fields else None, messages)


class NewTokenForm(TokenForm):
    """A new one."""

    lasts = forms.ChoiceField(label=_("Holds"), choices=_LASTS, required=False)

    def wanted(self) -> dict[str, Any]:
        """The arguments of issue_token()."""
        days = int(self.cleaned_data["lasts"] or 0)
        return {"expires": timezone.now() + timedelta(days=days) if days else None, **super().wanted()}


class RotateForm(forms.Form):
    """How long the old token goes on."""

    hours = forms.TypedChoiceField(label=_("The old token"), choices=_OVERLAPS, coerce=int, initial=24)


def _words(text: str) -> list[str]:
    return re.findall(r"[^\s,;]+", text)

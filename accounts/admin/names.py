"""A form field for lists of names: one a line or separated by commas for people, a list for the model."""

import json
from typing import Any

from django import forms
from unfold.widgets import UnfoldAdminTextareaWidget


class NamesField(forms.CharField):
    """Gives a list of names; a JSON list is understood as well, as the column holds one."""

    widget = UnfoldAdminTextareaWidget

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, widget=self.widget(attrs={"rows": 3, "spellcheck": "false"}), **kwargs)

    def prepare_value(self, value: Any) -> Any:
        """The names as lines; what was typed stays as it was typed."""
        return "\n".join(map(str, value)) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        """The names of the text, without the empty ones."""
        text = "" if value is None else str(value).strip()
        if text.startswith("["):
            try:
                return json.loads(text)
            except ValueError:
                raise forms.ValidationError("A name has no brackets.") from None
        return [name.strip() for name in text.replace(",", "\n").splitlines() if name.strip()]

    def has_changed(self, initial: Any, data: Any) -> bool:
        """True when the list is another one, however it is written."""
        try:
            return bool((initial or []) != self.to_python(data))
        except forms.ValidationError:
            return True

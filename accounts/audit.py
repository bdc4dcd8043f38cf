"""The audit log: what members of staff and the commands of the operator did, told without secrets."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.db.models import Model, QuerySet
from django.forms import BaseForm, ModelChoiceField

from accounts.models import StaffAct, User
from accounts.redaction import redact

COMMAND_LINE = "command line"
_HIDDEN = "hidden"
_SECRET_FIELDS = frozenset(
    {"key_text", "keys", "password", "password1", "password2", "usable_password", "old_password"}
)
_LONGEST = 200

Changes = Mapping[str, tuple[str, str]]
"""Field → (what it was, what it became)."""


def record(actor: User | None, act: str, *, table: str = "", name: str = "", changes: Changes | None = None) -> None:
    """Write down an act that concerns no single row; without an actor it was a command of the operator."""
    _act(actor, act, table=table, name=name, changes=changes).save(force_insert=True)


def record_on(actor: User | None, act: str, rows: Iterable[Model], changes: Changes | None = None) -> None:
    """Write down the same act on each of these rows."""
    StaffAct.objects.bulk_create(
        [
            _act(actor, act, table=str(row._meta.verbose_name), row=str(row.pk), name=str(row), changes=changes)
            for row in rows
        ]
    )


def changes_in(form: BaseForm, formsets: Iterable[Any] | None = None) -> Changes:
    """What a saved form changed; of secrets only that they did."""
    changes = {name: _change(form, name) for name in form.changed_data}
    for formset in formsets or ():
        changes |= {_name_of(row): ("", "added") for row in formset.new_objects}
        changes |= {_name_of(row): ("", f"changed: {', '.join(fields)}") for row, fields in formset.changed_objects}
        changes |= {_name_of(row): ("", "removed") for row in formset.deleted_objects}
    return changes


def _change(form: BaseForm, name: str) -> tuple[str, str]:
    if name in _SECRET_FIELDS:
        return _HIDDEN, _HIDDEN
    before, field = form.get_initial_for_field(form.fields[name], name), form.fields[name]
    if isinstance(field, ModelChoiceField) and before and not isinstance(before, list | Model | QuerySet):
        before = field.queryset.filter(pk=before).first() if field.queryset is not None else before
    return _text(before), _text(form.cleaned_data.get(name))


def _name_of(row: Model) -> str:
    return _text(f"{row._meta.verbose_name} {row}")


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, list | tuple | set | QuerySet):
        return _text(", ".join(map(str, value)))
    return redact(str(value))[:_LONGEST]


def _act(
    actor: User | None, act: str, *, table: str = "", row: str = "", name: str = "", changes: Changes | None = None
) -> StaffAct:
    return StaffAct(
        actor=actor.username if actor else COMMAND_LINE,
        actor_number=actor.pk if actor else None,
        act=act[:80],
        table=table[:64],
        row=row[:64],
        name=_text(name),
        changes={field: list(pair) for field, pair in (changes or {}).items()},
    )

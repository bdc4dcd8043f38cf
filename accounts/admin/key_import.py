"""The pages on which many keys are brought at once, and on which one sees how far that has come."""

from typing import Any

from django import forms
from django.contrib.admin import ModelAdmin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from unfold.widgets import (
    UnfoldAdminFileFieldWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanWidget,
)

from accounts import audit
from accounts.admin.key_forms import NoKeyInNames
from accounts.key_lines import MOST_BYTES, MOST_LINES, Line, Unreadable, read_lines
from accounts.key_tasks import LETTERS, start_import
from accounts.models import ContributedKey, KeyTask

_FORM_AROUND = 64 * 1024
_LINES_A_PAGE = 200
_REFRESH_SECONDS = 1


class ImportForm(NoKeyInNames, forms.Form):
    """Keys as text or as a file, and what is to hold for all of them."""

    keys = forms.CharField(
        label="Keys",
        required=False,
        strip=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 8, "autocomplete": "off", "spellcheck": "false"}),
        help_text="One a line. After a comma the line may name the Google project that its key belongs to.",
    )
    file = forms.FileField(
        label="Or a file",
        required=False,
        allow_empty_file=True,
        widget=UnfoldAdminFileFieldWidget,
        help_text=f"Plain text, at most {MOST_LINES:,} lines or {MOST_BYTES // 1024 // 1024} MiB. It is kept in memory only.",
    )
    label = forms.CharField(
        required=False, max_length=100, widget=UnfoldAdminTextInputWidget, help_text="A name to know them by."
    )
    project = forms.CharField(
        required=False,
        max_length=100,
        widget=UnfoldAdminTextInputWidget,
        help_text="For lines that name none. Empty: each key has a project of its own.",
    )
    paid = forms.BooleanField(
        required=False,
        widget=UnfoldBooleanWidget,
        help_text="Their projects have billing: no free-tier quota is assumed.",
    )
    checked = forms.BooleanField(
        label="Check first",
        required=False,
        initial=True,
        widget=UnfoldBooleanWidget,
        help_text="Ask Google about each new key, by a call that costs nothing, before it is used.",
    )

    lines: list[Line]
    too_large = ""

    @method_decorator(sensitive_variables())
    def clean(self) -> dict[str, Any]:
        """There is one list, and it can be read. The messages repeat nothing of it."""
        cleaned = super().clean() or {}
        text, file = cleaned.get("keys") or "", cleaned.get("file")
        if bool(text.strip()) == bool(file):
            raise forms.ValidationError("Paste the keys or choose a file: one of the two.")
        try:
            self.lines = read_lines(file.read() if file else text.encode("utf-8", "replace"))
        except Unreadable as error:
            raise forms.ValidationError(str(error)) from None
        if not any(line.key for line in self.lines):
            raise forms.ValidationError("There is no key in it.")
        return cleaned


@csrf_exempt  # and checked below: what is too large is told in a sentence before the form is read
def import_keys(request: HttpRequest, model_admin: "ModelAdmin[ContributedKey]") -> HttpResponse:
    """The form, and the start of an import."""
    if not model_admin.has_add_permission(request):
        raise PermissionDenied
    if int(request.META.get("CONTENT_LENGTH") or 0) > MOST_BYTES + _FORM_AROUND:
        form = ImportForm()
        form.too_large = (
            f"This is larger than {MOST_BYTES // 1024 // 1024} MiB. Split it and import one part at a time."
        )
        return _form_page(request, model_admin, form, status=413)
    return _import(request, model_admin)


@csrf_protect
@sensitive_post_parameters("keys")
def _import(request: HttpRequest, model_admin: "ModelAdmin[ContributedKey]") -> HttpResponse:
    form = ImportForm(request.POST, request.FILES) if request.method == "POST" else ImportForm()
    if not form.is_bound or not form.is_valid():
        return _form_page(request, model_admin, form, status=400 if form.is_bound else 200)
    given = form.cleaned_data
    task = start_import(
        form.lines,
        request.user,  # type: ignore[arg-type]
        {
            "source": ContributedKey.Source.ADMIN,
            "label": given["label"],
            "project": given["project"],
            "paid": given["paid"],
        },
        checked=given["checked"],
    )
    name = f"{sum(bool(line.key) for line in form.lines)} keys"
    audit.record(request.user, "imported", table="contributed key", name=name)  # type: ignore[arg-type]
    return HttpResponseRedirect(reverse("admin:accounts_contributedkey_task", args=[task.pk]))


def show_task(request: HttpRequest, pk: Any, model_admin: "ModelAdmin[ContributedKey]") -> HttpResponse:
    """How far an import or a check has come, and the verdict on each line. While it runs the page loads itself anew."""
    if not model_admin.has_view_permission(request):
        raise PermissionDenied
    task = get_object_or_404(KeyTask, pk=pk)
    is_running = task.finished is None and not task.is_stalled
    only = request.GET.get("only", "")
    context = {
        **model_admin.admin_site.each_context(request),
        "title": "Import of keys" if task.kind == KeyTask.Kind.IMPORT else "Check of keys",
        "subtitle": None,
        "opts": model_admin.opts,
        "task": task,
        "is_running": is_running,
        "refresh": _REFRESH_SECONDS,
        "counts": sorted(task.counts.items(), key=lambda item: -item[1]),
        "verdicts": LETTERS.values(),
        "only": only,
        **_lines(task, only, request.GET.get("from", "")),
    }
    return TemplateResponse(request, "accounts/admin/key_task.html", context)


def _lines(task: KeyTask, only: str, start: str) -> dict[str, Any]:
    """A page of (line number, verdict), and the number at which the next page begins."""
    first = int(start) if start.isascii() and start.isdigit() and len(start) < 9 else 1
    rows = [
        (number, LETTERS[letter])
        for number, letter in enumerate(task.letters, 1)
        if number >= first and only in ("", LETTERS[letter])
    ]
    return {"lines": rows[:_LINES_A_PAGE], "next_from": rows[_LINES_A_PAGE][0] if len(rows) > _LINES_A_PAGE else None}


def _form_page(
    request: HttpRequest, model_admin: "ModelAdmin[ContributedKey]", form: ImportForm, *, status: int
) -> HttpResponse:
    context = {
        **model_admin.admin_site.each_context(request),
        "title": "Import keys",
        "subtitle": None,
        "opts": model_admin.opts,
        "form": form,
        "media": model_admin.media + form.media,
    }
    return TemplateResponse(request, "accounts/admin/key_import.html", context, status=status)

"""Model mappings: which Gemini models answer for a name, edited as an ordered list."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _

from accounts.admin.base import ModelAdmin
from accounts.admin.skin import ModelForm, TabularInline
from compat.models import MappingTarget, ModelMapping
from compat.trying import try_name

_SHOWN_TARGETS = 4


class MappingForm(ModelForm[ModelMapping]):
    """A name that a client could send, or a pattern of such names."""

    class Meta:
        model = ModelMapping
        fields = ("name", "strategy", "switch_minutes", "switch_requests", "enabled", "listed", "dimensions")

    def clean_name(self) -> str:
        """Refuse space and control characters inside the name: no request could match it."""
        name: str = self.cleaned_data["name"].strip()
        if not name.isprintable() or " " in name:
            raise forms.ValidationError("A model name has no spaces.")
        return name


class TargetInline(TabularInline[MappingTarget, ModelMapping]):
    """The targets in the order in which they are asked."""

    model = MappingTarget
    fields = ("position", "gemini_model", "weight")
    ordering_field = "position"
    extra = 0
    min_num = 1

    def get_formset(self, request: HttpRequest, obj: ModelMapping | None = None, **kwargs: Any) -> Any:
        """A mapping without a target would answer nothing: at least one is asked for."""
        return super().get_formset(request, obj, **{**kwargs, "validate_min": True})


@admin.register(ModelMapping)
class ModelMappingAdmin(ModelAdmin[ModelMapping]):
    """What a client asks for and who answers."""

    when_empty = "Without a mapping only Gemini's own names are answered."
    form = MappingForm
    inlines = (TargetInline,)
    list_display = ("name", "chain", "turns", "enabled", "listed", "dimensions")
    list_filter = ("enabled", "strategy", "listed")
    search_fields = ("name", "targets__gemini_model")
    search_help_text = "Part of a name or of a Gemini model"
    actions = ("enable", "disable")
    fieldsets = (
        (None, {"fields": ("name", "enabled", "listed")}),
        ("Turns", {"fields": ("strategy", "switch_minutes", "switch_requests")}),
        ("Embeddings", {"fields": ("dimensions",)}),
    )

    change_list_template = "compat/admin/mapping_list.html"

    def get_urls(self) -> list[URLPattern]:
        """And the page that tries a name."""
        trying = path("try/", self.admin_site.admin_view(self.try_view), name="compat_modelmapping_try")
        return [trying, *super().get_urls()]

    def try_view(self, request: HttpRequest) -> HttpResponse:
        """Who would answer for `?name=`, in which order and why."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        name = request.GET.get("name", "").strip()[:300]
        tried = try_name(name) if name else None
        row = ModelMapping.objects.filter(name=tried.mapping).first() if tried and tried.mapping else None
        context = {
            **self.admin_site.each_context(request),
            "title": _("Try a name"),
            "subtitle": None,
            "opts": self.opts,
            "tried": tried,
            "mapping_url": reverse("admin:compat_modelmapping_change", args=[row.pk]) if row else "",
        }
        return TemplateResponse(request, "compat/admin/try_name.html", context)

    def get_queryset(self, request: HttpRequest) -> QuerySet[ModelMapping]:
        """Each mapping with its targets."""
        return super().get_queryset(request).prefetch_related("targets")

    @admin.display(description="asks")
    def chain(self, mapping: ModelMapping) -> str:
        """The targets in order: “gemini-1.5-pro, then gemini-3.8-flash”."""
        targets = [target.gemini_model for target in mapping.targets.all()]
        if not targets:
            return "nothing: it has no target"
        more = f", then {len(targets) - _SHOWN_TARGETS} more" if len(targets) > _SHOWN_TARGETS else ""
        return "→ " + ", then ".join(targets[:_SHOWN_TARGETS]) + more

    @admin.display(description="turns", ordering="strategy")
    def turns(self, mapping: ModelMapping) -> str:
        """How the targets take turns."""
        match mapping.strategy:
            case ModelMapping.Strategy.TIME:
                return f"every {mapping.switch_minutes} minutes"
            case ModelMapping.Strategy.COUNT:
                return f"every {mapping.switch_requests} requests"
        return ModelMapping.Strategy(mapping.strategy).label

    @admin.action(description="Enable", permissions=["change"])
    def enable(self, request: HttpRequest, queryset: QuerySet[ModelMapping]) -> None:
        """The names are mapped again."""
        self.act_on(request, queryset, lambda mapping: _switch(mapping, on=True), "enabled")

    @admin.action(description="Disable", permissions=["change"])
    def disable(self, request: HttpRequest, queryset: QuerySet[ModelMapping]) -> None:
        """The names count as unknown."""
        self.act_on(request, queryset, lambda mapping: _switch(mapping, on=False), "disabled")


def _switch(mapping: ModelMapping, *, on: bool) -> bool:
    # save() and not update(): its signal makes this process read the mappings anew.
    changed = mapping.enabled is not on
    if changed:
        mapping.enabled = on
        mapping.save(update_fields=["enabled", "updated"])
    return changed

"""django-unfold's classes with the types of Django's own: unfold has none, and is Django's admin in another skin."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin as ModelAdmin
    from django.contrib.admin import TabularInline as TabularInline
    from django.contrib.admin.views.main import ChangeList as ChangeList
    from django.forms import ModelForm as ModelForm

    F = TypeVar("F", bound=Callable[..., Any])

    def display(*, description: str, label: dict[str, str], ordering: str | None = None) -> Callable[[F], F]:
        """A column of coloured labels."""
else:
    import unfold.fields
    from django.forms import ModelForm as PlainModelForm
    from django.utils.text import capfirst
    from unfold.admin import ModelAdmin as PlainModelAdmin
    from unfold.admin import TabularInline as PlainTabularInline
    from unfold.decorators import display as display
    from unfold.views import ChangeList as ChangeList

    # Where Pygments happens to be installed, unfold colours JSON by inline styles, which the content policy refuses.
    unfold.fields.prettify_json = lambda data, encoder: None

    class ModelAdmin(PlainModelAdmin):
        """Takes the type parameter that Django's stubs want."""

        def __class_getitem__(cls, model):
            return cls

    class TabularInline(PlainTabularInline):
        """Takes the type parameters that Django's stubs want."""

        def __class_getitem__(cls, models):
            return cls

        def formfield_for_dbfield(self, db_field, request, **kwargs):
            """Django's, with a name for those who do not see the head of its column."""
            field = super().formfield_for_dbfield(db_field, request, **kwargs)
            if field is not None:
                field.widget.attrs.setdefault("aria-label", capfirst(db_field.verbose_name))
            return field

    class ModelForm(PlainModelForm):
        """Takes the type parameter that Django's stubs want."""

        def __class_getitem__(cls, model):
            return cls

"""Prices that go before the bundled ones."""

from django.contrib import admin

from accounts.admin.base import ModelAdmin
from accounts.models import ModelPrice


@admin.register(ModelPrice)
class ModelPriceAdmin(ModelAdmin[ModelPrice]):
    """What a million tokens cost, where the bundled price does not fit or there is none."""

    when_empty = "The prices that come with the server hold. Add one where yours differs, or for a model that has none."
    list_display = ("model", "prompt", "cached", "completion")
    search_fields = ("model",)
    search_help_text = "Part of a model's name"
    fieldsets = (
        (
            None,
            {
                "fields": ("model", "prompt", "cached", "completion"),
                "description": "US dollars for a million tokens. Users are charged them whichever key answers, a free one too.",
            },
        ),
    )

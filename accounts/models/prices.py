"""Prices of Gemini models, where the bundled ones do not fit."""

from django.core.validators import MinValueValidator
from django.db import models

_not_negative = [MinValueValidator(0)]


class ModelPrice(models.Model):
    """What a million tokens of a model cost; it goes before the bundled price."""

    model = models.CharField(
        max_length=100,
        unique=True,
        help_text="A Gemini model, or a pattern such as gemini-4-*: the longest that fits holds.",
    )
    prompt = models.DecimalField("prompt (USD)", max_digits=12, decimal_places=6, validators=_not_negative)
    cached = models.DecimalField(
        "cached prompt (USD)",
        max_digits=12,
        decimal_places=6,
        null=True,
        blank=True,
        validators=_not_negative,
        help_text="Empty: as the prompt.",
    )
    completion = models.DecimalField("completion (USD)", max_digits=12, decimal_places=6, validators=_not_negative)

    class Meta:
        ordering = ("model",)

    def __str__(self) -> str:
        return self.model

"""The limits that a plan, a user or an issued token may carry."""

from django.core.validators import MinValueValidator
from django.db import models

_positive = [MinValueValidator(1)]


class Limits(models.Model):
    """Limits and budgets; an empty field is no limit of its own.

    Limits hold in windows that slide (a minute, a day); budgets hold for a calendar day or month.
    """

    rpm = models.PositiveIntegerField("requests a minute", null=True, blank=True, validators=_positive)
    tpm = models.PositiveBigIntegerField("tokens a minute", null=True, blank=True, validators=_positive)
    rpd = models.PositiveIntegerField("requests a day", null=True, blank=True, validators=_positive)
    max_parallel = models.PositiveIntegerField("requests at once", null=True, blank=True, validators=_positive)
    daily_tokens = models.PositiveBigIntegerField("tokens a day", null=True, blank=True)
    monthly_tokens = models.PositiveBigIntegerField("tokens a month", null=True, blank=True)
    daily_cost = models.DecimalField("cost a day (USD)", max_digits=12, decimal_places=6, null=True, blank=True)
    monthly_cost = models.DecimalField("cost a month (USD)", max_digits=12, decimal_places=6, null=True, blank=True)

    class Meta:
        abstract = True


LIMIT_FIELDS = tuple(field.name for field in Limits._meta.local_fields)

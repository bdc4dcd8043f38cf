"""What the pool knows of quotas, and what happened to keys."""

from django.core.validators import MinValueValidator
from django.db import models
from django.utils import timezone

_positive = [MinValueValidator(1)]


class QuotaFields(models.Model):
    """Gemini's three limits of a project for one model; empty: none is known."""

    rpm = models.PositiveIntegerField("requests a minute", null=True, blank=True, validators=_positive)
    tpm = models.PositiveBigIntegerField("input tokens a minute", null=True, blank=True, validators=_positive)
    rpd = models.PositiveIntegerField("requests a day", null=True, blank=True, validators=_positive)

    class Meta:
        abstract = True


class TierQuota(QuotaFields):
    """What to assume of a project until the upstream names its limits. The first row that fits, by position, counts."""

    pattern = models.CharField(
        max_length=100, help_text="Gemini models, with wild cards: gemini-3.8-flash, gemini-4-*."
    )
    paid = models.BooleanField(default=False)
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ("position", "id")
        verbose_name_plural = "tier quotas"

    def __str__(self) -> str:
        return f"{self.pattern} ({'paid' if self.paid else 'free'})"


class LearnedQuota(QuotaFields):
    """The limits that the upstream named for one quota domain and model."""

    domain = models.CharField(max_length=120)
    model = models.CharField(max_length=100)
    learned = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ("domain", "model")
        verbose_name_plural = "learned quotas"
        constraints = (models.UniqueConstraint(fields=["domain", "model"], name="one_quota_a_domain_and_model"),)

    def __str__(self) -> str:
        return f"{self.model}: {self.rpm or '–'} a minute, {self.rpd or '–'} a day"


class KeyEvent(models.Model):
    """A key or its quota domain changed its state. It knows no user, token or request."""

    at = models.DateTimeField(default=timezone.now, db_index=True)
    key = models.ForeignKey("accounts.ContributedKey", on_delete=models.CASCADE, null=True, related_name="events")
    domain = models.CharField(max_length=120, db_index=True)
    model = models.CharField(max_length=100, blank=True)
    was = models.CharField(max_length=16)
    became = models.CharField(max_length=16)
    reason = models.CharField(max_length=64, blank=True)
    until = models.DateTimeField(null=True)

    class Meta:
        ordering = ("-at",)

    def __str__(self) -> str:
        return f"{self.was} → {self.became}: {self.reason}"


class LedgerState(models.Model):
    """What a quota domain's ledger for one model knows besides counts of days, for the process that comes after this one."""

    domain = models.CharField(max_length=120)
    model = models.CharField(max_length=100)
    errors = models.FloatField(default=0, help_text="Moving average of failures, 0 to 1.")
    latency = models.FloatField(default=0, help_text="Moving average of the seconds to an answer.")
    failures_in_a_row = models.PositiveIntegerField(default=0)
    half_open = models.BooleanField(default=False)
    # Of the running minute, emptied when that is over: nobody shall read from it when a key was used last.
    requests = models.PositiveIntegerField(default=0)
    tokens = models.PositiveBigIntegerField(default=0)
    minute_ends = models.DateTimeField(null=True, db_index=True, help_text="Rounded up to ten seconds.")

    class Meta:
        constraints = (models.UniqueConstraint(fields=["domain", "model"], name="one_state_a_domain_and_model"),)

    def __str__(self) -> str:
        return f"{self.model}: {self.errors:.0%} failures"

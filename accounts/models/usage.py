"""Usage: one immutable record a request, and the totals that are kept for ever."""

import uuid

from django.conf import settings
from django.db import models


class UsageRecord(models.Model):
    """The counts of one finished request: who asked and what it cost.

    Never which contributed key answered, never a word of it.
    """

    class CountsFrom(models.TextChoices):
        """Where the token counts come from."""

        UPSTREAM = "upstream", "Gemini's own counts"
        ESTIMATED = "estimated", "estimated from the text"
        INTERRUPTED = "interrupted", "the process ended midway"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    created = models.DateTimeField(db_index=True)
    # Without an index of its own: the one below begins with it.
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="usage_records", db_index=False
    )
    token = models.ForeignKey(
        "accounts.IssuedToken", on_delete=models.SET_NULL, null=True, related_name="usage_records"
    )
    owner = models.CharField(max_length=80, editable=False, help_text="user:token by number, as in the totals.")
    sub_user = models.CharField(
        max_length=32,
        blank=True,
        default="",
        editable=False,
        help_text="A keyed hash of whom the client named, for tokens that tell their users apart.",
    )
    endpoint = models.CharField(max_length=32)
    stream = models.BooleanField()
    model = models.CharField("model asked", max_length=200)
    gemini_model = models.CharField("model served", max_length=100, blank=True)
    status = models.PositiveSmallIntegerField()
    error_code = models.CharField(max_length=64, blank=True)
    attempts = models.PositiveSmallIntegerField()
    prompt_tokens = models.PositiveBigIntegerField()
    cached_tokens = models.PositiveBigIntegerField()
    tool_prompt_tokens = models.PositiveBigIntegerField()
    completion_tokens = models.PositiveBigIntegerField()
    reasoning_tokens = models.PositiveBigIntegerField()
    total_tokens = models.PositiveBigIntegerField()
    counts_from = models.CharField(max_length=12, choices=CountsFrom.choices)
    cost = models.DecimalField(max_digits=14, decimal_places=8, default=0, help_text="USD by the price list.")
    queue_ms = models.PositiveIntegerField()
    first_byte_ms = models.PositiveIntegerField()
    total_ms = models.PositiveIntegerField()
    tried = models.JSONField(
        null=True,
        editable=False,
        help_text="Its attempts in order: model, verdict, when it began and how long it took (ms). Null: one that answered.",
    )

    class Meta:
        ordering = ("-created",)
        indexes = (models.Index(fields=["user", "-created"], name="usage_of_a_user"),)

    def __str__(self) -> str:
        return f"{self.model} → {self.status}, {self.total_tokens} tokens"


class UsageTotal(models.Model):
    """The sums of a day's usage records of one user, token and pair of models. Kept when the records are purged."""

    day = models.DateField(help_text="The UTC date.")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="usage_totals"
    )
    token = models.ForeignKey("accounts.IssuedToken", on_delete=models.SET_NULL, null=True, related_name="usage_totals")
    owner = models.CharField(
        max_length=80, editable=False, help_text="user:token by number; stays when either is deleted."
    )
    model = models.CharField("model asked", max_length=200)
    gemini_model = models.CharField("model served", max_length=100, blank=True)
    requests = models.PositiveBigIntegerField(default=0)
    errors = models.PositiveBigIntegerField(default=0)
    prompt_tokens = models.PositiveBigIntegerField(default=0)
    cached_tokens = models.PositiveBigIntegerField(default=0)
    tool_prompt_tokens = models.PositiveBigIntegerField(default=0)
    completion_tokens = models.PositiveBigIntegerField(default=0)
    reasoning_tokens = models.PositiveBigIntegerField(default=0)
    total_tokens = models.PositiveBigIntegerField(default=0)
    cost = models.DecimalField(max_digits=18, decimal_places=8, default=0)
    rows_purged = models.BooleanField(
        default=False, editable=False, help_text="Some of its records were purged, so it cannot be verified."
    )

    class Meta:
        ordering = ("-day", "model")
        constraints = (
            models.UniqueConstraint(fields=["day", "owner", "model", "gemini_model"], name="one_total_a_day"),
        )
        indexes = (models.Index(fields=["user", "-day"], name="totals_of_a_user"),)

    def __str__(self) -> str:
        return f"{self.day}: {self.model}, {self.requests} requests"


class UsageHour(models.Model):
    """The sums of an hour, whoever asked: what the charts of the last day are drawn from. Kept when records are purged."""

    hour = models.DateTimeField(unique=True, help_text="When it began, UTC.")
    requests = models.PositiveBigIntegerField(default=0)
    errors = models.PositiveBigIntegerField(default=0)
    total_tokens = models.PositiveBigIntegerField(default=0)
    cost = models.DecimalField(max_digits=18, decimal_places=8, default=0)
    paid = models.DecimalField(
        max_digits=18,
        decimal_places=8,
        default=0,
        help_text="What of the cost paid keys answered: their owners' money.",
    )

    class Meta:
        ordering = ("-hour",)

    def __str__(self) -> str:
        return f"{self.hour:%Y-%m-%d %H:00}: {self.requests} requests"

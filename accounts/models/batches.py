"""Batches: files of requests that are run while nobody waits for them."""

from django.conf import settings
from django.db import models

from accounts.models.tokens import IssuedToken


class Batch(models.Model):
    """One batch of one user, run with the rights of the token that made it. It holds no request and no answer."""

    class Status(models.TextChoices):
        """OpenAI's words for how far a batch has come."""

        VALIDATING = "validating", "validating"
        IN_PROGRESS = "in_progress", "in progress"
        FINALIZING = "finalizing", "finalizing"
        CANCELLING = "cancelling", "cancelling"
        COMPLETED = "completed", "completed"
        FAILED = "failed", "failed"
        EXPIRED = "expired", "expired"
        CANCELLED = "cancelled", "cancelled"

    id = models.CharField(primary_key=True, max_length=40, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    token = models.ForeignKey(IssuedToken, on_delete=models.SET_NULL, null=True, related_name="+")
    open_access = models.BooleanField(default=False, help_text="No token made it: open access did.")
    endpoint = models.CharField(max_length=40)
    model = models.CharField("model asked", max_length=200, blank=True, help_text="Empty where lines ask for several.")
    status = models.CharField(max_length=12, choices=Status.choices, default=Status.VALIDATING)
    input_file = models.CharField(max_length=40)
    output_file = models.CharField(max_length=40, blank=True)
    error_file = models.CharField(max_length=40, blank=True)
    output_seconds = models.PositiveIntegerField(null=True, help_text="How long its results are kept, if it was said.")
    metadata = models.BinaryField(help_text="The client's own words about it, sealed.")
    errors = models.JSONField(default=list, help_text="What is wrong with its file: code, message, param and line.")
    total = models.PositiveIntegerField(default=0)
    completed = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)
    prompt_tokens = models.PositiveBigIntegerField(default=0)
    cached_tokens = models.PositiveBigIntegerField(default=0)
    completion_tokens = models.PositiveBigIntegerField(default=0)
    reasoning_tokens = models.PositiveBigIntegerField(default=0)
    result_bytes = models.PositiveBigIntegerField(default=0, help_text="Of results that are in no file yet.")
    created = models.DateTimeField()
    expires = models.DateTimeField()
    in_progress_at = models.DateTimeField(null=True)
    finalizing_at = models.DateTimeField(null=True)
    cancelling_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True, db_index=True)
    worker = models.CharField(max_length=32, blank=True, help_text="The process that runs it, by a name made up.")
    leased_until = models.DateTimeField(null=True)

    class Meta:
        ordering = ("-created", "-id")
        indexes = (models.Index(fields=["user", "created"], name="batches_of_a_user"),)

    def __str__(self) -> str:
        return self.id

    @property
    def done(self) -> int:
        """How many lines are written down."""
        return self.completed + self.failed

    @property
    def percent(self) -> int:
        """How far it has come."""
        return 100 * self.done // self.total if self.total else 0


class BatchResult(models.Model):
    """What one line brought, sealed, until the batch has ended and its files are written."""

    batch = models.ForeignKey(Batch, on_delete=models.CASCADE, related_name="results")
    number = models.PositiveIntegerField(help_text="Of the line in the file, from 1.")
    answered = models.BooleanField()
    content = models.BinaryField()

    class Meta:
        ordering = ("number",)
        constraints = (models.UniqueConstraint(fields=["batch", "number"], name="one_result_a_line"),)

    def __str__(self) -> str:
        return f"line {self.number}"

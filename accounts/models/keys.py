"""Contributed keys: Gemini API keys that someone lent, sealed at rest, and what each has done."""

import uuid

from django.conf import settings
from django.db import models
from django.utils import timezone


class ContributedKey(models.Model):
    """One Gemini API key. The key itself is sealed in `ciphertext`, bound to this row's id; it is never shown again."""

    class Upstream(models.TextChoices):
        """Where a key belongs. A key is never sent to the other one."""

        GEMINI = "gemini", "Gemini"
        SIMULATOR = "simulator", "the built-in simulator"

    class Source(models.TextChoices):
        """How a key came here."""

        OPERATOR = "operator", "operator's environment"
        COMMAND = "command", "command line"
        ADMIN = "admin", "admin"
        CONTRIBUTION = "contribution", "contribution page"

    class State(models.TextChoices):
        """May it be leased? Cooldowns are not a state: they pass by themselves."""

        ACTIVE = "active", "active"
        DISABLED = "disabled", "disabled"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    ciphertext = models.TextField(editable=False)
    fingerprint = models.CharField(max_length=64, unique=True, editable=False)
    last_four = models.CharField(max_length=4, editable=False)
    upstream = models.CharField(max_length=10, choices=Upstream.choices, default=Upstream.GEMINI, editable=False)
    source = models.CharField(max_length=12, choices=Source.choices, default=Source.ADMIN, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="contributed_keys",
    )
    label = models.CharField(max_length=100, blank=True, help_text="A name to know it by.")
    project = models.CharField(
        max_length=100,
        blank=True,
        db_index=True,
        help_text="The Google project it belongs to; keys of one project share its quota. Empty: a project of its own.",
    )
    paid = models.BooleanField(default=False, help_text="Its project has billing, so no free-tier quota is assumed.")
    state = models.CharField(max_length=10, choices=State.choices, default=State.ACTIVE, db_index=True, editable=False)
    reason = models.CharField(max_length=200, blank=True, editable=False)
    state_since = models.DateTimeField(default=timezone.now, editable=False)
    cooldowns_reset = models.DateTimeField(null=True, blank=True, editable=False)
    last_checked = models.DateTimeField(null=True, blank=True, editable=False)
    created = models.DateTimeField(default=timezone.now, editable=False)
    updated = models.DateTimeField(auto_now=True, db_index=True)

    class Meta:
        ordering = ("-created",)

    def __str__(self) -> str:
        return f"{self.label or 'key'} …{self.last_four}"

    @property
    def quota_domain(self) -> str:
        """The name of the quota that this key draws on: its project's, else its own."""
        return f"project:{self.project}" if self.project else f"key:{self.pk}"


class KeyDay(models.Model):
    """What one contributed key did for one model on one Pacific day. It knows no user, token or request."""

    key = models.ForeignKey(ContributedKey, on_delete=models.CASCADE, related_name="days")
    model = models.CharField(max_length=100)
    day = models.DateField(help_text="The date in America/Los_Angeles, where Gemini's daily quotas begin at midnight.")
    requests = models.PositiveIntegerField(default=0)
    refusals = models.PositiveIntegerField(default=0)
    prompt_tokens = models.PositiveBigIntegerField(default=0)
    completion_tokens = models.PositiveBigIntegerField(default=0)
    last_refusal = models.CharField(max_length=64, blank=True)
    last_used = models.DateTimeField(null=True)

    class Meta:
        ordering = ("-day", "model")
        constraints = (models.UniqueConstraint(fields=["key", "model", "day"], name="one_row_a_key_model_and_day"),)

    def __str__(self) -> str:
        return f"{self.model} on {self.day}: {self.requests}"


class KeyCooldown(models.Model):
    """A rest of one quota domain, for one model or (empty) for all: what the admin shows and a restart finds."""

    domain = models.CharField(max_length=120)
    model = models.CharField(max_length=100, blank=True)
    until = models.DateTimeField(db_index=True)
    reason = models.CharField(max_length=64)

    class Meta:
        ordering = ("until",)
        constraints = (models.UniqueConstraint(fields=["domain", "model"], name="one_cooldown_a_domain_and_model"),)

    def __str__(self) -> str:
        return f"{self.model or 'all models'} until {self.until:%H:%M:%S}"

"""Contributed keys: Gemini API keys that someone lent, sealed at rest, and what each has done."""

import uuid

from django.conf import settings
from django.core.validators import MaxValueValidator
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
        """May it be leased? Only an active one. Cooldowns are not a state: they pass by themselves."""

        RECEIVED = "received", "received, not checked yet"
        WAITING = "waiting", "waiting for approval"
        ACTIVE = "active", "active"
        SUSPECTED = "suspected", "refused once, being asked about"
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

    # What its contributor allows; an empty list allows everything.
    paused = models.BooleanField(default=False, help_text="Its contributor lets nothing be sent with it for now.")
    keep_share = models.PositiveSmallIntegerField(
        "kept share",
        default=0,
        validators=[MaxValueValidator(90)],
        help_text="Per cent of the daily quota that its contributor keeps, 0 to 90.",
    )
    allowed_models = models.JSONField(
        default=list, blank=True, help_text='Gemini models, with wild cards: ["gemini-3.8-flash", "gemini-4-*"].'
    )
    hours_utc = models.JSONField(
        "hours (UTC)", default=list, blank=True, help_text="Hours of the day, 0 to 23, in which it may be used."
    )
    successes = models.PositiveIntegerField(
        default=0, editable=False, help_text="Requests it has answered, counted until it has proved itself."
    )

    class Meta:
        ordering = ("-created",)

    def __str__(self) -> str:
        return f"{self.label or 'key'} …{self.last_four}"

    @property
    def in_quarantine(self) -> bool:
        """True for a stranger's key that has not proved itself yet: it is asked now and then, not in turn."""
        return self.source == self.Source.CONTRIBUTION and self.successes < settings.QUARANTINE_SUCCESSES

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
        # Every process asks once a second what was used today.
        indexes = (models.Index(fields=["day", "model"], name="key_days_of_a_day"),)

    def __str__(self) -> str:
        return f"{self.model} on {self.day}: {self.requests}"


class KeyCooldown(models.Model):
    """One quota domain rests until then, for one model or (empty) for all: what the admin shows and a restart finds."""

    domain = models.CharField(max_length=120)
    model = models.CharField(max_length=100, blank=True)
    until = models.DateTimeField(db_index=True)
    reason = models.CharField(max_length=64)

    class Meta:
        ordering = ("until",)
        constraints = (models.UniqueConstraint(fields=["domain", "model"], name="one_cooldown_a_domain_and_model"),)

    def __str__(self) -> str:
        return f"{self.model or 'all models'} until {self.until:%H:%M:%S}"

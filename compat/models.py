"""The model mapping: which Gemini models answer for a name that clients ask for."""

from django.core.validators import MinValueValidator, RegexValidator
from django.db import models
from django.utils import timezone

_gemini_name = RegexValidator(
    r"^[a-z0-9][a-zA-Z0-9._-]*$", "A Gemini model id, such as gemini-3.8-flash, without models/."
)


class ModelMapping(models.Model):
    """A public model name, or a pattern of names, and how its targets take turns."""

    class Strategy(models.TextChoices):
        """How the first target is chosen; the others stay as fall-backs, in order."""

        FAILOVER = "failover", "in order"
        WEIGHTED = "weighted", "by weight"
        TIME = "time", "by time"
        COUNT = "count", "by request count"

    name = models.CharField(
        max_length=200, unique=True, help_text="As clients send it; * and ? are wild cards (gpt-5*)."
    )
    strategy = models.CharField(max_length=10, choices=Strategy.choices, default=Strategy.FAILOVER)
    switch_minutes = models.PositiveIntegerField(
        default=60, validators=[MinValueValidator(1)], help_text="By time: how long each target leads."
    )
    switch_requests = models.PositiveIntegerField(
        default=100,
        validators=[MinValueValidator(1)],
        help_text="By request count: how many requests each target leads.",
    )
    enabled = models.BooleanField(default=True)
    listed = models.BooleanField(default=True, help_text="Show the name in GET /v1/models (patterns never are).")
    dimensions = models.PositiveIntegerField(
        null=True, blank=True, help_text="Embeddings only: the vector length when the client asks for none."
    )
    created = models.DateTimeField(default=timezone.now, editable=False)
    updated = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


class MappingTarget(models.Model):
    """One Gemini model of a mapping; lower positions are asked first."""

    mapping = models.ForeignKey(ModelMapping, on_delete=models.CASCADE, related_name="targets")
    gemini_model = models.CharField(max_length=100, validators=[_gemini_name])
    position = models.PositiveSmallIntegerField(default=0)
    weight = models.PositiveSmallIntegerField(default=1, validators=[MinValueValidator(1)])

    class Meta:
        ordering = ("position", "id")
        constraints = (models.UniqueConstraint(fields=["mapping", "gemini_model"], name="one_target_a_model"),)

    def __str__(self) -> str:
        return self.gemini_model

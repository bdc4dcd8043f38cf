"""What speaks for two quota domains being one Google project."""

from django.db import models


class Overrun(models.Model):
    """A quota domain was refused below its limit, so somebody else draws on the same quota. Kept for minutes."""

    domain = models.CharField(max_length=120)
    model = models.CharField(max_length=100)
    limit = models.CharField(max_length=3, help_text="rpm, tpm or rpd")
    at = models.DateTimeField(db_index=True)
    used = models.PositiveBigIntegerField(help_text="What went through this domain in the window.")
    allowed = models.PositiveBigIntegerField(help_text="What the limit is.")

    class Meta:
        ordering = ("at",)

    def __str__(self) -> str:
        return f"{self.domain} {self.model}: refused at {self.used} of {self.allowed} ({self.limit})"


class ProjectPair(models.Model):
    """Two quota domains that are refused below their limits at the same moments: probably keys of one Google project."""

    class State(models.TextChoices):
        """What has come of it. Where an operator says yes the two become one, and the pair is gone."""

        WATCHED = "watched", "watched"
        FLAGGED = "flagged", "probably one project"
        DECLINED = "declined", "two projects"

    first = models.CharField("one", max_length=120)
    second = models.CharField("the other", max_length=120)
    state = models.CharField(max_length=8, choices=State.choices, default=State.WATCHED, db_index=True)
    coincidences = models.PositiveIntegerField(
        default=0, help_text="How often both were refused below their limits at the same moment."
    )
    last_at = models.DateTimeField("last seen", null=True)
    model = models.CharField(max_length=100, blank=True, help_text="Of the last coincidence.")
    limit = models.CharField(max_length=3, blank=True)

    class Meta:
        ordering = ("-coincidences", "-last_at")
        constraints = (models.UniqueConstraint(fields=["first", "second"], name="one_row_a_pair_of_domains"),)

    def __str__(self) -> str:
        return f"{self.first} and {self.second}"

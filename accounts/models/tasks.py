"""What the admin does with many keys in the background."""

import uuid
from datetime import timedelta

from django.conf import settings
from django.db import models
from django.utils import timezone

# Longer than any one step takes.
_STALLED_AFTER = timedelta(minutes=2)


class KeyTask(models.Model):
    """An import or a check of many keys, and how far it has come. It holds no key and names none."""

    class Kind(models.TextChoices):
        """What is done."""

        IMPORT = "import", "import"
        CHECK = "check", "check with the upstream"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=6, choices=Kind.choices)
    started_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    created = models.DateTimeField(default=timezone.now, db_index=True)
    updated = models.DateTimeField(default=timezone.now)
    finished = models.DateTimeField(null=True)
    total = models.PositiveIntegerField(help_text="Lines or keys.")
    done = models.PositiveIntegerField(default=0)
    counts = models.JSONField(default=dict, help_text="How many got which verdict.")
    letters = models.TextField(blank=True, help_text="The verdict on each line of an import, a letter a line.")
    next = models.ForeignKey(
        "self", on_delete=models.SET_NULL, null=True, help_text="The check that follows an import."
    )

    class Meta:
        ordering = ("-created",)

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.done} of {self.total}"

    @property
    def percent(self) -> int:
        """How far it has come."""
        return 100 * self.done // self.total if self.total else 100

    @property
    def is_stalled(self) -> bool:
        """True when it was cut off: the process that ran it is gone."""
        return self.finished is None and self.updated < timezone.now() - _STALLED_AFTER

"""The audit log: who did what to which row, written once and never changed."""

from typing import Any, NoReturn

from django.db import models
from django.utils import timezone


class Written(Exception):
    """An act was to be changed or deleted: neither can be."""


class AppendOnly(models.QuerySet["StaffAct"]):
    """Rows that are added and read, and nothing else."""

    def update(self, **values: Any) -> NoReturn:
        """Refuse."""
        raise Written("Acts are never changed.")

    def delete(self) -> NoReturn:
        """Refuse."""
        raise Written("Acts are never deleted.")

    def bulk_update(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Refuse."""
        raise Written("Acts are never changed.")


class StaffAct(models.Model):
    """One act. It names people and rows as they were called then, and points at none: they may go, it stays."""

    at = models.DateTimeField(default=timezone.now, db_index=True)
    actor = models.CharField(max_length=150, help_text="The name of the person; “command line” for a command.")
    actor_number = models.BigIntegerField(
        null=True, help_text="The person's number, which stays when the name changes."
    )
    act = models.CharField(max_length=80)
    table = models.CharField(max_length=64, blank=True)
    row = models.CharField(max_length=64, blank=True)
    name = models.CharField(max_length=200, blank=True)
    changes = models.JSONField(default=dict, help_text="Field: what it was and what it became. Never a secret.")

    objects = AppendOnly.as_manager()

    class Meta:
        ordering = ("-id",)
        default_permissions = ("view",)
        verbose_name = "audit log entry"
        verbose_name_plural = "audit log"
        indexes = (models.Index(fields=["table", "row"], name="acts_on_a_row"),)

    def __str__(self) -> str:
        return f"{self.actor} {self.act} {self.name}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Write it, once."""
        if not self._state.adding:
            raise Written("Acts are never changed.")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Refuse."""
        raise Written("Acts are never deleted.")

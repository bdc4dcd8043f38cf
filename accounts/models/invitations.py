"""Invitations to sign up."""

from django.db import models
from django.utils import timezone

from accounts.models.users import Plan


class Invitation(models.Model):
    """A code that lets one person sign up. It is shown once; here is its digest."""

    note = models.CharField(max_length=100, blank=True, help_text="Whom it is for. Only members of staff see it.")
    digest = models.CharField(max_length=64, unique=True, editable=False)
    plan = models.ForeignKey(
        Plan, on_delete=models.SET_NULL, null=True, blank=True, help_text="Of the new user. Empty: the default plan."
    )
    created = models.DateTimeField(default=timezone.now, editable=False)
    expires = models.DateTimeField()
    used = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ("-created",)

    def __str__(self) -> str:
        return self.note or f"invitation of {self.created:%Y-%m-%d}"

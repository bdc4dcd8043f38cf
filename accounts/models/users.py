"""Users and their plans."""

from typing import Any
from zoneinfo import available_timezones

from django.contrib.auth.models import AbstractUser
from django.core.exceptions import ValidationError
from django.db import models

from accounts.models.limits import Limits


class Plan(Limits):
    """The limits that hold for every user on it, unless the user or the token has its own."""

    name = models.CharField(max_length=64, unique=True)
    is_default = models.BooleanField(default=False, help_text="New users get this plan. One plan at most.")

    class Meta:
        ordering = ("name",)
        constraints = (
            models.UniqueConstraint(
                fields=["is_default"],
                condition=models.Q(is_default=True),
                name="one_default_plan",
                violation_error_message="Another plan is the default already: take it from that one first.",
            ),
        )

    def __str__(self) -> str:
        return self.name


def validate_time_zone(name: str) -> None:
    """Refuse what is no IANA time zone."""
    if name not in available_timezones():
        raise ValidationError("%(name)s is no time zone: write it as in Europe/Berlin.", params={"name": name})


class User(Limits, AbstractUser):
    """A person or program that may be issued tokens. Its own limits override its plan's."""

    plan = models.ForeignKey(Plan, on_delete=models.PROTECT, null=True, blank=True, related_name="users")
    time_zone = models.CharField(
        max_length=64,
        default="UTC",
        validators=[validate_time_zone],
        help_text="Days and months of budgets begin at midnight there.",
    )

    class Meta(AbstractUser.Meta):
        abstract = False
        ordering = ("username",)

    def save(self, *args: Any, **kwargs: Any) -> None:
        """A new user without a plan gets the default one, by whichever door it comes in."""
        if self._state.adding and self.plan_id is None:
            self.plan = Plan.objects.filter(is_default=True).first()
        super().save(*args, **kwargs)

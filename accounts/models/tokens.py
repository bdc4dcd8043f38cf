"""Issued tokens: what a client sends; only a keyed digest of it is kept."""

import re
from datetime import datetime

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone

from accounts.models.limits import Limits

_PATTERN = re.compile(r"[\w.:/@+*?\-]{1,200}", re.ASCII)


class IssuedToken(Limits):
    """One secret issued to one user: `prefix` finds it, `digest` proves it, the secret itself is not kept."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="issued_tokens")
    name = models.CharField(max_length=100, blank=True, help_text="What it is for: “laptop”, “chat server”.")
    prefix = models.CharField(max_length=16, unique=True, editable=False)
    digest = models.CharField(max_length=64, editable=False)
    pepper_version = models.CharField(max_length=8, editable=False)
    allowed_models = models.JSONField(
        default=list,
        blank=True,
        help_text='Names or patterns such as ["gpt-4*", "gemini-3.8-flash"]; empty: every model.',
    )
    created = models.DateTimeField(default=timezone.now, editable=False)
    expires = models.DateTimeField(null=True, blank=True, db_index=True)
    revoked = models.DateTimeField(null=True, blank=True, editable=False)
    last_used = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ("-created",)

    def __str__(self) -> str:
        return f"{self.name or 'token'} (tumbler-{self.prefix}…)"

    def clean(self) -> None:
        """Refuse a list of models that is no list of names."""
        super().clean()
        names = self.allowed_models
        if not isinstance(names, list) or not all(isinstance(name, str) and _PATTERN.fullmatch(name) for name in names):
            raise ValidationError({"allowed_models": "Names or patterns of models: letters, digits, . _ - : / @ + * ?"})

    def is_usable(self, now: datetime) -> bool:
        """True unless it was revoked or has expired by `now`."""
        return self.revoked is None and (self.expires is None or self.expires > now)

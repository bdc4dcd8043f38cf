"""Issued tokens: what a client sends; only a keyed digest of it is kept."""

import re
from datetime import datetime
from ipaddress import ip_network
from typing import ClassVar

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone

from accounts.models.limits import Limits

_PATTERN = re.compile(r"[\w.:/@+*?\-]{1,200}", re.ASCII)


class ListedTokens(models.Manager["IssuedToken"]):
    """The tokens that people made: none that a page made for itself, so that no list shows one by mistake."""

    def get_queryset(self) -> models.QuerySet["IssuedToken"]:
        """Those."""
        return super().get_queryset().filter(ephemeral=False)


class IssuedToken(Limits):
    """One secret issued to one user: `prefix` finds it, `digest` proves it, the secret itself is not kept."""

    class Scope(models.TextChoices):
        """What a token may be used for."""

        CHAT = "chat", "chat and completions"
        EMBEDDINGS = "embeddings", "embeddings"
        AUDIO = "audio", "speech and transcriptions"
        MODERATIONS = "moderations", "moderations"
        USAGE = "usage", "reading its own usage"
        FILES = "files", "files and batches"

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
    allowed_networks = models.JSONField(
        default=list,
        blank=True,
        help_text='Addresses or networks it may be sent from, such as ["192.0.2.7", "2001:db8::/32"]; empty: anywhere.',
    )
    scopes = models.JSONField(
        default=list,
        blank=True,
        help_text="What it may be used for: a list of scopes; empty: everything.",
    )
    tells_sub_users = models.BooleanField(
        "tells its users apart",
        default=False,
        help_text="Its requests name the person behind them (`user`, X-OpenWebUI-User-Id); usage keeps a keyed hash of it.",
    )
    created = models.DateTimeField(default=timezone.now, editable=False)
    expires = models.DateTimeField(null=True, blank=True, db_index=True)
    revoked = models.DateTimeField(null=True, blank=True, editable=False)
    last_used = models.DateTimeField(null=True, blank=True, editable=False)
    ephemeral = models.BooleanField(
        default=False, editable=False, help_text="Made by a page for itself, for minutes: no list shows it."
    )

    everything: ClassVar[models.Manager["IssuedToken"]] = models.Manager()
    objects: ClassVar[ListedTokens] = ListedTokens()

    class Meta:
        ordering = ("-created",)

    def __str__(self) -> str:
        return f"{self.name or 'token'} (tumbler-{self.prefix}…)"

    def clean(self) -> None:
        """Refuse lists of models, networks or scopes that are none; an address becomes the network of it alone."""
        super().clean()
        names = self.allowed_models
        if not isinstance(names, list) or not all(isinstance(name, str) and _PATTERN.fullmatch(name) for name in names):
            raise ValidationError({"allowed_models": "Names or patterns of models: letters, digits, . _ - : / @ + * ?"})
        if not isinstance(self.scopes, list) or not all(scope in self.Scope.values for scope in self.scopes):
            raise ValidationError({"scopes": f"A list of some of: {', '.join(self.Scope.values)}."})
        self.allowed_networks = _networks(self.allowed_networks)

    def is_usable(self, now: datetime) -> bool:
        """True unless it was revoked or has expired by `now`."""
        return self.revoked is None and (self.expires is None or self.expires > now)


def _networks(found: object) -> list[str]:
    try:
        if isinstance(found, list):
            return [str(ip_network(str(text), strict=False)) for text in found]
    except ValueError:
        pass
    raise ValidationError({"allowed_networks": "A list of IP addresses or networks, such as 192.0.2.0/24."})

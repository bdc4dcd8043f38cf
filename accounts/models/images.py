"""Images that were asked for as links: sealed, for an hour."""

import uuid

from django.conf import settings
from django.db import models


class KeptImage(models.Model):
    """One image that its link can open; the link alone holds the key."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    content_type = models.CharField(max_length=32)
    size = models.PositiveIntegerField()
    expires = models.DateTimeField(db_index=True)
    sealed = models.BinaryField()

    def __str__(self) -> str:
        return f"{self.content_type}, {self.size} bytes"

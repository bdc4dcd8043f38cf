"""What the Responses API keeps for a user: sealed, so that the database alone tells nothing of what was said."""

from django.conf import settings
from django.db import models


class StoredResponse(models.Model):
    """A response with its input, which its owner may read again or go on from."""

    class Status(models.TextChoices):
        """OpenAI's words for how far a response has come."""

        QUEUED = "queued", "queued"
        IN_PROGRESS = "in_progress", "in progress"
        COMPLETED = "completed", "completed"
        INCOMPLETE = "incomplete", "incomplete"
        FAILED = "failed", "failed"
        CANCELLED = "cancelled", "cancelled"

    id = models.CharField(primary_key=True, max_length=64, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    created = models.DateTimeField(db_index=True)
    previous = models.CharField(
        max_length=64, blank=True, editable=False, help_text="The response that it goes on from."
    )
    root = models.CharField(max_length=64, db_index=True, editable=False, help_text="The first response of its chain.")
    status = models.CharField(max_length=12, choices=Status.choices)
    alive_until = models.DateTimeField(
        null=True,
        editable=False,
        help_text="Until when whoever works on it in the background will have said that it does.",
    )
    size = models.PositiveIntegerField(help_text="Bytes, as they are read.")
    sealed = models.BinaryField(editable=False)

    class Meta:
        ordering = ("-created",)
        indexes = (models.Index(fields=["user", "created", "size"], name="stored_of_a_user"),)

    def __str__(self) -> str:
        return self.id


class Conversation(models.Model):
    """A conversation of a user's, to which requests add what they say and what they are answered."""

    id = models.CharField(primary_key=True, max_length=64, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    created = models.DateTimeField()
    used = models.DateTimeField(db_index=True, help_text="When something was last added to it.")
    size = models.PositiveIntegerField(help_text="Bytes of its items, as they are read.")
    metadata = models.BinaryField(editable=False)

    class Meta:
        ordering = ("-used",)
        indexes = (models.Index(fields=["user", "size"], name="conversations_of_a_user"),)

    def __str__(self) -> str:
        return self.id


class ConversationItem(models.Model):
    """One item of a conversation, sealed; in order of their numbers."""

    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="items")
    item_id = models.CharField(max_length=64, editable=False)
    sealed = models.BinaryField(editable=False)

    class Meta:
        ordering = ("pk",)
        constraints = (models.UniqueConstraint(fields=["conversation", "item_id"], name="one_item_an_id"),)

    def __str__(self) -> str:
        return self.item_id

"""Files that people leave here for a while: documents for the models, what goes into and comes out of batches, and uploads."""

from django.conf import settings
from django.db import models


class StoredFile(models.Model):
    """One file of one user. Its name, its details and its parts are sealed."""

    id = models.CharField(primary_key=True, max_length=40, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    purpose = models.CharField(max_length=20)
    name = models.BinaryField()
    details = models.BinaryField(default=b"", help_text="Its media type and its SHA-256, sealed.")
    whole = models.BooleanField(default=True, help_text="All of it is here: until then it is nobody's to read.")
    bytes = models.PositiveBigIntegerField(default=0)
    created = models.DateTimeField()
    expires = models.DateTimeField(db_index=True)

    class Meta:
        ordering = ("created", "id")
        indexes = (models.Index(fields=["user", "created"], name="files_of_a_user"),)

    def __str__(self) -> str:
        return self.id


class FilePart(models.Model):
    """A stretch of a file, sealed, so that no reader needs the whole in memory."""

    file = models.ForeignKey(StoredFile, on_delete=models.CASCADE, related_name="parts")
    number = models.PositiveIntegerField()
    sealed_as = models.PositiveIntegerField(null=True, help_text="The number that it came with, if that was another.")
    content = models.BinaryField()

    class Meta:
        ordering = ("number",)
        constraints = (models.UniqueConstraint(fields=["file", "number"], name="one_part_a_number"),)

    def __str__(self) -> str:
        return f"part {self.number}"

    @property
    def came_as(self) -> int:
        """The number that it came with, which its content is bound to."""
        return self.number if self.sealed_as is None else self.sealed_as


class FileUpload(models.Model):
    """A file that comes in several requests, until its hour is over."""

    class Status(models.TextChoices):
        """How far it is."""

        PENDING = "pending"
        COMPLETED = "completed"

    id = models.CharField(primary_key=True, max_length=40, editable=False)
    file = models.OneToOneField(StoredFile, on_delete=models.CASCADE, related_name="upload")
    token = models.ForeignKey("accounts.IssuedToken", on_delete=models.SET_NULL, null=True, related_name="+")
    open_access = models.BooleanField(default=False, help_text="No token began it: open access did.")
    status = models.CharField(max_length=9, choices=Status.choices, default=Status.PENDING)
    size = models.PositiveBigIntegerField(null=True, help_text="Of the file in bytes, if it was said.")
    received = models.PositiveBigIntegerField(default=0, help_text="Bytes that have come.")
    stretches = models.PositiveIntegerField(
        default=0, help_text="How many stretches were begun, of those in any order."
    )
    lives_seconds = models.PositiveIntegerField(null=True, help_text="How long the file is kept, if it was said.")
    created = models.DateTimeField()
    last_came = models.DateTimeField(help_text="When bytes came last.")
    expires = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return self.id

"""Files that people leave here for a while: documents for the models, and what goes into and comes out of batches."""

from django.conf import settings
from django.db import models


class StoredFile(models.Model):
    """One file of one user. Its name and its parts are sealed."""

    id = models.CharField(primary_key=True, max_length=40, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    purpose = models.CharField(max_length=20)
    name = models.BinaryField()
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
    content = models.BinaryField()

    class Meta:
        ordering = ("number",)
        constraints = (models.UniqueConstraint(fields=["file", "number"], name="one_part_a_number"),)

    def __str__(self) -> str:
        return f"part {self.number}"

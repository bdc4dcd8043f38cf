"""Receipts: what somebody without an account holds for the keys they contributed. They know no person and no address."""

from django.db import models

from accounts.models.keys import ContributedKey


class Receipt(models.Model):
    """One contribution. The code that opens it was shown once; only its keyed digest is kept."""

    digest = models.CharField(max_length=64, unique=True, editable=False)
    terms = models.CharField(max_length=16, editable=False, help_text="The version of the terms that were agreed to.")
    created = models.DateField(editable=False, help_text="The UTC date; the hour is not kept.")
    redeemed = models.BooleanField(default=False, editable=False, help_text="An issued token was given for it.")

    class Meta:
        ordering = ("-created",)

    def __str__(self) -> str:
        return f"receipt of {self.created}"


class ReceiptKey(models.Model):
    """One key of a receipt, as its contributor sees it. It has a row of the pool, or none: then nothing is sent with it."""

    receipt = models.ForeignKey(Receipt, on_delete=models.CASCADE, related_name="keys")
    number = models.PositiveSmallIntegerField()
    key = models.OneToOneField(
        ContributedKey, on_delete=models.SET_NULL, null=True, editable=False, related_name="receipt_key"
    )
    upstream = models.CharField(max_length=10, choices=ContributedKey.Upstream.choices, editable=False)
    last_four = models.CharField(max_length=4, editable=False)
    decided = models.BooleanField(default=False, editable=False, help_text="What becomes of it was found out.")
    withdrawn = models.DateField(null=True, editable=False)

    class Meta:
        ordering = ("number",)
        constraints = (models.UniqueConstraint(fields=["receipt", "number"], name="one_row_a_receipt_and_number"),)

    def __str__(self) -> str:
        return f"key {self.number}"


class RedeemedKey(models.Model):
    """A key that has earned a token lately, by a keyed digest: one key earns one token at a time. It says not for whom."""

    digest = models.CharField(max_length=64, unique=True, editable=False)
    until = models.DateField(editable=False, help_text="The first of a month; from then on it may earn another.")

    def __str__(self) -> str:
        return f"redeemed, until {self.until}"

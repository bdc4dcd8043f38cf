import django.core.validators
from django.db import migrations, models

_price = {
    "decimal_places": 6,
    "max_digits": 12,
    "validators": [django.core.validators.MinValueValidator(0)],
}


class Migration(migrations.Migration):
    """Prices that go before the bundled ones."""

    dependencies = [("accounts", "0022_usage_sub_user")]

    operations = [
        migrations.CreateModel(
            name="ModelPrice",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "model",
                    models.CharField(
                        help_text="A Gemini model, or a pattern such as gemini-4-*: the longest that fits holds.",
                        max_length=100,
                        unique=True,
                    ),
                ),
                ("prompt", models.DecimalField(verbose_name="prompt (USD)", **_price)),
                (
                    "cached",
                    models.DecimalField(
                        blank=True,
                        help_text="Empty: as the prompt.",
                        null=True,
                        verbose_name="cached prompt (USD)",
                        **_price,
                    ),
                ),
                ("completion", models.DecimalField(verbose_name="completion (USD)", **_price)),
            ],
            options={"ordering": ("model",)},
        ),
    ]

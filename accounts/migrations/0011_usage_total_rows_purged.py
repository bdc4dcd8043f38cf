from django.db import migrations, models


class Migration(migrations.Migration):
    """A total remembers that records under it were purged, so that verify_usage leaves it alone."""

    dependencies = [("accounts", "0010_usage_record_owner")]

    operations = [
        migrations.AddField(
            model_name="usagetotal",
            name="rows_purged",
            field=models.BooleanField(
                default=False,
                editable=False,
                help_text="Some of its records were purged, so it cannot be verified.",
            ),
        ),
    ]

from django.db import migrations, models


class Migration(migrations.Migration):
    """A usage record may tell the client's users apart, by a keyed hash."""

    dependencies = [("accounts", "0021_user_time_zone")]

    operations = [
        migrations.AddField(
            model_name="usagerecord",
            name="sub_user",
            field=models.CharField(
                blank=True,
                default="",
                editable=False,
                help_text="A keyed hash of whom the client named, for tokens that tell their users apart.",
                max_length=32,
            ),
        ),
    ]

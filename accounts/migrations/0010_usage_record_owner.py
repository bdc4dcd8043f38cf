from django.db import migrations, models


class Migration(migrations.Migration):
    """A usage record keeps under whom it was counted, so that totals can be verified after a user or token is gone."""

    dependencies = [("accounts", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="usagerecord",
            name="owner",
            field=models.CharField(
                default="", editable=False, help_text="user:token by number, as in the totals.", max_length=80
            ),
            preserve_default=False,
        ),
    ]

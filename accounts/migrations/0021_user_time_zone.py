import accounts.models.users
from django.db import migrations, models


class Migration(migrations.Migration):
    """Budgets go by the days and months of the user's time zone."""

    dependencies = [("accounts", "0020_token_networks_and_scopes")]

    operations = [
        migrations.AddField(
            model_name="user",
            name="time_zone",
            field=models.CharField(
                default="UTC",
                help_text="Days and months of budgets begin at midnight there.",
                max_length=64,
                validators=[accounts.models.users.validate_time_zone],
            ),
        ),
    ]

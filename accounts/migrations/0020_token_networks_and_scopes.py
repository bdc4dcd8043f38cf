from django.db import migrations, models


class Migration(migrations.Migration):
    """A token may be bound to networks and scopes, and may tell its users apart."""

    dependencies = [("accounts", "0016_receipts")]

    operations = [
        migrations.AddField(
            model_name="issuedtoken",
            name="allowed_networks",
            field=models.JSONField(
                blank=True,
                default=list,
                help_text='Addresses or networks it may be sent from, such as ["192.0.2.7", "2001:db8::/32"]; empty: anywhere.',
            ),
        ),
        migrations.AddField(
            model_name="issuedtoken",
            name="scopes",
            field=models.JSONField(
                blank=True,
                default=list,
                help_text='What it may be used for: ["chat", "embeddings", "usage"]; empty: everything.',
            ),
        ),
        migrations.AddField(
            model_name="issuedtoken",
            name="tells_sub_users",
            field=models.BooleanField(
                default=False,
                help_text="Its requests name the person behind them (`user`, X-OpenWebUI-User-Id); usage keeps a keyed hash of it.",
                verbose_name="tells its users apart",
            ),
        ),
    ]

"""The hours of the usage records that were there before."""

from django.db import migrations
from django.db.models import Count, Q, Sum
from django.db.models.functions import TruncHour


def fill(apps, schema_editor):
    records = apps.get_model("accounts", "UsageRecord").objects.order_by()
    hours = records.annotate(hour=TruncHour("created")).values("hour").annotate(
        requests=Count("pk"), errors=Count("pk", filter=Q(status__gte=400)), tokens=Sum("total_tokens"), costs=Sum("cost")
    )
    UsageHour = apps.get_model("accounts", "UsageHour")
    UsageHour.objects.bulk_create(
        [
            UsageHour(
                hour=row["hour"], requests=row["requests"], errors=row["errors"], total_tokens=row["tokens"], cost=row["costs"]
            )
            for row in hours.iterator()
        ],
        batch_size=500,
    )


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0031_usage_hours'),
    ]

    operations = [
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]

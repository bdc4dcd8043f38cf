import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0044_uploads'),
    ]

    operations = [
        migrations.AddField(
            model_name='fileupload',
            name='last_came',
            field=models.DateTimeField(default=django.utils.timezone.now, help_text='When bytes came last.'),
            preserve_default=False,
        ),
    ]

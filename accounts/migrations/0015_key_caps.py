import django.core.validators
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0014_seed_tier_quotas'),
    ]

    operations = [
        migrations.AddField(
            model_name='contributedkey',
            name='allowed_models',
            field=models.JSONField(blank=True, default=list, help_text='Gemini models, with wild cards: ["gemini-3.8-flash", "gemini-4-*"].'),
        ),
        migrations.AddField(
            model_name='contributedkey',
            name='hours_utc',
            field=models.JSONField(blank=True, default=list, help_text='Hours of the day, 0 to 23, in which it may be used.', verbose_name='hours (UTC)'),
        ),
        migrations.AddField(
            model_name='contributedkey',
            name='keep_share',
            field=models.PositiveSmallIntegerField(default=0, help_text='Per cent of the daily quota that its contributor keeps, 0 to 90.', validators=[django.core.validators.MaxValueValidator(90)], verbose_name='kept share'),
        ),
        migrations.AddField(
            model_name='contributedkey',
            name='paused',
            field=models.BooleanField(default=False, help_text='Its contributor lets nothing be sent with it for now.'),
        ),
        migrations.AddField(
            model_name='contributedkey',
            name='successes',
            field=models.PositiveIntegerField(default=0, editable=False, help_text='Requests it has answered, counted until it has proved itself.'),
        ),
        migrations.AlterField(
            model_name='contributedkey',
            name='state',
            field=models.CharField(choices=[('received', 'received, not checked yet'), ('waiting', 'waiting for approval'), ('active', 'active'), ('disabled', 'disabled')], db_index=True, default='active', editable=False, max_length=10),
        ),
    ]

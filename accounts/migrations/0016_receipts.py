import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0015_key_caps'),
    ]

    operations = [
        migrations.CreateModel(
            name='Receipt',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('digest', models.CharField(editable=False, max_length=64, unique=True)),
                ('terms', models.CharField(editable=False, help_text='The version of the terms that were agreed to.', max_length=16)),
                ('created', models.DateField(editable=False, help_text='The UTC date; the hour is not kept.')),
                ('redeemed', models.BooleanField(default=False, editable=False, help_text='An issued token was given for it.')),
            ],
            options={
                'ordering': ('-created',),
            },
        ),
        migrations.CreateModel(
            name='RedeemedKey',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('digest', models.CharField(editable=False, max_length=64, unique=True)),
                ('until', models.DateField(editable=False, help_text='The first of a month; from then on it may earn another.')),
            ],
        ),
        migrations.CreateModel(
            name='ReceiptKey',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveSmallIntegerField()),
                ('upstream', models.CharField(choices=[('gemini', 'Gemini'), ('simulator', 'the built-in simulator')], editable=False, max_length=10)),
                ('last_four', models.CharField(editable=False, max_length=4)),
                ('decided', models.BooleanField(default=False, editable=False, help_text='What becomes of it was found out.')),
                ('withdrawn', models.DateField(editable=False, null=True)),
                ('key', models.OneToOneField(editable=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='receipt_key', to='accounts.contributedkey')),
                ('receipt', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='keys', to='accounts.receipt')),
            ],
            options={
                'ordering': ('number',),
                'constraints': [models.UniqueConstraint(fields=('receipt', 'number'), name='one_row_a_receipt_and_number')],
            },
        ),
    ]

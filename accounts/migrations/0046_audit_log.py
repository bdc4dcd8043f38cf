from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0045_last_came'),
    ]

    operations = [
        migrations.AlterModelOptions(
            name='staffact',
            options={'default_permissions': ('view',), 'ordering': ('-id',), 'verbose_name': 'audit log entry', 'verbose_name_plural': 'audit log'},
        ),
    ]

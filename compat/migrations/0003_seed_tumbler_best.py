"""The alias `tumbler/best`: the best model that the pool's quotas still allow, down to the one with most and back up.

Targets are asked in order. One whose quota is used up over the whole pool is passed by, until its minute or day turns.
"""

from django.db import migrations

NAME = "tumbler/best"
TARGETS = ("gemini-4-hydrogen", "gemini-3.1-pro-preview", "gemini-3.8-flash", "gemini-3.7-flash", "gemini-3.5-flash-lite")


def seed(apps, schema_editor):
    """Add the alias unless somebody has mapped the name."""
    mapping, created = apps.get_model("compat", "ModelMapping").objects.get_or_create(name=NAME)
    if created:
        target = apps.get_model("compat", "MappingTarget")
        target.objects.bulk_create(
            target(mapping=mapping, gemini_model=model, position=position) for position, model in enumerate(TARGETS)
        )


def unseed(apps, schema_editor):
    """Take it away while it is as it was added."""
    mapping = apps.get_model("compat", "ModelMapping").objects.filter(name=NAME, strategy="failover").first()
    if mapping and tuple(mapping.targets.order_by("position").values_list("gemini_model", flat=True)) == TARGETS:
        mapping.delete()


class Migration(migrations.Migration):
    dependencies = [("compat", "0002_seed_mappings")]

    operations = [migrations.RunPython(seed, unseed)]

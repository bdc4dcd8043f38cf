"""Mappings for the names that Anthropic's clients send: Claude Code names its own models and takes no others."""

from importlib import import_module

from django.db import migrations

first = import_module("compat.migrations.0002_seed_mappings")

# The longest pattern that fits a name wins: claude-3-5-haiku-… is a haiku.
CLAUDE = {
    "claude-*": first.MIDDLE,
    "claude-*opus*": first.LARGE,
    "claude-*sonnet*": first.MIDDLE,
    "claude-*haiku*": first.SMALL,
}


def seed(apps, schema_editor):
    """Add the mappings that are not there."""
    ModelMapping, MappingTarget = apps.get_model("compat", "ModelMapping"), apps.get_model("compat", "MappingTarget")
    for name, targets in CLAUDE.items():
        mapping, created = ModelMapping.objects.get_or_create(name=name)
        if created:
            MappingTarget.objects.bulk_create(
                MappingTarget(mapping=mapping, gemini_model=target, position=position)
                for position, target in enumerate(targets)
            )


def unseed(apps, schema_editor):
    """Take away those that are still as they were added."""
    for name, targets in CLAUDE.items():
        mapping = apps.get_model("compat", "ModelMapping").objects.filter(name=name, strategy="failover").first()
        if mapping and tuple(mapping.targets.order_by("position").values_list("gemini_model", flat=True)) == targets:
            mapping.delete()


class Migration(migrations.Migration):
    dependencies = [("compat", "0003_seed_tumbler_best")]

    operations = [migrations.RunPython(seed, unseed)]

"""Mappings for the names of OpenAI's image models."""

from django.db import migrations

LARGE = ("gemini-3-pro-image", "gemini-3.1-flash-image")
MIDDLE = ("gemini-3.1-flash-image", "gemini-3.1-flash-lite-image")
SMALL = ("gemini-3.1-flash-lite-image", "gemini-3.1-flash-image")

IMAGES = {
    "gpt-image-1": MIDDLE,
    "gpt-image-1-mini": SMALL,
    "gpt-image-*": LARGE,
    "chatgpt-image-latest": LARGE,
    "dall-e-2": SMALL,
    "dall-e-3": MIDDLE,
}


def seed(apps, schema_editor):
    """Add the mappings that are not there."""
    ModelMapping, MappingTarget = apps.get_model("compat", "ModelMapping"), apps.get_model("compat", "MappingTarget")
    for name, targets in IMAGES.items():
        mapping, created = ModelMapping.objects.get_or_create(name=name)
        if created:
            MappingTarget.objects.bulk_create(
                MappingTarget(mapping=mapping, gemini_model=target, position=position)
                for position, target in enumerate(targets)
            )


def unseed(apps, schema_editor):
    """Take away those that are still as they were added."""
    for name, targets in IMAGES.items():
        mapping = apps.get_model("compat", "ModelMapping").objects.filter(name=name, strategy="failover").first()
        if mapping and tuple(mapping.targets.order_by("position").values_list("gemini_model", flat=True)) == targets:
            mapping.delete()


class Migration(migrations.Migration):
    dependencies = [("compat", "0005_seed_sound")]

    operations = [migrations.RunPython(seed, unseed)]

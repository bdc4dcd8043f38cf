"""Mappings for speech, transcriptions and moderations: the names that OpenAI's clients send for them.

The speech models are those whose names were documented in November 2026; newer ones may be put before them.
"""

from importlib import import_module

from django.db import migrations

first = import_module("compat.migrations.0002_seed_mappings")

SPEAKING = ("gemini-3.1-flash-tts-preview", "gemini-2.5-flash-preview-tts")
SPEAKING_WELL = ("gemini-2.5-pro-preview-tts", *SPEAKING)

# The longest pattern that fits a name wins, so these go before gpt-4o-* and gpt-4o-mini-*.
SOUND = {
    "tts-1": SPEAKING,
    "tts-1-*": SPEAKING,
    "tts-1-hd": SPEAKING_WELL,
    "tts-1-hd-*": SPEAKING_WELL,
    "gpt-4o-mini-tts": SPEAKING,
    "gpt-4o-mini-tts-*": SPEAKING,
    "whisper-1": first.MIDDLE,
    "gpt-transcribe": first.MIDDLE,
    "gpt-4o-transcribe": first.MIDDLE,
    "gpt-4o-transcribe-*": first.MIDDLE,
    "gpt-4o-mini-transcribe": first.SMALL,
    "gpt-4o-mini-transcribe-*": first.SMALL,
    "omni-moderation-latest": first.SMALL,
    "omni-moderation-*": first.SMALL,
    "text-moderation-*": first.SMALL,
}


def seed(apps, schema_editor):
    """Add the mappings that are not there."""
    ModelMapping, MappingTarget = apps.get_model("compat", "ModelMapping"), apps.get_model("compat", "MappingTarget")
    for name, targets in SOUND.items():
        mapping, created = ModelMapping.objects.get_or_create(name=name)
        if created:
            MappingTarget.objects.bulk_create(
                MappingTarget(mapping=mapping, gemini_model=target, position=position)
                for position, target in enumerate(targets)
            )


def unseed(apps, schema_editor):
    """Take away those that are still as they were added."""
    for name, targets in SOUND.items():
        mapping = apps.get_model("compat", "ModelMapping").objects.filter(name=name, strategy="failover").first()
        if mapping and tuple(mapping.targets.order_by("position").values_list("gemini_model", flat=True)) == targets:
            mapping.delete()


class Migration(migrations.Migration):
    dependencies = [("compat", "0004_seed_claude")]

    operations = [migrations.RunPython(seed, unseed)]

"""The tier table to begin with: what is safe to assume of a free project (Gemini API, rate limits, autumn 2026).

Requests a minute and a day differ by project and change often, so they are left to be learned from the first refusal,
which names them; the input tokens a minute and the embedding limits have been steady.
"""

from django.db import migrations

ROWS = (
    ("gemini-embedding-*", 100, None, 1_000),
    ("gemini-*", None, 250_000, None),
)


def seed(apps, schema_editor):
    tier_quota = apps.get_model("accounts", "TierQuota")
    for position, (pattern, rpm, tpm, rpd) in enumerate(ROWS):
        tier_quota.objects.create(pattern=pattern, paid=False, position=position, rpm=rpm, tpm=tpm, rpd=rpd)


def remove(apps, schema_editor):
    tier_quota = apps.get_model("accounts", "TierQuota")
    for pattern, rpm, tpm, rpd in ROWS:
        tier_quota.objects.filter(pattern=pattern, paid=False, rpm=rpm, tpm=tpm, rpd=rpd).delete()


class Migration(migrations.Migration):
    dependencies = [("accounts", "0013_quotas_and_key_events")]
    operations = [migrations.RunPython(seed, remove)]

"""The first model mappings, as Gemini's model list stood in November 2026. All of them may be edited afterwards.

The first targets of gpt-3.5-turbo, gpt-4, gpt-4-turbo, gpt-4-turbo-preview and of the default model are the project's
own from its beginning. Google has retired them, so each is followed by current models, asked in order; should Google
serve such a name again, it leads again. gemini-2.5-pro and gemini-2.5-flash are left out: they end on 1 December 2026.

A mapping of embeddings has one target and no fall-back: vectors of two models cannot be compared, so an index that
was filled by both would be spoilt. It is gemini-embedding-2, because it takes 8,192 tokens as OpenAI's models do
(gemini-embedding-001: 2,048), gives vectors of length one at every size, as OpenAI's are, and counts its tokens.
"""

from django.db import migrations

DEFAULT_MODEL = "gemini-2.5-pro-exp-03-25"

# Those that free projects may use come first: gemini-3.1-pro-preview has no free quota in most of them.
LARGE = ("gemini-4-hydrogen", "gemini-3.1-pro-preview", "gemini-3.8-flash", "gemini-3.5-flash-lite")
MIDDLE = ("gemini-3.8-flash", "gemini-3.7-flash", "gemini-3.5-flash-lite")
SMALL = ("gemini-3.5-flash-lite", "gemini-3.1-flash-lite", "gemini-3.8-flash")

CHAT = {
    "gpt-3.5-turbo": ("gemini-1.5-flash", *MIDDLE),
    "gpt-3.5-turbo-*": MIDDLE,
    "gpt-4": ("gemini-1.5-pro", *LARGE),
    "gpt-4-turbo": (DEFAULT_MODEL, *LARGE),
    "gpt-4-turbo-preview": (DEFAULT_MODEL, *LARGE),
    "gpt-4-*": LARGE,
    DEFAULT_MODEL: (DEFAULT_MODEL, *LARGE),
    "gpt-4o": MIDDLE,
    "gpt-4o-*": MIDDLE,
    "chatgpt-4o-latest": MIDDLE,
    "gpt-4o-mini": SMALL,
    "gpt-4o-mini-*": SMALL,
    "gpt-4.1*": MIDDLE,
    "gpt-4.1-mini*": SMALL,
    "gpt-4.1-nano*": SMALL,
    "gpt-5*": LARGE,
    "gpt-5-mini*": MIDDLE,
    "gpt-5-nano*": SMALL,
    "o1*": LARGE,
    "o3*": LARGE,
    "o4-mini*": MIDDLE,
}
# The vector length that OpenAI's model of the name gives when the client asks for none.
EMBEDDINGS = {"text-embedding-3-small": 1536, "text-embedding-3-large": 3072, "text-embedding-ada-002": 1536}
EMBEDDING_MODEL = "gemini-embedding-2"


def rows():
    """Each mapping's name, targets in order, and dimensions."""
    for name, targets in CHAT.items():
        yield name, targets, None
    for name, dimensions in EMBEDDINGS.items():
        yield name, (EMBEDDING_MODEL,), dimensions


def seed(apps, schema_editor):
    """Add the mappings that are not there; a name that someone has mapped already stays theirs."""
    ModelMapping, MappingTarget = apps.get_model("compat", "ModelMapping"), apps.get_model("compat", "MappingTarget")
    for name, targets, dimensions in rows():
        mapping, created = ModelMapping.objects.get_or_create(name=name, defaults={"dimensions": dimensions})
        if created:
            MappingTarget.objects.bulk_create(
                MappingTarget(mapping=mapping, gemini_model=target, position=position)
                for position, target in enumerate(targets)
            )


def unseed(apps, schema_editor):
    """Take away the mappings that are still as they were added; an edited one belongs to its editor."""
    ModelMapping = apps.get_model("compat", "ModelMapping")
    for name, targets, dimensions in rows():
        mapping = ModelMapping.objects.filter(
            name=name, strategy="failover", enabled=True, listed=True, dimensions=dimensions
        ).first()
        if mapping is None:
            continue
        found = mapping.targets.order_by("position", "id").values_list("gemini_model", "weight")
        if list(found) == [(target, 1) for target in targets]:
            mapping.delete()


class Migration(migrations.Migration):
    dependencies = [("compat", "0001_initial")]

    operations = [migrations.RunPython(seed, unseed)]

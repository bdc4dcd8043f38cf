"""The data migration of the model mappings: what it seeds, and that it can be taken back."""

from importlib import import_module

import pytest
from django.apps import apps

from compat.mapping import read_table
from compat.models import MappingTarget, ModelMapping
from compat.translation.families import family_of

pytestmark = pytest.mark.django_db
migration = import_module("compat.migrations.0002_seed_mappings")
best = import_module("compat.migrations.0003_seed_tumbler_best")
claude = import_module("compat.migrations.0004_seed_claude")
sound = import_module("compat.migrations.0005_seed_sound")
images = import_module("compat.migrations.0005_seed_images")


@pytest.fixture(autouse=True)
def seeded(db):
    # A transactional test before this one may have flushed what the migration put there.
    migration.seed(apps, None)
    best.seed(apps, None)
    claude.seed(apps, None)
    sound.seed(apps, None)
    images.seed(apps, None)


def targets(name):
    return list(ModelMapping.objects.get(name=name).targets.values_list("gemini_model", flat=True))


@pytest.mark.parametrize(
    ("name", "first"),
    [
        ("gpt-3.5-turbo", "gemini-1.5-flash"),
        ("gpt-4", "gemini-1.5-pro"),
        ("gpt-4-turbo", "gemini-2.5-pro-exp-03-25"),
        ("gpt-4-turbo-preview", "gemini-2.5-pro-exp-03-25"),
        ("gemini-2.5-pro-exp-03-25", "gemini-2.5-pro-exp-03-25"),
    ],
)
def test_the_first_table_leads_with_its_own_targets_and_falls_back_to_current_ones(name, first):
    found = targets(name)
    assert found[0] == first
    assert len(found) >= 3
    assert not any(target.startswith(("gemini-1.5", "gemini-2.")) for target in found[1:])


@pytest.mark.parametrize(
    "name", ["gpt-4o", "gpt-4o-mini", "gpt-4.1*", "gpt-5*", "o3*", "o4-mini*", "gpt-5-nano*", "chatgpt-4o-latest"]
)
def test_the_names_that_clients_send_today_have_several_current_targets(name):
    assert len(targets(name)) >= 3
    assert "gemini-3.8-flash" in targets(name)


@pytest.mark.parametrize(
    ("name", "dimensions"),
    [("text-embedding-3-small", 1536), ("text-embedding-3-large", 3072), ("text-embedding-ada-002", 1536)],
)
def test_embeddings_have_one_target_because_vectors_of_two_models_do_not_compare(name, dimensions):
    assert len(targets(name)) == 1
    assert ModelMapping.objects.get(name=name).dimensions == dimensions


def test_every_seeded_row_is_one_that_the_admin_would_accept():
    for mapping in ModelMapping.objects.all():
        mapping.full_clean()
    for target in MappingTarget.objects.all():
        target.full_clean()


def test_seeding_again_changes_nothing_and_keeps_what_someone_mapped():
    ModelMapping.objects.get(name="gpt-4").targets.exclude(gemini_model="gemini-3.8-flash").delete()
    count = ModelMapping.objects.count()
    migration.seed(apps, None)
    assert targets("gpt-4") == ["gemini-3.8-flash"]
    assert ModelMapping.objects.count() == count


def test_taking_it_back_leaves_the_rows_that_someone_touched():
    ModelMapping.objects.create(name="mine")
    ModelMapping.objects.filter(name="gpt-4o").update(enabled=False)
    ModelMapping.objects.get(name="gpt-4").targets.first().delete()
    migration.unseed(apps, None)
    best.unseed(apps, None)
    claude.unseed(apps, None)
    sound.unseed(apps, None)
    images.unseed(apps, None)
    assert set(ModelMapping.objects.values_list("name", flat=True)) == {"mine", "gpt-4o", "gpt-4"}
    migration.seed(apps, None)
    assert ModelMapping.objects.filter(name="gpt-5*").exists()


def test_the_best_models_have_an_alias_that_an_edit_makes_somebodys_own():
    assert targets("tumbler/best") == list(best.TARGETS)
    ModelMapping.objects.get(name="tumbler/best").targets.first().delete()
    best.unseed(apps, None)
    assert targets("tumbler/best") == list(best.TARGETS[1:])


@pytest.mark.parametrize(
    ("name", "first"),
    [
        ("claude-opus-4-5", "gemini-4-hydrogen"),
        ("claude-3-5-haiku-20241022", "gemini-3.5-flash-lite"),
        ("claude-sonnet-4-5-20250929", "gemini-3.8-flash"),
        ("claude-next", "gemini-3.8-flash"),
    ],
)
def test_the_names_of_anthropics_clients_lead_to_models_of_their_size(name, first):
    assert read_table().find(name).targets[0] == first


@pytest.mark.parametrize("name", ["tts-1", "tts-1-1106", "tts-1-hd", "gpt-4o-mini-tts", "gpt-4o-mini-tts-2025-12-15"])
def test_the_names_of_speech_lead_to_models_that_speak_and_to_no_other(name):
    found = read_table().find(name).targets
    assert len(found) >= 2
    assert all(family_of(target).speech for target in found)


@pytest.mark.parametrize(
    ("name", "first"),
    [
        ("whisper-1", "gemini-3.8-flash"),
        ("gpt-4o-transcribe", "gemini-3.8-flash"),
        ("gpt-4o-mini-transcribe-2025-12-15", "gemini-3.5-flash-lite"),
        ("omni-moderation-2024-09-26", "gemini-3.5-flash-lite"),
        ("text-moderation-stable", "gemini-3.5-flash-lite"),
    ],
)
def test_the_names_of_transcriptions_and_moderations_lead_to_models_that_listen_and_judge(name, first):
    assert read_table().find(name).targets[0] == first


@pytest.mark.parametrize(
    ("name", "first"),
    [
        ("gpt-image-1", "gemini-3.1-flash-image"),
        ("gpt-image-1-mini", "gemini-3.1-flash-lite-image"),
        ("gpt-image-2-2026-04-21", "gemini-3-pro-image"),
        ("dall-e-3", "gemini-3.1-flash-image"),
    ],
)
def test_the_names_of_image_models_lead_to_models_that_draw(name, first):
    found = read_table().find(name).targets
    assert found[0] == first and all(family_of(target).images for target in found)

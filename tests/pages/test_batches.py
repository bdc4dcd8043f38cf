"""A person's batches: how far each is, its results, and its end before its time."""

import pytest
from asgiref.sync import sync_to_async
from django.test import AsyncClient, Client

from accounts import batches, files
from accounts.issuing import issue_token
from accounts.models import Batch, User

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada():
    return User.objects.create_user("ada")


@pytest.fixture
def page(ada):
    client = Client(headers={"host": "localhost"})
    client.force_login(ada)
    return client


@pytest.fixture
def batch(ada):
    token, _ = issue_token(ada)
    made = batches.create(ada.pk, token.pk, endpoint="/v1/embeddings", input_file="file-1")
    Batch.objects.update(status="in_progress", total=1_200, completed=600, failed=3)
    return made


def test_a_batch_tells_how_far_it_is(page, batch):
    text = page.get("/accounts/batches/").content.decode()
    assert batch.pk in text and "/v1/embeddings" in text and "running" in text
    assert "603 of 1,200" in text and "3 without an answer" in text and 'value="50"' in text
    assert f"/accounts/batches/{batch.pk}/cancel/" in text


def test_who_has_none_reads_what_it_is(page):
    assert "No batch yet" in page.get("/accounts/batches/").content.decode()


def test_what_is_wrong_with_a_file_is_told_by_its_line(page, batch):
    error = {"code": "invalid_json_line", "message": "This line is no JSON.", "param": None, "line": 7}
    Batch.objects.update(status="failed", errors=[error] * 9)
    text = page.get("/accounts/batches/").content.decode()
    assert text.count("line 7:") == 3 and "This line is no JSON." in text and "cancel/" not in text


def test_it_is_cancelled_after_a_question(page, batch):
    asked = page.get(f"/accounts/batches/{batch.pk}/cancel/").content.decode()
    assert f"Of {batch.pk} 603 of 1200 requests are answered" in asked and "Let it run" in asked
    batch.refresh_from_db()
    assert batch.status == "in_progress"
    done = page.post(f"/accounts/batches/{batch.pk}/cancel/", follow=True).content.decode()
    assert "is being cancelled" in done
    batch.refresh_from_db()
    assert batch.status == "cancelling"
    Batch.objects.update(status="completed")
    late = page.post(f"/accounts/batches/{batch.pk}/cancel/", follow=True).content.decode()
    assert "has ended, or is about to" in late


def test_results_are_downloaded_while_they_are_kept(page, ada, batch):
    file = files.keep(ada.pk, "a.jsonl", "batch_output", [b'{"a": 1}\n'])
    Batch.objects.update(status="completed", output_file=file.pk)
    text = page.get("/accounts/batches/").content.decode()
    assert f"/accounts/batches/{batch.pk}/output/" in text and f"{batch.pk}/errors/" not in text
    for kind in ("errors", "input", "cancelled"):
        assert page.get(f"/accounts/batches/{batch.pk}/{kind}/").status_code == 404
    files.delete(ada.pk, file.pk)
    assert page.get(f"/accounts/batches/{batch.pk}/output/").status_code == 404
    assert "/output/" not in page.get("/accounts/batches/").content.decode()


def test_results_whose_encryption_key_is_gone_are_told_so(page, ada, batch, settings):
    file = files.keep(ada.pk, "a.jsonl", "batch_output", [b'{"a": 1}\n'])
    Batch.objects.update(status="completed", output_file=file.pk)
    settings.ENCRYPTION_KEYS = ["MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="]
    told = page.get(f"/accounts/batches/{batch.pk}/output/", follow=True).content.decode()
    assert "encryption key that it was kept under is gone" in told


@pytest.mark.django_db(transaction=True)
async def test_a_download_holds_what_the_batch_brought(ada, batch):
    file = await sync_to_async(files.keep)(ada.pk, "a.jsonl", "batch_output", [b'{"a": 1}\n'])
    await sync_to_async(Batch.objects.update)(status="completed", output_file=file.pk)
    client = AsyncClient(headers={"host": "localhost"})
    await client.aforce_login(ada)
    answer = await client.get(f"/accounts/batches/{batch.pk}/output/")
    assert answer["Content-Disposition"] == f'attachment; filename="{batch.pk}_output.jsonl"'
    assert b"".join([part async for part in answer.streaming_content]) == b'{"a": 1}\n'

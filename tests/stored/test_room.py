"""Room for what users have stored, looked for by several at once: on SQLite, and on PostgreSQL, where they run side by side."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, transaction
from django.db.models import Sum

from accounts import batches, files, kept_images, uploads
from accounts.models import Batch, Conversation, ConversationItem, KeptImage, StoredResponse, User
from accounts.one_at_a_time import wait_for_others_of
from accounts.stored import NoRoom, NotStored, conversations, responses, room
from tests.metering.conftest import data_dir, database, postgresql_server, postgresql_url, sqlite_url

__all__ = ["data_dir", "database", "postgresql_server", "postgresql_url", "sqlite_url"]

AT_ONCE = 8


@pytest.fixture
def ada(database):
    yield User.objects.create(username="ada")
    for model in (StoredResponse, ConversationItem, Conversation, KeptImage, Batch):
        model.objects.all().delete()


def at_once(act):
    """How many of some that run at the same moment find room, or what they are about."""
    ready = threading.Barrier(AT_ONCE)

    def run(number):
        try:
            with connection.cursor():
                ready.wait(10)
            act(number)
        except (NoRoom, NotStored, kept_images.NoRoom, batches.TooMany):
            return 0
        finally:
            connection.close()
        return 1

    with ThreadPoolExecutor(AT_ONCE) as threads:
        return sum(threads.map(run, range(AT_ONCE)))


def test_conversations_are_no_more_than_there_may_be(ada, monkeypatch):
    monkeypatch.setattr(room, "MOST_CONVERSATIONS", 3)
    assert at_once(lambda number: conversations._create(ada.pk, f"conv_{number}", b"{}", [])) == 3
    assert Conversation.objects.count() == 3


def test_items_of_a_conversation_are_no_more_than_there_may_be(ada, monkeypatch):
    conversations._create(ada.pk, "conv_1", b"{}", [])
    monkeypatch.setattr(conversations, "MOST_ITEMS", 3)
    assert at_once(lambda number: conversations.add_now(ada.pk, "conv_1", [(f"msg_{number}", b"{}")])) == 3
    assert ConversationItem.objects.count() == 3


def test_responses_take_no_more_room_than_there_is(ada, settings, monkeypatch):
    monkeypatch.setattr(room.settings, "STORED_MIB", 3_500 / 1024 / 1024)
    acts = []
    monkeypatch.setattr(responses, "write_behind", lambda user_id, size, act: acts.append(act))
    for number in range(AT_ONCE):
        responses.keep(ada.pk, f"resp_{number}", None, "completed", 1, lambda: b"x" * 1_000)
    assert at_once(lambda number: acts[number]()) == AT_ONCE
    assert StoredResponse.objects.aggregate(held=Sum("size"))["held"] == 3_000


def test_images_of_one_owner_take_no_more_room_than_there_is(ada, settings):
    settings.IMAGE_LINK_BYTES = 8 * 3_500
    at_once(lambda number: kept_images.keep(ada.pk, [("image/png", b"x" * 1_000)]))
    assert KeptImage.objects.aggregate(held=Sum("size"))["held"] == 3_000


def test_an_item_that_is_deleted_twice_at_once_is_taken_away_once(ada):
    conversations._create(ada.pk, "conv_1", b"{}", [("msg_1", b"x" * 10), ("msg_2", b"x" * 50)])
    assert at_once(lambda number: conversations._delete_item(ada.pk, "conv_1", "msg_1")) == 1
    assert Conversation.objects.values_list("size", flat=True).get() == 50


def test_batches_are_no_more_than_there_may_be(ada, monkeypatch):
    monkeypatch.setattr(batches, "MOST_OPEN", 3)
    assert at_once(lambda number: batches.create(ada.pk, None, endpoint="", input_file="")) == 3
    assert Batch.objects.count() == 3


def test_an_upload_is_not_finished_while_somebody_takes_its_room(ada):
    begun = uploads.begin(ada.pk, None, "a", "user_data", media_type="", size=1)
    uploads.add_behind(begun, 0, [b"x"])
    upload = uploads.find(begun.pk)

    def finish():
        try:
            uploads.finish(upload, [0], 1, "")
        except uploads.Over:
            return "over"
        finally:
            connection.close()
        return "finished"

    with ThreadPoolExecutor(1) as threads:
        with transaction.atomic():
            wait_for_others_of(ada.pk)
            finished = threads.submit(finish)
            time.sleep(0.3)
            files.erase([upload.file_id])
        assert finished.result(10) == "over"

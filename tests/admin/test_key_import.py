"""Thousands of keys at once: a verdict for each line by its number, no key on any page, twice is as once."""

import re
from datetime import timedelta
from threading import Thread

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from accounts import contributing, key_tasks
from accounts.contributing import contribute
from accounts.models import ContributedKey, KeyTask
from tests.admin.filling import KEY, SITE
from tests.admin.query_counts import recorded_queries

pytestmark = pytest.mark.django_db
LIST = SITE + "accounts/contributedkey/"
IMPORT = LIST + "import/"


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    """The work is done before the answer goes out, in this thread and transaction."""
    monkeypatch.setattr(key_tasks, "_spawn", lambda work: work())


def bring(client, text="", file=None, **more):
    data = {"keys": text, **more}
    if file is not None:
        data["file"] = SimpleUploadedFile("../../keys.txt", file)
    return client.post(IMPORT, data, follow=True)


def told(answer):
    """Line number → verdict, as the page says."""
    cells = re.findall(r"<td[^>]*>(\d+)</td><td[^>]*>(\w+)</td>", answer.content.decode())
    return {int(number): verdict for number, verdict in cells}


def test_each_line_gets_its_verdict_and_no_key_is_repeated(root):
    contribute(f"{KEY}-here", source="operator")
    answer = bring(root, f"{KEY}-a\r\n\nno key\n{KEY}-here\n{KEY}-b,mine\n{KEY}-a\n", project="ours", label="batch")
    assert told(answer) == {1: "added", 2: "empty", 3: "malformed", 4: "duplicate", 5: "added", 6: "duplicate"}
    assert KEY not in answer.content.decode() and "no key" not in answer.content.decode()
    made = ContributedKey.objects.filter(label="batch")
    assert set(made.values_list("project", "source", "state")) == {
        ("ours", "admin", "active"),
        ("mine", "admin", "active"),
    }


def test_a_file_is_read_and_its_name_and_text_are_nowhere(root):
    text = "\r".join(f"{KEY}-{number}" for number in range(450)).encode("utf-16")
    answer = bring(root, file=text)
    html = answer.content.decode()
    assert "450 of 450" in html and "450 added" in html and "keys.txt" not in html and KEY not in html
    assert ContributedKey.objects.count() == 450
    task = KeyTask.objects.get()
    assert (task.done, task.counts, task.letters) == (450, {"added": 450}, "a" * 450)


def test_bringing_the_same_list_again_adds_nothing(root):
    text = "\n".join(f"{KEY}-{number}" for number in range(3))
    bring(root, text)
    before = list(ContributedKey.objects.order_by("pk").values())
    assert set(told(bring(root, text)).values()) == {"duplicate"}
    assert list(ContributedKey.objects.order_by("pk").values()) == before


def test_one_bad_row_of_a_thousand_is_found_by_its_number(root):
    lines = [f"{KEY}-{number}" for number in range(1000)]
    lines[616] = "bad row"
    bring(root, "\n".join(lines))
    task = KeyTask.objects.get()
    assert told(root.get(f"{LIST}task/{task.pk}/?only=malformed")) == {617: "malformed"}
    assert len(told(root.get(f"{LIST}task/{task.pk}/"))) == 200
    assert min(told(root.get(f"{LIST}task/{task.pk}/?from=201"))) == 201
    assert told(root.get(f"{LIST}task/{task.pk}/?from=x&only=nonsense")) == {}


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ({"keys": ""}, "one of the two"),
        ({"keys": KEY, "file": SimpleUploadedFile("x", b"y")}, "one of the two"),
        ({"file": SimpleUploadedFile("x.zip", b"PK\3\4" + bytes(range(256)) * 40)}, "This is no text"),
        ({"keys": "\n# nothing\n"}, "There is no key in it."),
        ({"keys": KEY, "label": "AI" + "zaFAKEFAKEFAKE"}, "This looks like a key."),
    ],
)
def test_what_cannot_be_imported_is_told_and_nothing_is_kept(root, data, sentence):
    answer = root.post(IMPORT, data)
    assert answer.status_code == 400
    assert sentence in answer.content.decode()
    assert not ContributedKey.objects.exists() and not KeyTask.objects.exists()


def test_what_is_too_large_is_told_before_it_is_read(root):
    answer = root.post(IMPORT, {"file": SimpleUploadedFile("x", b"x" * (2 * 1024 * 1024 + 70_000))})
    assert answer.status_code == 413
    assert "larger than 2 MiB" in answer.content.decode()


def test_new_keys_are_asked_about_before_they_are_used(root, monkeypatch):
    def check(keys):
        for key in keys:
            if key.last_four == "dead":
                contributing.disable_key(key, "key_invalid")
        return {key.pk: "key_invalid" if key.last_four == "dead" else "good" for key in keys}

    monkeypatch.setattr(contributing, "key_checker", check)
    answer = bring(root, f"{KEY}-good\n{KEY}-dead\n{KEY}-fine", checked="on")
    assert "3 of 3" in answer.content.decode()
    assert dict(ContributedKey.objects.values_list("last_four", "state")) == {
        "good": "active",
        "dead": "disabled",
        "fine": "active",
    }
    check = KeyTask.objects.get(kind="check")
    assert check.counts == {"good": 2, "key_invalid": 1} and KeyTask.objects.get(kind="import").next == check


def test_keys_that_nobody_answered_for_are_not_used(root, monkeypatch):
    monkeypatch.setattr(contributing, "key_checker", lambda keys: {key.pk: "no answer" for key in keys})
    bring(root, f"{KEY}-good", checked="on")
    assert ContributedKey.objects.get().state == "received"


def test_an_operators_keys_wait_for_nobodys_approval(root, monkeypatch, settings):
    settings.MODERATE_CONTRIBUTIONS = True
    monkeypatch.setattr(contributing, "key_checker", lambda keys: {key.pk: "good" for key in keys})
    bring(root, f"{KEY}-good", checked="on")
    assert ContributedKey.objects.get().state == "active"


def test_the_page_loads_itself_anew_while_the_work_goes_on_and_says_when_it_was_cut_off(root):
    task = KeyTask.objects.create(kind="import", total=10, done=4, letters="aaad")
    html = root.get(f"{LIST}task/{task.pk}/").content.decode()
    assert 'http-equiv="refresh"' in html and "4 of 10" in html and "<script>" not in html
    KeyTask.objects.update(updated=timezone.now() - timedelta(minutes=3))
    html = root.get(f"{LIST}task/{task.pk}/").content.decode()
    assert 'http-equiv="refresh"' not in html and "It was cut off" in html
    KeyTask.objects.update(finished=timezone.now())
    html = root.get(f"{LIST}task/{task.pk}/").content.decode()
    assert 'http-equiv="refresh"' not in html and "cut off" not in html


def test_who_may_not_add_keys_imports_none(staff):
    assert bring(staff("view_contributedkey"), KEY).status_code == 403
    assert staff("view_contributedkey").get(IMPORT).status_code == 403
    task = KeyTask.objects.create(kind="import", total=1)
    assert staff("view_issuedtoken").get(f"{LIST}task/{task.pk}/").status_code == 403
    assert not ContributedKey.objects.exists()


def test_a_form_without_the_token_against_forgery_is_refused(root):
    root.handler.enforce_csrf_checks = True
    assert bring(root, KEY).status_code == 403
    assert not ContributedKey.objects.exists()


def test_the_pages_ask_the_database_little(root):
    task = KeyTask.objects.create(kind="import", total=3, letters="aad")
    root.get(IMPORT)
    with recorded_queries("accounts/contributedkey/import/"):
        root.get(IMPORT)
    with recorded_queries("accounts/contributedkey/task/"):
        root.get(f"{LIST}task/{task.pk}/")


def test_only_the_last_tasks_are_kept(root):
    KeyTask.objects.bulk_create(KeyTask(kind="check", total=1, created=timezone.now()) for _ in range(60))
    bring(root, KEY)
    assert KeyTask.objects.count() == 50


@pytest.mark.django_db(transaction=True)
def test_an_import_runs_in_a_thread_of_its_own(root, monkeypatch):
    threads = []

    def spawn(work):
        threads.append(Thread(target=key_tasks._work, args=(work,)))
        threads[-1].start()

    monkeypatch.setattr(key_tasks, "_spawn", spawn)
    bring(root, "\n".join(f"{KEY}-{number}" for number in range(500)))
    threads[0].join(30)
    assert KeyTask.objects.get().finished and ContributedKey.objects.count() == 500

"""`bootstrap`: what is missing is made once, whoever asks and however often."""

import os
import stat

import pytest
from django.contrib.auth import authenticate

from accounts.callers import recognise
from accounts.models import ContributedKey, IssuedToken, User
from tests.serving.clients_and_servers import Site, first_run
from tumbler_site.serving import bootstrap

URL = "http://127.0.0.1:3000/v1"
KEY = "not-a-real-key-0123456789"


@pytest.fixture
def data_dir(settings, tmp_path):
    settings.DATA_DIR = tmp_path
    return tmp_path


@pytest.mark.django_db
def test_the_first_run_makes_an_admin_and_a_token(data_dir):
    made = bootstrap.make_first_run(URL)
    assert first_run(data_dir) == made._asdict()
    assert stat.S_IMODE((data_dir / "first-run.txt").stat().st_mode) == 0o600
    admin = authenticate(username=made.admin_user, password=made.admin_password)
    assert admin.is_superuser
    assert made.admin_user == "admin"
    token = IssuedToken.objects.get()
    assert (token.user, token.name) == (admin, "first token")
    assert made.base_url == URL


@pytest.mark.django_db(transaction=True)
async def test_the_first_token_is_one_that_the_door_knows(data_dir):
    from accounts.in_db import in_db

    made = await in_db(bootstrap.make_first_run, URL)
    caller = await recognise(made.token)
    assert caller.username == "admin"


@pytest.mark.django_db
def test_a_second_run_makes_and_shows_nothing(data_dir):
    made = bootstrap.make_first_run(URL)
    assert bootstrap.make_first_run(URL) is None
    assert first_run(data_dir) == made._asdict()
    assert (User.objects.count(), IssuedToken.objects.count()) == (1, 1)


@pytest.mark.django_db
def test_only_what_is_missing_is_made(data_dir):
    User.objects.create_superuser("chief", password="long enough to keep")
    made = bootstrap.make_first_run(URL)
    assert (made.admin_user, made.admin_password) == ("", "")
    assert IssuedToken.objects.get().user.username == "chief"
    assert set(first_run(data_dir)) == {"base_url", "token"}


@pytest.mark.django_db
def test_a_stranger_who_took_the_name_does_not_become_the_admin(data_dir):
    stranger = User.objects.create_user("admin", password="a stranger's password")
    made = bootstrap.make_first_run(URL)
    assert made.admin_user == "admin2"
    stranger.refresh_from_db()
    assert not stranger.is_superuser
    assert IssuedToken.objects.get().user.username == "admin2"


@pytest.mark.django_db
def test_a_file_left_by_a_start_that_crashed_is_written_anew(data_dir):
    (data_dir / "first-run.txt").write_text("base_url: old\ntoken: never-committed\nadmin_password: never-committed\n")
    made = bootstrap.make_first_run(URL)
    assert first_run(data_dir) == made._asdict()
    assert stat.S_IMODE((data_dir / "first-run.txt").stat().st_mode) == 0o600


@pytest.mark.django_db
def test_nobody_is_made_whose_password_cannot_be_written_down(data_dir, monkeypatch):
    def full(*args):
        raise OSError("no space left")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="no space"):
        bootstrap.make_first_run(URL)
    assert not User.objects.exists()
    assert not IssuedToken.objects.exists()
    assert list(data_dir.iterdir()) == []


@pytest.mark.django_db
def test_keys_of_the_environment_are_imported_once_each_in_their_order(monkeypatch, tmp_path):
    (tmp_path / "key").write_text(f"{KEY}-c\n")
    monkeypatch.setenv("GEMINI_API_KEY_10", f"{KEY}-b")
    monkeypatch.setenv("GEMINI_API_KEY", f"{KEY}-a")
    monkeypatch.setenv("GEMINI_API_KEY_3_FILE", str(tmp_path / "key"))
    monkeypatch.setenv("GEMINI_API_KEY_4", "")
    monkeypatch.setenv("GEMINI_API_KEY_5", "too short")
    names = ["GEMINI_API_KEY", "GEMINI_API_KEY_3", "GEMINI_API_KEY_5", "GEMINI_API_KEY_10"]
    assert bootstrap.operator_key_variables() == names
    assert list(bootstrap.import_operator_keys().values()) == ["added", "added", "malformed", "added"]
    assert list(bootstrap.import_operator_keys().values()) == ["duplicate", "duplicate", "malformed", "duplicate"]
    kept = ContributedKey.objects.order_by("label").values_list("label", "source", "upstream")
    assert set(kept) == {(name, "operator", "gemini") for name in names if name != "GEMINI_API_KEY_5"}


def test_the_command_asks_for_migrations_first(site):
    child = site("bootstrap")
    assert child.wait() == 1
    assert "manage.py migrate" in child.err[0]


def test_four_at_once_make_one_admin_and_show_it_once(migrated_site, tmp_path):
    several = [migrated_site("bootstrap", GEMINI_API_KEY=KEY) for _ in range(4)]
    assert [one.wait(60) for one in several] == [0] * 4
    shown = [one for one in several if any("Password" in line for line in one.out)]
    assert len(shown) == 1
    assert sum("Put into the pool" in line for one in several for line in one.out) == 1
    made = first_run(tmp_path / "data")
    assert any(made["token"] in line for line in shown[0].out)
    assert not any(KEY in line for one in several for line in one.out + one.err)


def test_it_runs_where_it_is_started(tmp_path):
    """A data directory given by a relative path is relative to where the command was started, as any path."""
    os.mkdir(tmp_path / "elsewhere")
    child = Site("data", "migrate", "-v", "0", cwd=tmp_path / "elsewhere")
    try:
        assert child.wait() == 0
    finally:
        child.close()
    assert (tmp_path / "elsewhere" / "data" / "secrets.json").exists()

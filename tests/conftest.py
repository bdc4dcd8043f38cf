"""What holds for every test: helpers' assertions explain themselves, and no test meets what another left in memory."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest
from django.db import connections
from django.test import override_settings

from tests.live.gateway import template
from tests.once import migrated, once

if TYPE_CHECKING:
    from xdist.scheduler import LoadScopeScheduling

__all__ = ["migrated", "once", "template"]

# How long an example takes says how busy the machine is.
hypothesis.settings.register_profile("tests", deadline=None)
hypothesis.settings.load_profile("tests")

pytest.register_assert_rewrite("tests.translation.translating", "tests.translation.answering")


@pytest.fixture(autouse=True)
def _nothing_remembered(request, settings, monkeypatch):
    """Forget keys, mappings, models, callers, limits and prices that an earlier test's database held.

    Settings are changed by pytest-django's fixture alone: where a monkeypatch and a test's own change are undone in another
    order than they were made, the next tests find what is left of them.
    """
    from accounts import callers, failed_attempts, limits, pool, pricing, remembered_settings
    from accounts.live.traffic import traffic
    from compat import catalogue, mapping
    from compat.relay import copies, gone

    if "last_uses" not in request.fixturenames:
        monkeypatch.setattr(callers, "_note_use", lambda token_id, before: None)
    if "storing" not in request.fixturenames:
        settings.STORED_DAYS = 0
    # A machine that is busy with other tests may well take its time.
    settings.DATABASE_SECONDS = 10.0
    remembered_settings.forget()
    pool.reset()
    callers.forget()
    failed_attempts.forget()
    limits.forget()
    pricing.forget()
    traffic.forget()
    mapping.forget_mappings()
    catalogue.forget_offered()
    gone.forget_gone()
    copies.reset()


@pytest.fixture
async def no_connection_kept() -> AsyncIterator[None]:
    """Connections to Gemini that the test's event loop keeps are closed before it is.

    Left, they would stay open for the rest of the run: two descriptors a test, and `select` knows a thousand.
    """
    from compat.relay.upstream import gemini

    yield
    await gemini().close()
    await asyncio.sleep(0)


_LONGEST = (
    *("live", "doors", "serving", "pages", "shared", "crash", "browser", "clients"),
    *("surface", "limits", "watching", "pool", "files", "contributions", "access"),
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the folders that take longest: one that is left for the end keeps a single worker busy."""
    places = {name: place for place, name in enumerate(_LONGEST)}
    items.sort(key=lambda item: places.get(item.path.parent.name, len(places)))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> "LoadScopeScheduling":
    """Give whole folders of tests to the workers: the tests of a folder share servers, and look at each other's traces."""
    from xdist.scheduler import LoadScopeScheduling

    class ByFolder(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return nodeid.split("::", 1)[0].rpartition("/")[0]

    return ByFolder(config, log)


@pytest.fixture(scope="session", autouse=True)
def _static_files_are_found_when_asked_for():
    """WhiteNoise lists some two hundred files for each new test client otherwise: most of the time of a page's test."""
    with override_settings(WHITENOISE_AUTOREFRESH=True):
        yield


@pytest.fixture
def last_uses():
    """The last use of a token is written in this test. Elsewhere that would meet other writers at any moment, and a SQLite
    in memory does not wait: it says that the table is locked."""


@pytest.fixture
def storing():
    """Responses are stored in this test. Elsewhere that would go on in a database thread when the test is over."""


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings_parallel_suffix: None, tmp_path_factory: pytest.TempPathFactory, migrated: Path
) -> None:
    """Test on a file, as the site runs on one: in memory a second thread is refused at once where it would wait."""
    if connections["default"].vendor == "sqlite":
        own = shutil.copy(migrated, tmp_path_factory.mktemp("database") / "test.sqlite3")
        connections["default"].settings_dict["TEST"]["NAME"] = str(own)
        # A power cut ends the tests as well.
        connections["default"].settings_dict["OPTIONS"]["init_command"] += "; PRAGMA synchronous=OFF"


@pytest.fixture(scope="session")
def django_db_keepdb() -> bool:
    """The copied file is used as it is found."""
    return connections["default"].vendor == "sqlite"

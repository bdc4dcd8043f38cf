"""Several processes on one Redis and one PostgreSQL, all of them real."""

import uuid
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest

from tests.metering.conftest import postgresql_server
from tests.redis_server import FrailRedis, frail_redis, redis_url
from tests.scripted_gemini import ScriptedGemini
from tests.shared.site import Served, Site

__all__ = ["frail_redis", "postgresql_server", "redis_url"]


@pytest.fixture(scope="session")
def upstream() -> Iterator[ScriptedGemini]:
    gemini = ScriptedGemini()
    yield gemini
    gemini.close()


@pytest.fixture
def gemini(upstream: ScriptedGemini) -> ScriptedGemini:
    """The scripted Gemini without rules or calls."""
    upstream.forget()
    return upstream


@pytest.fixture(scope="session")
def new_database(postgresql_server: str) -> Iterator[Callable[[], str]]:
    """Makes PostgreSQL databases of our own, empty; gives their URLs."""
    parts, names = urlsplit(postgresql_server), []
    with psycopg.connect(postgresql_server, autocommit=True) as server:

        def make() -> str:
            names.append(f"shared_{uuid.uuid4().hex[:12]}")
            server.execute(f'CREATE DATABASE "{names[-1]}"')
            return urlunsplit(parts._replace(path=f"/{names[-1]}"))

        yield make
        for name in names:
            server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture(scope="session")
def site_redis() -> Iterator[FrailRedis]:
    """The Redis of the site."""
    server = FrailRedis()
    yield server
    server.kill()


@pytest.fixture(scope="session")
def site(tmp_path_factory, upstream, new_database, site_redis) -> Site:
    """A site on PostgreSQL and Redis, whose batches are run by processes of their own."""
    directory = tmp_path_factory.mktemp("site")
    return Site(directory, upstream.url, new_database(), site_redis.url, TUMBLER_BATCH_LINES="0")


@pytest.fixture(scope="session")
def serve(request) -> Callable[..., Served]:
    """serve(site, server, workers): it runs until the session ends, unless the test stops it."""

    def serve(site: Site, server: str, workers: int = 1) -> Served:
        served = Served(site, server, workers)
        request.addfinalizer(lambda: served.stop() if served.process.poll() is None else None)
        return served

    return serve


@pytest.fixture(scope="session", params=["uvicorn", "daphne"])
def two_workers(request, site, serve) -> Iterator[Served]:
    """The site served by two workers, under each server."""
    served = serve(site, request.param, 2)
    yield served
    served.stop()


@pytest.fixture
def model() -> str:
    """A Gemini model that no other test asks for."""
    return f"gemini-2.5-flash--sparse-{uuid.uuid4().hex[:8]}"

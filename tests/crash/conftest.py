"""Two houses; what was sent to one and what it recorded adds up over all tests."""

import uuid
from collections.abc import Iterator
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest

from tests.crash.house import House
from tests.metering.conftest import postgresql_server
from tests.once import new_site
from tests.redis_server import FrailRedis

__all__ = ["postgresql_server"]


@pytest.fixture(scope="session")
def one_worker(tmp_path_factory, migrated) -> Iterator[House]:
    """One process on SQLite, which is not running between the tests."""
    directory = tmp_path_factory.mktemp("house")
    new_site(directory / "var", migrated)
    house = House(directory)
    yield house
    house.close()


@pytest.fixture(scope="session")
def postgresql(postgresql_server) -> str:
    """The URL of an empty database on a real PostgreSQL."""
    name = f"crash_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(postgresql_server, autocommit=True) as server:
        server.execute(f'CREATE DATABASE "{name}"')
    return urlunsplit(urlsplit(postgresql_server)._replace(path=f"/{name}"))


@pytest.fixture(scope="session")
def redis() -> Iterator[FrailRedis]:
    """A Redis that may be frozen."""
    server = FrailRedis()
    yield server
    server.kill()


@pytest.fixture(scope="session")
def two_workers(tmp_path_factory, postgresql, redis) -> Iterator[House]:
    """Two workers on PostgreSQL and Redis, which are not running between the tests."""
    directory = tmp_path_factory.mktemp("house")
    house = House(directory, workers=2, DATABASE_URL=postgresql, REDIS_URL=redis.url)
    yield house
    house.close()

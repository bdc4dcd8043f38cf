"""How long does the admin's list of contributed keys take with 10,000 keys?

    python benchmarks/admin_keys.py [--keys 10000]

Fills a database of its own with keys, days, rests and learned limits, then asks for pages as a signed-in superuser, and
prints the median server time of each in milliseconds and its number of queries.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
MODELS = ("gemini-3.8-flash", "gemini-3.7-flash", "gemini-3.5-flash-lite")
PAGES = {
    "first page": "",
    "page 100": "?p=100",
    "resting": "?resting=yes",
    "not resting": "?resting=no",
    "with errors": "?errors=yes",
    "disabled": "?state__exact=disabled",
    "search": "?q=project-77",
}
_ASKED = 9


def main() -> None:
    """Fill, ask, print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--keys", type=int, default=10_000)
    count = parser.parse_args().keys
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"TUMBLER_DATA_DIR": folder, "DJANGO_SETTINGS_MODULE": "tumbler_site.settings"}
        os.environ.pop("DATABASE_URL", None)
        import django

        django.setup()
        from django.core.management import call_command

        call_command("migrate", verbosity=0)
        _fill(count)
        _ask_for_pages()


def _fill(count: int) -> None:
    from django.utils import timezone

    from accounts.contributing import contribute_many
    from accounts.models import ContributedKey, KeyCooldown, KeyDay, KeyEvent, LearnedQuota
    from accounts.pool.pacific import pacific_day

    now, today = timezone.now(), pacific_day(time.time())
    for start in range(0, count, 500):
        contribute_many([f"fake-key-of-a-benchmark-{start + number}" for number in range(500)], source="admin")
    keys = list(ContributedKey.objects.all())
    for number, key in enumerate(keys):
        key.project = f"project-{number // 3}" if number % 4 == 0 else ""
        key.state, key.reason = ("disabled", "key_leaked") if number % 20 == 0 else ("active", "")
    ContributedKey.objects.bulk_update(keys, ["project", "state", "reason"], batch_size=500)
    domains = sorted({key.quota_domain for key in keys})
    KeyDay.objects.bulk_create(
        [
            KeyDay(
                key=key,
                model=model,
                day=today - timedelta(days=number % 5),
                requests=number % 250,
                refusals=number % 7,
                last_refusal="quota_minute",
                last_used=now,
            )
            for number, key in enumerate(keys)
            for model in MODELS
        ],
        batch_size=2_000,
    )
    LearnedQuota.objects.bulk_create(
        [LearnedQuota(domain=domain, model=model, rpm=10, rpd=250) for domain in domains for model in MODELS],
        batch_size=2_000,
    )
    KeyCooldown.objects.bulk_create(
        [
            KeyCooldown(domain=domain, model=MODELS[0], until=now + timedelta(hours=1), reason="quota_day")
            for domain in domains[::5]
        ]
    )
    KeyEvent.objects.bulk_create(
        [KeyEvent(key=key, domain=key.quota_domain, was="active", became="disabled") for key in keys], batch_size=2_000
    )


def _ask_for_pages() -> None:
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    from accounts.models import User

    client = Client(headers={"host": "localhost"})
    client.force_login(User.objects.create_superuser("root"))
    print(f"{'page':14} {'median ms':>9} {'worst ms':>9} {'queries':>8}")
    for name, query in PAGES.items():
        url = f"/admin/accounts/contributedkey/{query}"
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


if __name__ == "__main__":
    main()

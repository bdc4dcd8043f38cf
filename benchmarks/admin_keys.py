"""How long does the admin's list of contributed keys take with 10,000 keys?

    python benchmarks/admin_keys.py [--keys 10000]

Fills a database of its own with keys, days, cooldowns and learned limits, then asks for pages as a signed-in superuser, and
prints the median server time of each in milliseconds and its number of queries.
"""

import argparse
import sys
import time
from datetime import timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.measuring.pages import ask_for_pages, own_site

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


def main() -> None:
    """Fill, ask, print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--keys", type=int, default=10_000)
    count = parser.parse_args().keys
    with own_site():
        _fill(count)
        from accounts.models import User

        root = User.objects.create_superuser("root")
        ask_for_pages(root, {name: f"/admin/accounts/contributedkey/{query}" for name, query in PAGES.items()})


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


if __name__ == "__main__":
    main()

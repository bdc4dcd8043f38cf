"""check_keys: ask the upstream about every contributed key, by a call that costs nothing."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.contributing import GOOD, request_check
from accounts.contributions.checking import check_received
from accounts.models import ContributedKey
from compat.key_checks import ELSEWHERE

_BATCH = 100


class Command(BaseCommand):
    """One line a key: the start of its fingerprint and the verdict, never the key."""

    help = (
        "Checks every contributed key by listing the models it is offered, which costs no quota, and takes those into "
        "use that were received and are good. Prints a line a key: fingerprint and good, or what is wrong with it. A "
        "key that is refused for good is disabled. Exits with 1 when a key that was in use is not good."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        """Ask about each."""
        check_received()
        counts: Counter[str] = Counter()
        failing = 0
        for keys in _batches():
            in_use = {key.pk for key in keys if key.state != ContributedKey.State.DISABLED}
            verdicts = request_check(keys) or {}
            for key in keys:
                verdict = verdicts[key.pk]
                counts[verdict] += 1
                failing += key.pk in in_use and verdict not in (GOOD, ELSEWHERE)
                was = "" if key.pk in in_use else f" (was disabled: {key.reason})"
                self.stdout.write(f"{key.fingerprint[:12]} {verdict}{was}")
        self.stderr.write("; ".join(f"{count} {verdict}" for verdict, count in counts.most_common()) or "No keys.")
        if failing:
            raise CommandError(f"{failing} keys in use are not good.")


def _batches() -> Iterator[list[ContributedKey]]:
    rows = ContributedKey.objects.order_by("pk")
    found = list(rows[:_BATCH])
    while found:
        yield found
        found = list(rows.filter(pk__gt=found[-1].pk)[:_BATCH])

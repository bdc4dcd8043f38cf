"""Whatever happens in whatever order: each admitted request is recorded once, and the totals are the sum."""

from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from django.core.management import call_command
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.metering import lines
from accounts.metering.journal import Journal
from accounts.metering.ledger import store
from accounts.metering.leftovers import replay_leftovers
from accounts.metering.lines import TokenCounts, to_bytes
from accounts.models import UsageRecord, UsageTotal, User

PROCESSES = 2


@dataclass
class World:
    """Two processes with a journal each, and what their clients were told."""

    directory: Path
    user: int
    journals: list[Journal] = field(default_factory=list)
    open: list[list[lines.Admission]] = field(default_factory=lambda: [[] for _ in range(PROCESSES)])
    admitted: set[str] = field(default_factory=set)
    settled: dict[str, int] = field(default_factory=dict)
    checkpointed: dict[str, int] = field(default_factory=dict)

    def __post_init__(self):
        self.journals = [Journal(self.directory) for _ in range(PROCESSES)]

    def admit(self, process: int, number: int) -> None:
        one = lines.admission(self.user, None, "chat", f"gpt-{number % 2}", False)
        self.journals[process].admit(one)
        self.admitted.add(one.id)
        self.open[process].append(one)

    def checkpoint(self, process: int, number: int) -> None:
        if self.open[process]:
            one = self.open[process][number % len(self.open[process])]
            self.journals[process].checkpoint(lines.Checkpoint(one.id, TokenCounts(completion=number, total=number)))
            self.checkpointed[one.id] = number

    def settle(self, process: int, number: int) -> None:
        if self.open[process]:
            one = self.open[process].pop(number % len(self.open[process]))
            for completion in (number, number + 1):  # the second one is too late
                self.journals[process].settle(_settlement(one, completion))
                self.journals[process].write_owed()
            self.settled[one.id] = number

    def store(self, process: int, number: int) -> None:
        batch = self.journals[process].batch()[: 1 + number % 3]
        if batch:
            store(batch)
            self.journals[process].forget(batch)

    def store_and_die(self, process: int, number: int) -> None:
        if batch := self.journals[process].batch():
            store(batch)
        self.die(process, number)

    def rotate(self, process: int, number: int) -> None:
        self.journals[process].rotate_when_grown()

    def die(self, process: int, number: int) -> None:
        journal = self.journals[process]
        torn = to_bytes(lines.admission(self.user, None, "chat", "torn", False))
        with journal._path.open("ab") as file:
            file.write(torn[: number % len(torn)])
        journal.abandon()
        self.open[process] = []
        self.journals[process] = Journal(self.directory)

    def replay(self, process: int, number: int) -> None:
        replay_leftovers(self.directory)


def _settlement(of, completion):
    return lines.settlement(
        of,
        status=200,
        error_code="",
        gemini_model="",
        attempts=1,
        counts=TokenCounts(completion=completion, total=completion),
        counts_from="upstream",
        cost=0,
        queue_ms=0,
        first_byte_ms=0,
        total_ms=0,
    )


ACTS = ("admit", "admit", "settle", "settle", "checkpoint", "store", "rotate", "replay", "die", "store_and_die")
steps = st.lists(
    st.tuples(st.sampled_from(ACTS), st.integers(0, PROCESSES - 1), st.integers(0, 99)), min_size=5, max_size=40
)


@pytest.mark.usefixtures("no_thread")
def test_every_order_of_events_leaves_each_request_once_and_totals_that_add_up(database, monkeypatch):
    monkeypatch.setattr("accounts.metering.journal.ROTATE_BYTES", 200)
    user = User.objects.create(username="ada").pk

    @settings(max_examples=60, suppress_health_check=list(HealthCheck))
    @given(steps)
    def play(story):
        UsageRecord.objects.all().delete()
        UsageTotal.objects.all().delete()
        with TemporaryDirectory() as home:
            world = World(Path(home), user)
            for act, process, number in story:
                getattr(world, act)(process, number)
            for process in range(PROCESSES):
                world.die(process, 0)
                world.replay(process, 0)
            assert list(world.directory.glob("*.damaged")) == []
            for journal in world.journals:
                journal.close()
        _check(world)

    play()


def _check(world: World) -> None:
    records = {record.id.hex: record for record in UsageRecord.objects.all()}
    assert set(records) == world.admitted
    for id_, record in records.items():
        if id_ in world.settled:
            assert (record.counts_from, record.completion_tokens) == ("upstream", world.settled[id_])
        else:
            assert (record.counts_from, record.completion_tokens) == ("interrupted", world.checkpointed.get(id_, 0))
    assert sum(total.requests for total in UsageTotal.objects.all()) == len(world.admitted)
    call_command("verify_usage")

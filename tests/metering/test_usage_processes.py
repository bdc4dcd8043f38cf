"""Real processes on one data directory: killed at any moment, side by side, out of space."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import call_command

from accounts import metering
from accounts.metering.lines import read_lines
from accounts.models import UsageRecord, UsageTotal

# The promise is made for 200 (TUMBLER_TEST_KILLS=200); the suite takes fewer of the same.
KILLS = int(os.environ.get("TUMBLER_TEST_KILLS", "10"))

HERE = Path(__file__).parent


@pytest.fixture
def environment(data_dir, request) -> dict[str, str]:
    found = {name: text for name, text in os.environ.items() if not name.startswith(("TUMBLER_", "DATABASE_"))}
    if "database" in request.fixturenames:
        found["DATABASE_URL"] = request.getfixturevalue("database")
    return found | {
        "TUMBLER_DATA_DIR": str(data_dir),
        "DJANGO_SETTINGS_MODULE": "tumbler_site.settings",
        "PYTHONPATH": str(HERE.parent.parent),
    }


def program(name, *arguments) -> list[str]:
    return [sys.executable, str(HERE / name), *map(str, arguments)]


def test_kill_minus_nine_at_any_moment_loses_nothing_and_doubles_nothing(ada, data_dir, environment):
    notes = data_dir / "acknowledged"
    command = program("killed_in_a_loop.py", ada.pk, KILLS, notes)
    subprocess.run(command, env=environment, check=True, timeout=60 + KILLS)
    metering.flush_now()

    promised = [line.split() for line in notes.read_text().splitlines()]
    admitted = {words[1] for words in promised if words[0] == "admitted"}
    settled = {words[1]: int(words[2]) for words in promised if words[0] == "settled"}
    records = {record.id.hex: record for record in UsageRecord.objects.all()}
    assert admitted <= set(records)
    # Each kill may have hit between the line in the journal and the note of it, once.
    assert len(set(records) - admitted) <= KILLS
    for id_, completion in settled.items():
        assert (records[id_].counts_from, records[id_].completion_tokens) == ("upstream", completion)
    assert len(settled) > KILLS
    assert sum(record.counts_from == "interrupted" for record in records.values()) >= KILLS / 2
    assert sum(total.requests for total in UsageTotal.objects.all()) == len(records)
    call_command("verify_usage")
    assert list((data_dir / "journal").iterdir()) == []


def test_two_processes_on_one_data_directory_do_not_step_on_each_other(ada, data_dir, environment):
    both = [
        subprocess.Popen(
            program("one_of_two.py", ada.pk, 1500),
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    for process in both:
        assert process.stdout.readline() == "ready\n"
    for process in both:
        process.communicate("go\n", timeout=60)
        assert process.returncode == 0
    assert UsageRecord.objects.count() == 3000
    assert UsageTotal.objects.get().requests == 3000
    assert list((data_dir / "journal").iterdir()) == []


def test_a_disk_that_is_full_refuses_admissions_and_keeps_every_promise(data_dir, environment):
    command = program("out_of_space.py", data_dir / "journal")
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 9, ended.stderr
    said = [line.split() for line in ended.stdout.splitlines()]
    settled = {words[1] for words in said if words[0] == "settled"}
    assert ["full"] in said
    assert len(settled) > 50
    assert ["waiting", str(len(settled))] in said

    [path] = (data_dir / "journal").iterdir()
    finished, unreadable = read_lines(path.read_bytes())
    assert unreadable == 0
    assert {admitted.id for admitted, ended in finished if ended.counts_from == "upstream"} == settled
    assert len(finished) == len(settled) + 1

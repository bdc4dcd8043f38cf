"""What a request takes of the machine may not grow unseen: work is counted, not timed, and held in work.json.

RECORD_WORK=1 writes the counts of this run: do that where a rise is meant, and say in the commit what it buys. Counted are
acts (messages, tasks, threads, queries, writes), bytes at the most, and calls and virtual machine instructions of the main
thread; the last three differ between versions of Python and are held for those on record. callgrind counts no better: two runs
alike lay 34 % apart, with the HTTP client's threads and timers that run out under it, and each took a minute.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.measuring.contenders import prepare_site, start_upstream
from benchmarks.measuring.running import ROOT

_FILE = Path(__file__).with_name("work.json")
_RISE = 1.15
_SLACK = 0.3  # of a count: a chunk that came together with another one
_OF_PYTHON = {"calls", "steps", "bytes"}
_VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"


@pytest.fixture(scope="module")
def counted(tmp_path_factory):
    """{"a whole answer": {name: count}, …}, of a process of its own."""
    directory = tmp_path_factory.mktemp("work")
    upstream = start_upstream(directory, pause=0.02)
    try:
        site = prepare_site(directory / "site", upstream)
        environment = {
            **site.environment,
            "WORKING_TOKEN": site.token,
            "PYTHONHASHSEED": "0",
            # A machine that is busy with other tests may well take its time.
            "TUMBLER_DATABASE_SECONDS": "10",
            "PYTHONPATH": str(ROOT),
        }
        command = [sys.executable, Path(__file__).with_name("working.py")]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    finally:
        upstream.running.stop()
    assert done.returncode == 0, done.stderr[-3000:]
    counts = json.loads(done.stdout)
    if os.environ.get("RECORD_WORK") == "1":
        _record(counts)
    return counts


def _record(counts):
    kept = json.loads(_FILE.read_text()) if _FILE.exists() else {}
    for what, each in counts.items():
        kept.setdefault(what, {})
        kept[what] |= {
            f"{name}, Python {_VERSION}" if name in _OF_PYTHON else name: round(count, 1)
            for name, count in each.items()
        }
    _FILE.write_text(json.dumps(kept, indent=2, sort_keys=True) + "\n")


def risen(counts, on_record):
    """The counts above what is on record by more than the tolerance, as sentences."""
    found = []
    for name, count in counts.items():
        name = f"{name}, Python {_VERSION}" if name in _OF_PYTHON else name
        known = on_record.get(name)
        if known is not None and count > known * _RISE + _SLACK:
            found.append(f"{name}: {count:g}, {known:g} on record")
    return found


@pytest.mark.parametrize("what", ["a whole answer", "a stream of 5 chunks", "one more chunk"])
def test_a_request_takes_no_more_than_is_on_record(counted, what):
    assert not risen(counted[what], json.loads(_FILE.read_text())[what])


def test_nothing_is_made_or_waited_for_per_chunk(counted):
    chunk = counted["one more chunk"]
    assert {name: chunk[name] for name in ("tasks", "threads asked", "queries", "journal writes")} == {
        "tasks": 0,
        "threads asked": 0,
        "queries": 0,
        "journal writes": 0,
    }
    assert chunk["sends"] <= 1 + _SLACK


@pytest.mark.parametrize("what", ["a whole answer", "a stream of 5 chunks", "one more chunk"])
def test_a_request_leaves_nothing_to_the_garbage_collector(counted, what):
    assert counted[what]["garbage"] == 0


def test_a_whole_answer_asks_no_database_and_no_thread(counted):
    whole = counted["a whole answer"]
    assert (whole["queries"], whole["threads asked"], whole["sends"]) == (0, 0, 2)


def test_a_rise_of_more_than_the_tolerance_is_seen_and_a_smaller_one_is_not():
    on_record = {"sends": 2, "tasks": 0, f"calls, Python {_VERSION}": 1000}
    assert not risen({"sends": 2, "tasks": 0, "calls": 1149}, on_record)
    assert risen({"sends": 3, "tasks": 1, "calls": 1151}, on_record) == [
        "sends: 3, 2 on record",
        "tasks: 1, 0 on record",
        f"calls, Python {_VERSION}: 1151, 1000 on record",
    ]

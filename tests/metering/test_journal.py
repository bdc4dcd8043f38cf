"""The journal file by itself: what is in it when a call returns, and what is left of it when the process is gone."""

import errno
import os
import time
from pathlib import Path

import pytest

from accounts.metering import lines
from accounts.metering.journal import Journal, StorageUnavailable
from accounts.metering.lines import Mark, TokenCounts, read_lines, to_bytes

FIVE = TokenCounts(prompt=10, completion=5, total=15)


def admission(**changes):
    return lines.admission(**({"user": 7, "token": 3, "endpoint": "chat", "model": "gpt", "stream": False} | changes))


def settlement(of, counts=FIVE, status=200, cost=0):
    return lines.settlement(
        of,
        status=status,
        error_code="",
        gemini_model="gemini",
        attempts=1,
        counts=counts,
        counts_from="upstream",
        cost=cost,
        queue_ms=0,
        first_byte_ms=1,
        total_ms=2,
    )


def settle(journal, settlement):
    journal.settle(settlement)
    journal.write_owed()


@pytest.fixture
def journal(tmp_path):
    return Journal(tmp_path / "journal")


def content(journal) -> bytes:
    [path] = journal.directory.glob("*.jsonl")
    return path.read_bytes()


def replayed(journal) -> dict[str, str]:
    """What a replay would store: id → counts_from."""
    finished, unreadable = read_lines(content(journal))
    assert unreadable == 0
    assert len({admitted.id for admitted, _ in finished}) == len(finished)
    return {admitted.id: settled.counts_from for admitted, settled in finished}


def test_both_lines_are_in_the_file_when_the_calls_return(journal):
    one = admission()
    journal.admit(one)
    assert content(journal) == to_bytes(one)
    settle(journal, settlement(one))
    assert content(journal) == to_bytes(one) + to_bytes(settlement(one))


def test_only_the_owner_may_read_the_journal(journal):
    [path] = journal.directory.glob("*.jsonl")
    assert path.stat().st_mode & 0o777 == 0o600
    assert journal.directory.stat().st_mode & 0o777 == 0o700


def test_an_id_is_a_uuid_of_version_7_made_now(journal):
    first, second = admission(), admission()
    assert first.id != second.id
    assert first.id[12] == "7"
    assert first.id[16] in "89ab"
    assert abs(int(first.id[:12], 16) / 1000 - time.time()) < 5
    assert int(first.id[:12], 16) == first.created // 1000


def test_text_that_a_database_would_refuse_is_mended_before_it_is_written():
    odd = admission(model="gpt\0-4\ud800" + "é" * 300)
    assert odd.model.startswith("gpt-4?é")
    assert len(odd.model) <= 200
    assert read_lines(to_bytes(odd))[0][0][0] == odd


def test_an_admission_without_settlement_is_interrupted_with_its_last_checkpoint_and_its_prompt(journal):
    one, other, uncounted = admission(prompt=8), admission(prompt=9), admission(prompt=7)
    for each in (one, other, uncounted):
        journal.admit(each)
    journal.checkpoint(lines.Checkpoint(one.id, TokenCounts(prompt=10, completion=1, total=11)))
    journal.checkpoint(lines.Checkpoint(one.id, TokenCounts(prompt=10, completion=4, total=14)))
    journal.checkpoint(lines.Checkpoint(uncounted.id, TokenCounts(completion=4, total=4)))
    finished, _ = read_lines(content(journal))
    assert [(s.id, s.status, s.error_code, s.counts_from, s.counts) for _, s in finished] == [
        (one.id, 499, "interrupted", "interrupted", (10, 0, 0, 4, 0, 14)),
        (other.id, 499, "interrupted", "interrupted", (9, 0, 0, 0, 0, 9)),
        (uncounted.id, 499, "interrupted", "interrupted", (7, 0, 0, 4, 0, 11)),
    ]


def test_a_line_of_an_older_version_has_no_estimate(journal):
    old = b'["a","01",1,7,null,"chat","gpt",false,""]\n'
    assert read_lines(old)[0][0][1].counts == (0, 0, 0, 0, 0, 0)


def test_the_first_settlement_counts(journal):
    one = admission()
    journal.admit(one)
    settle(journal, settlement(one))
    for _ in range(10):
        settle(journal, settlement(one, counts=TokenCounts(total=999), status=500))
    assert journal.waiting == 1
    [(_, settled)], _ = read_lines(content(journal) + to_bytes(settlement(one, status=500)))
    assert (settled.status, settled.counts) == (200, (10, 0, 0, 5, 0, 15))


def test_ends_that_wait_are_written_together_and_with_the_next_line_at_the_latest(journal, monkeypatch):
    appends = []
    write = os.write
    monkeypatch.setattr(
        "accounts.metering.journal.os.write", lambda file, line: appends.append(line) or write(file, line)
    )
    one, two, three, four = (admission() for _ in range(4))
    for each in (one, two, three):
        journal.admit(each)
    before = content(journal)
    for each in (one, two, one):
        journal.settle(settlement(each))
    assert (content(journal), journal.waiting) == (before, 2)
    journal.admit(four)
    assert content(journal) == before + to_bytes(settlement(one)) + to_bytes(settlement(two)) + to_bytes(four)
    journal.settle(settlement(three))
    journal.write_owed()
    journal.write_owed()
    assert replayed(journal) == {**dict.fromkeys((one.id, two.id, three.id), "upstream"), four.id: "interrupted"}
    assert len(appends) == 5


@pytest.mark.parametrize("act", [Journal.write_owed, Journal.close, lambda journal: journal.forget(journal.batch())])
def test_whatever_the_journal_does_next_writes_the_ends_that_wait(journal, act):
    one, unfinished = admission(), admission()
    journal.admit(one)
    journal.admit(unfinished)
    journal.settle(settlement(one))
    act(journal)
    assert b'["s","' + one.id.encode() in content(journal)


def test_a_journal_cut_off_at_any_byte_gives_each_whole_line_its_due(journal):
    for index in range(4):
        one = admission(model=f"gpt-{index} é")
        journal.admit(one)
        if index % 2:
            settle(journal, settlement(one))
    whole = content(journal)
    for end in range(len(whole) + 1):
        finished, unreadable = read_lines(whole[:end])
        assert unreadable == 0
        kinds = [line[2:3] for line in whole[:end].split(b"\n")[:-1]]
        assert len(finished) == kinds.count(b"a")
        assert sum(settled.counts_from == "upstream" for _, settled in finished) == kinds.count(b"s")


def test_an_unreadable_line_in_the_middle_is_counted_and_costs_no_other(journal):
    one, other = admission(), admission()
    damaged = to_bytes(one) + b"\0\0\0\n" + b'["s",1]\n' + b'["z","x"]\n' + to_bytes(other)
    finished, unreadable = read_lines(damaged)
    assert [admitted for admitted, _ in finished] == [one, other]
    assert unreadable == 3


def test_a_mark_says_what_the_database_has_already():
    one, two, three = admission(), admission(), admission()
    settled = b"".join(to_bytes(a) + to_bytes(settlement(a)) for a in (one, two))
    after = to_bytes(three) + to_bytes(settlement(three))
    for last, left in ((one, [two, three]), (two, [three])):
        finished, _ = read_lines(settled + to_bytes(Mark(last.id)) + after)
        assert [admitted for admitted, _ in finished] == left


def test_a_stored_batch_is_marked_and_no_longer_waits(journal):
    for _ in range(3):
        one = admission()
        journal.admit(one)
        settle(journal, settlement(one))
    journal.forget(journal.batch())
    assert journal.waiting == 0
    assert replayed(journal) == {}


def test_a_grown_journal_is_replaced_by_what_is_still_owed(journal, monkeypatch):
    monkeypatch.setattr("accounts.metering.journal.ROTATE_BYTES", 20_000)
    unfinished, waiting = admission(), admission()
    journal.admit(unfinished)
    journal.checkpoint(lines.Checkpoint(unfinished.id, FIVE))
    sizes = []
    for _ in range(10):
        for _ in range(60):
            one = admission()
            journal.admit(one)
            settle(journal, settlement(one))
        journal.forget(journal.batch())
        sizes.append(len(content(journal)))
        journal.rotate_when_grown()
    assert max(sizes) < 60_000
    journal.admit(waiting)
    settle(journal, settlement(waiting))
    monkeypatch.setattr("accounts.metering.journal.ROTATE_BYTES", 0)
    journal.rotate_when_grown()
    assert replayed(journal) == {unfinished.id: "interrupted", waiting.id: "upstream"}
    assert read_lines(content(journal))[0][1][1].counts == (10, 0, 0, 5, 0, 15)
    # and the new file goes on as the old one did
    settle(journal, settlement(unfinished))
    assert replayed(journal) == {unfinished.id: "upstream", waiting.id: "upstream"}
    assert len(list(journal.directory.iterdir())) == 1


@pytest.mark.parametrize("moment", ["write", "rename"])
def test_a_rotation_that_fails_leaves_the_old_file_at_work(journal, monkeypatch, moment):
    one, other = admission(), admission()
    journal.admit(one)
    monkeypatch.setattr("accounts.metering.journal.ROTATE_BYTES", 0)
    with monkeypatch.context() as full:
        full.setattr(f"accounts.metering.journal.os.{moment}", _no_space)
        journal.rotate_when_grown()
    journal.admit(other)
    assert replayed(journal) == {one.id: "interrupted", other.id: "interrupted"}
    assert len(list(journal.directory.iterdir())) == 1


def _no_space(*_):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_full_disk_stops_admissions_and_loses_no_settlement(journal, monkeypatch, caplog):
    one, other, later = admission(), admission(), admission()
    journal.admit(one)
    journal.admit(other)
    with monkeypatch.context() as full:
        full.setattr("accounts.metering.journal.os.write", _no_space)
        for _ in range(3):
            with pytest.raises(StorageUnavailable):
                journal.admit(later)
        settle(journal, settlement(one))
        settle(journal, settlement(other))
        journal.checkpoint(lines.Checkpoint(other.id, FIVE))
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert journal.waiting == 2
    assert set(replayed(journal).values()) == {"interrupted"}
    journal.admit(later)
    assert replayed(journal) == {one.id: "upstream", other.id: "upstream", later.id: "interrupted"}


def test_what_a_full_disk_refused_is_written_as_soon_as_there_is_space(journal, monkeypatch):
    one = admission()
    journal.admit(one)
    with monkeypatch.context() as full:
        full.setattr("accounts.metering.journal.os.write", _no_space)
        settle(journal, settlement(one))
        journal.write_owed()
    journal.write_owed()
    assert replayed(journal) == {one.id: "upstream"}


def test_a_line_that_went_in_by_half_is_taken_back(journal, monkeypatch):
    one, other = admission(), admission()
    journal.admit(one)
    write = os.write
    with monkeypatch.context() as full:
        full.setattr("accounts.metering.journal.os.write", lambda file, line: write(file, line[: len(line) // 2]))
        with pytest.raises(StorageUnavailable):
            journal.admit(other)
        settle(journal, settlement(one))
        assert content(journal) == to_bytes(one)
    journal.admit(other)
    assert replayed(journal) == {one.id: "upstream", other.id: "interrupted"}


def test_too_much_that_waits_for_the_database_stops_admissions(journal, monkeypatch):
    monkeypatch.setattr("accounts.metering.journal.BACKLOG_LIMIT", 3)
    admitted = [admission() for _ in range(4)]
    for one in admitted:
        journal.admit(one)
    for one in admitted:
        settle(journal, settlement(one))
    with pytest.raises(StorageUnavailable, match="database"):
        journal.admit(admission())
    journal.forget(journal.batch())
    journal.admit(admission())


def test_a_closed_journal_goes_when_nobody_needs_it_and_stays_when_somebody_does(tmp_path):
    for name, unfinished in (("empty", 0), ("owing", 1)):
        journal = Journal(tmp_path / name)
        for _ in range(unfinished):
            journal.admit(admission())
        journal.close()
        assert len(list((tmp_path / name).iterdir())) == unfinished


def test_a_line_after_the_close_lands_in_no_other_file(journal, tmp_path):
    one = admission()
    journal.admit(one)
    journal.close()
    other = tmp_path / "other"
    with other.open("wb"):
        settle(journal, settlement(one))
        with pytest.raises(StorageUnavailable):
            journal.admit(admission())
    assert other.read_bytes() == b""


def test_a_record_names_no_contributed_key():
    told = set(lines.Admission.__struct_fields__) | set(lines.Settlement.__struct_fields__)
    assert not {name for name in told if "key" in name or "domain" in name or "lease" in name}


def test_a_missing_directory_is_made_and_an_impossible_one_refused(tmp_path):
    Journal(tmp_path / "a" / "b").close()
    Path(tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"):
        Journal(tmp_path / "file" / "journal")

"""Reports of workers: what each tells is told of all, and none is counted twice or forgotten."""

import pytest

from accounts.live.traffic import Tally, traffic
from accounts.live.workers import Reports, Sums
from tumbler_site.serving.reports import report_directory

LABELS = "chat.completions", 200, "gemini-x"


@pytest.fixture(autouse=True)
def own(monkeypatch):
    """What this process itself has counted."""
    tally = Tally(attempts=1, lasted=[1] + [0] * 11)
    monkeypatch.setattr(traffic, "tallies", {LABELS: tally})
    monkeypatch.setattr(traffic, "errors", {("files", 404, "not_found"): 1})
    return tally


def begun(file):
    reports = Reports()
    reports.begin(file)
    return reports


def attempts(reports):
    """Those of all workers together."""
    return Sums.of(report.sums for report in reports.all().values()).tallies[LABELS].attempts


def test_a_process_alone_tells_of_itself():
    assert list(Reports().all()) == ["1"]
    assert attempts(Reports()) == 1


def test_all_are_added_up_with_the_newest_of_whoever_is_asked(tmp_path, own):
    one, two = begun(tmp_path / "1.report"), begun(tmp_path / "2.report")
    two.write()
    own.attempts = 10
    assert attempts(one) == 10 + 1
    assert attempts(two) == 10 + 10, "what the first told it wrote before"


def test_errors_are_added_up_as_well(tmp_path):
    one, two = begun(tmp_path / "1.report"), begun(tmp_path / "2.report")
    two.write()
    assert Sums.of(report.sums for report in one.all().values()).errors == {("files", 404, "not_found"): 2}


def test_the_next_in_a_place_goes_on_from_the_last(tmp_path, own):
    begun(tmp_path / "1.report").write()
    own.attempts = 10
    successor = begun(tmp_path / "1.report")
    assert [attempts(successor), attempts(successor)] == [1 + 10, 1 + 10]
    own.attempts = 100
    assert attempts(begun(tmp_path / "1.report")) == 11 + 100


def test_a_file_that_cannot_be_written_leaves_the_own_figures(tmp_path):
    assert attempts(begun(tmp_path / "nowhere" / "1.report")) == 1


def test_a_directory_lives_as_long_as_its_supervisor(tmp_path):
    left = tmp_path / "workers-left"
    left.mkdir()
    (left / "1.report").write_bytes(b"")
    with report_directory(tmp_path) as one:
        assert not left.exists(), "who made it was killed"
        (one / "1.report").write_bytes(b"")
        with report_directory(tmp_path) as other:
            assert (one / "1.report").exists() and one != other
        assert not other.exists()
    assert list(tmp_path.iterdir()) == []

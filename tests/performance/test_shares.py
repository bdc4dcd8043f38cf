"""Workers are held to shares of a core where control groups can be made, and who cannot make them learns why."""

import subprocess
import sys
import time

import psutil
import pytest

from benchmarks.measuring.shares import NoShares, Shares, group_of_all, limit

BUSY = "while True: pass"


def mounts(tmp_path, *lines):
    path = tmp_path / "mounts"
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def test_the_first_version_is_found_where_it_shares_out_processors(tmp_path):
    lines = ["tmpfs /sys/fs/cgroup tmpfs rw 0 0", "cgroup /groups/cpuset cgroup rw,cpuset 0 0"]
    lines += ["cgroup /groups/cpu,cpuacct cgroup rw,relatime,cpu,cpuacct 0 0"]
    assert str(group_of_all(mounts(tmp_path, *lines))) == "/groups/cpu,cpuacct"


@pytest.mark.parametrize(("controllers", "is_found"), [("cpuset cpu io memory\n", True), ("cpuset memory\n", False)])
def test_the_second_version_is_found_where_it_shares_out_processors(controllers, is_found, tmp_path):
    (tmp_path / "cgroup.subtree_control").write_text(controllers)
    given = mounts(tmp_path, f"cgroup2 {tmp_path} cgroup2 rw,nosuid 0 0")
    if is_found:
        assert group_of_all(given) == tmp_path
    else:
        with pytest.raises(NoShares, match="no control groups"):
            group_of_all(given)


def test_a_system_without_control_groups_has_no_shares(tmp_path):
    with pytest.raises(NoShares):
        group_of_all(tmp_path / "missing")


def test_a_limit_is_told_in_the_words_of_either_version(tmp_path):
    (tmp_path / "cpu.max").write_text("max 100000\n")
    limit(tmp_path, 3_500)
    assert (tmp_path / "cpu.max").read_text() == "3500 10000"
    first = tmp_path / "first"
    first.mkdir()
    limit(first, 3_500)
    written = {path.name: path.read_text() for path in first.iterdir()}
    assert written == {"cpu.cfs_period_us": "10000", "cpu.cfs_quota_us": "3500"}


def test_who_may_not_make_groups_learns_why_and_leaves_none(tmp_path):
    with pytest.raises(NoShares, match="No such file or directory"):
        Shares(0.3, tmp_path / "missing")
    assert not list(tmp_path.iterdir())


@pytest.fixture
def shares():
    try:
        shares = Shares(0.2)
    except NoShares as error:
        pytest.skip(f"no control groups can be made here ({error})")
    yield shares
    shares.close()


def test_a_process_uses_its_share_and_no_more(shares):
    busy = subprocess.Popen([sys.executable, "-c", BUSY])
    try:
        shares.give(busy.pid)
        began, before = time.perf_counter(), psutil.Process(busy.pid).cpu_times().user
        time.sleep(1)
        used = psutil.Process(busy.pid).cpu_times().user - before
        assert 0 < used < 0.25 * (time.perf_counter() - began)
    finally:
        busy.kill()
        busy.wait()

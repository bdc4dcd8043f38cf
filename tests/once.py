"""What takes long to make and is only copied or read: made once in a run, by whichever worker needs it first."""

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

Once = Callable[[str, Callable[[Path], None]], Path]


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory) -> Once:
    """once(name, make): the directory of this name, which `make` filled; the other workers wait for it meanwhile."""
    common = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        common = common.parent  # each worker has a directory of its own in that of the run

    def once(name: str, make: Callable[[Path], None]) -> Path:
        made = common / f"once-{name}"
        with (common / f"once-{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not made.exists():
                making = common / f"once-{name}.making"
                shutil.rmtree(making, ignore_errors=True)  # of one that failed
                making.mkdir(mode=0o700)
                make(making)
                making.rename(made)
        return made

    return once


@pytest.fixture(scope="session")
def migrated(once: Once) -> Path:
    """A SQLite file with all tables and what migrations put into them, to be copied: to migrate takes seconds."""
    return once("migrated", _migrate) / "tumbler.sqlite3"


def new_site(data_dir: Path, migrated: Path) -> None:
    """Make a data directory that holds the migrated database and nothing else."""
    data_dir.mkdir(mode=0o700)
    shutil.copy(migrated, data_dir)


def _migrate(directory: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    command = [sys.executable, str(ROOT / "manage.py"), "migrate", "-v0"]
    subprocess.run(command, env={**environment, "TUMBLER_DATA_DIR": str(directory)}, check=True, timeout=120)

"""The databases that the product stands on, frozen: they take connections and answer nothing, the hardest way to be away."""

import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psutil


@contextmanager
def frozen_postgresql(url: str) -> Iterator[None]:
    """Every process of the server behind a URL with the path of its socket, stopped."""
    directory = Path(parse_qs(urlsplit(url).query)["host"][0])
    postmaster = psutil.Process(int((directory / "postmaster.pid").read_text().split()[0]))
    stopped = [postmaster]
    postmaster.suspend()
    for child in postmaster.children(recursive=True):
        child.suspend()
        stopped.append(child)
    try:
        yield
    finally:
        for process in reversed(stopped):
            process.send_signal(signal.SIGCONT)


@contextmanager
def locked_sqlite(path: Path) -> Iterator[None]:
    """Somebody else's exclusive transaction: nobody else writes."""
    with closing(sqlite3.connect(path, isolation_level=None, timeout=30)) as database:
        database.execute("BEGIN EXCLUSIVE")
        yield
        database.execute("ROLLBACK")

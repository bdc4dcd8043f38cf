"""A process that is measured: started on its core, watched, and ended."""

import os
import signal
import socket
import subprocess
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

from benchmarks.measuring.machine import gateway_core, started_on

ROOT = Path(__file__).resolve().parents[2]
_START_SECONDS = 90.0
_OURS = ("GEMINI_", "TUMBLER_", "DATABASE_URL", "REDIS_URL", "DEFAULT_MODEL", "HOST", "PORT")


class DidNotStart(Exception):
    """A process ended, or did not listen in time; its last words are the message."""


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port: int = sock.getsockname()[1]
        return port


def clean_environment(**more: str) -> dict[str, str]:
    """This process's environment without what would steer a gateway elsewhere."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
    return {**kept, **more}


class Running:
    """A server process with its children, from its start to its end."""

    def __init__(
        self,
        command: Sequence[str],
        port: int,
        log: Path,
        environment: Mapping[str, str],
        cores: set[int] | None = None,
        cwd: Path = ROOT,
    ) -> None:
        self.port = port
        self.log = log
        self.began = time.perf_counter()
        with log.open("wb") as out, started_on(cores or gateway_core()):
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                env=environment,
                cwd=cwd,
                start_new_session=True,
            )
        self._wait()
        self.ready_seconds = time.perf_counter() - self.began  # listening; whoever asks may know better

    def _wait(self) -> None:
        end = time.monotonic() + _START_SECONDS
        while not self._listens():
            if self.process.poll() is not None or time.monotonic() > end:
                self.stop()
                raise DidNotStart(self.last_words())
            time.sleep(0.01)

    def _listens(self) -> bool:
        with socket.socket() as sock:
            return sock.connect_ex(("127.0.0.1", self.port)) == 0

    def last_words(self) -> str:
        """The end of what it wrote."""
        return self.log.read_text(errors="replace")[-1500:]

    def family(self) -> list[psutil.Process]:
        """The process and its children."""
        head = psutil.Process(self.process.pid)
        return [head, *head.children(recursive=True)]

    def cpu_seconds(self) -> float:
        """Processor time that it has used since its start."""
        times = [process.cpu_times() for process in self.family()]
        return sum(one.user + one.system for one in times)

    def memory(self) -> int:
        """Bytes in memory now."""
        return sum(process.memory_info().rss for process in self.family())

    def peak_memory(self) -> int:
        """The most bytes that the largest of its processes ever had in memory; what it has now where nobody kept count."""
        return max(_peak(process) for process in self.family())

    def descriptors(self) -> "Counter[str]":
        """Open file descriptors by kind: connections, files, and what the process has for itself."""
        kinds = Counter[str]()
        for process in self.family():
            connections, files = len(process.net_connections("inet")), len(process.open_files())
            kinds.update(connections=connections, files=files, others=process.num_fds() - connections - files)
        return kinds

    def threads(self) -> int:
        """Threads."""
        return sum(process.num_threads() for process in self.family())

    def stop(self) -> None:
        """End it, and everything that it started."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(5)


def _peak(process: psutil.Process) -> int:
    status = Path(f"/proc/{process.pid}/status")
    if not status.exists():
        return int(process.memory_info().rss)
    kilobytes = next(line.split()[1] for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return int(kilobytes) * 1024

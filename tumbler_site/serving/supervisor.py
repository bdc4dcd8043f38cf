"""Several workers on one address: started, started again when they crash, and ended quietly together."""

import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from django.conf import settings

from accounts.live.workers import SUFFIX
from tumbler_site.serving.draining import end_within

logger = logging.getLogger(__name__)

_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 30.0  # seconds before a crashed worker is started again
_STEADY_SECONDS = 60.0  # a worker that lived so long starts over with the first pause
_SPARE_SECONDS = 2.0  # past the time by which a worker ends itself, before it is killed


def worker_commands(server: str, count: int, sockets: Sequence[socket.socket], reports: Path) -> list[list[str]]:
    """The command lines of so many workers, called 1, 2 …

    Each names the file in `reports` that is its own; then its socket, and behind it those of the others; or the one of all.
    """
    descriptors = [str(sock.fileno()) for sock in sockets]
    workers = [[*descriptors[place:], *descriptors[:place]] for place in range(len(descriptors))]
    command = [sys.executable, "-m", "tumbler_site.serving.worker", server]
    return [[*command, str(reports / f"{place + 1}{SUFFIX}"), *workers[place % len(workers)]] for place in range(count)]


async def supervise(commands: Sequence[Sequence[str]], sockets: Sequence[socket.socket], *, end_seconds: float) -> None:
    """Keep a process of each command alive; on SIGTERM or SIGINT end them all and return when they are gone.

    Each inherits the sockets. A worker that is still there a little more than `end_seconds` after the signal is killed.
    """
    await Supervisor(sockets, end_seconds).run(commands)


class Supervisor:
    """The workers of one address, from their start to their end."""

    def __init__(self, sockets: Sequence[socket.socket], end_seconds: float) -> None:
        self.sockets = sockets
        self.end_seconds = end_seconds
        self.ending = asyncio.Event()
        self.workers: dict[int, asyncio.subprocess.Process] = {}

    async def run(self, commands: Sequence[Sequence[str]]) -> None:
        """Keep a worker of each command until a signal, then wait for the last of them."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.on_signal)
        await asyncio.gather(*(self.keep_alive(name, command) for name, command in enumerate(commands, 1)))

    def on_signal(self) -> None:
        """End them all, and this process in time as well."""
        end_within(self.end_seconds + 2 * _SPARE_SECONDS)
        self.end()

    def end(self) -> None:
        """Tell every worker to end; told twice, they cut what still runs."""
        self.ending.set()
        for sock in self.sockets:
            sock.close()  # nobody shall queue for workers that accept no more
        for worker in self.workers.values():
            with contextlib.suppress(ProcessLookupError):
                worker.terminate()

    async def keep_alive(self, name: int, command: Sequence[str]) -> None:
        """Have one worker until the end, with longer and longer pauses between crashes."""
        pause = _FIRST_PAUSE
        while not self.ending.is_set():
            started = time.monotonic()
            status = await self.live(name, command)
            if self.ending.is_set():
                return
            pause = _FIRST_PAUSE if time.monotonic() - started > _STEADY_SECONDS else pause
            logger.error("Worker %d ended with status %s; it is started again in %.1f s.", name, status, pause)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.ending.wait(), pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    async def live(self, name: int, command: Sequence[str]) -> int:
        """Start one worker and give its exit status when it is gone."""
        worker = self.workers[name] = await self.start(command)
        if self.ending.is_set():  # told while it was being made, so `end` did not know it
            worker.terminate()
        gone = asyncio.ensure_future(worker.wait())
        told = asyncio.ensure_future(self.ending.wait())
        await asyncio.wait({gone, told}, return_when=asyncio.FIRST_COMPLETED)
        told.cancel()
        if not gone.done():
            await asyncio.wait({gone}, timeout=self.end_seconds + _SPARE_SECONDS)
        if not gone.done():
            worker.kill()
        return await gone

    async def start(self, command: Sequence[str]) -> asyncio.subprocess.Process:
        """A new worker process."""
        path = os.pathsep.join(filter(None, [str(settings.BASE_DIR), os.environ.get("PYTHONPATH", "")]))
        return await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE,  # closes with this process, however it ends
            pass_fds=[sock.fileno() for sock in self.sockets],
            process_group=0,  # Ctrl-C reaches the supervisor alone, which then tells everyone
            env={**os.environ, "PYTHONPATH": path},
        )

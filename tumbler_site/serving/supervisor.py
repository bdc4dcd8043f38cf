"""Several workers on one socket: started, started again when they crash, and ended quietly together."""

import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Sequence

from django.conf import settings

logger = logging.getLogger(__name__)

_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 30.0  # seconds before a crashed worker is started again
_STEADY_SECONDS = 60.0  # a worker that lived so long starts over with the first pause
_SPARE_SECONDS = 5.0  # past a worker's own limits, before it is killed


def worker_command(server: str, sock: socket.socket) -> list[str]:
    """The command line of a worker that serves on `sock`."""
    return [sys.executable, "-m", "tumbler_site.serving.worker", server, str(sock.fileno())]


async def supervise(command: Sequence[str], count: int, sock: socket.socket, *, end_seconds: float) -> None:
    """Keep `count` processes of `command` alive; on SIGTERM or SIGINT end them all and return when they are gone.

    Each inherits `sock`. A worker that is still there `end_seconds` after the signal is killed.
    """
    await Supervisor(command, sock, end_seconds).run(count)


class Supervisor:
    """The workers of one socket, from their start to their end."""

    def __init__(self, command: Sequence[str], sock: socket.socket, end_seconds: float) -> None:
        self.command = command
        self.sock = sock
        self.end_seconds = end_seconds
        self.ending = asyncio.Event()
        self.workers: dict[int, asyncio.subprocess.Process] = {}

    async def run(self, count: int) -> None:
        """Keep `count` workers until a signal, then wait for the last of them."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.end)
        await asyncio.gather(*(self.keep_alive(name) for name in range(1, count + 1)))

    def end(self) -> None:
        """Tell every worker to end; told twice, they cut what still runs."""
        self.ending.set()
        self.sock.close()  # nobody shall queue for workers that accept no more
        for worker in self.workers.values():
            with contextlib.suppress(ProcessLookupError):
                worker.terminate()

    async def keep_alive(self, name: int) -> None:
        """Have one worker until the end, with longer and longer pauses between crashes."""
        pause = _FIRST_PAUSE
        while not self.ending.is_set():
            started = time.monotonic()
            status = await self.live(name)
            if self.ending.is_set():
                return
            pause = _FIRST_PAUSE if time.monotonic() - started > _STEADY_SECONDS else pause
            logger.error("Worker %d ended with status %s; it is started again in %.1f s.", name, status, pause)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.ending.wait(), pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    async def live(self, name: int) -> int:
        """Start one worker and give its exit status when it is gone."""
        worker = self.workers[name] = await self.start()
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

    async def start(self) -> asyncio.subprocess.Process:
        """A new worker process."""
        path = os.pathsep.join(filter(None, [str(settings.BASE_DIR), os.environ.get("PYTHONPATH", "")]))
        return await asyncio.create_subprocess_exec(
            *self.command,
            stdin=asyncio.subprocess.PIPE,  # closes with this process, however it ends
            pass_fds=[self.sock.fileno()],
            process_group=0,  # Ctrl-C reaches the supervisor alone, which then tells everyone
            env={**os.environ, "PYTHONPATH": path},
        )

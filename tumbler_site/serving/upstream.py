"""Which upstream this start has: Gemini, or the built-in simulator as a child process that dies with its parent."""

import os
import queue
import subprocess
import sys
import threading
from collections.abc import Callable

from django.conf import settings

from accounts import remembered_settings
from accounts.contributing import contribute
from accounts.models import ContributedKey
from tumbler_site.env import env_str
from tumbler_site.serving.bootstrap import operator_key_variables

# Of paid projects: a first try should end in an answer, not in a free tier's ten requests a minute.
SIMULATOR_KEYS = ("sim-paid-demo1-a", "sim-paid-demo2-a", "sim-paid-demo3-a")
_FIRST_LINE = "fakegemini listening on "
_START_SECONDS = 30.0


class SimulatorFailed(Exception):
    """The simulator did not start; the message is one plain sentence."""


def wants_simulator() -> bool:
    """True when nobody named an upstream: no key and no address in the environment, no Gemini key in the pool."""
    if operator_key_variables() or env_str("GEMINI_BASE_URL"):
        return False
    return not ContributedKey.objects.filter(upstream=ContributedKey.Upstream.GEMINI).exists()


def start_simulator() -> Callable[[], None]:
    """Start the simulator's process and contribute its keys; the answer, called later, waits until it listens.

    Calling the answer makes the simulator the upstream of this process and of its children. Raises SimulatorFailed.
    """
    child = subprocess.Popen(
        [sys.executable, "-m", "compat.simulator", "--port", "0", "--quota", "unlimited", "--until-stdin-closes"],
        cwd=settings.BASE_DIR,
        stdin=subprocess.PIPE,  # kept open in `child` as long as this process lives
        stdout=subprocess.PIPE,
        text=True,
        process_group=0,  # Ctrl-C is for us alone: running requests still need their upstream
    )
    lines: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=_read_lines, args=(child, lines), daemon=True).start()
    for key in SIMULATOR_KEYS:
        contribute(
            key,
            source=ContributedKey.Source.COMMAND,
            label="simulator",
            paid=True,
            upstream=ContributedKey.Upstream.SIMULATOR,
        )

    def wait_until_it_listens() -> None:
        try:
            line = lines.get(timeout=_START_SECONDS)
        except queue.Empty:
            line = ""
        if not line.startswith(_FIRST_LINE):
            child.kill()
            raise SimulatorFailed("The built-in Gemini simulator did not start; its own message is above.")
        _be_the_upstream(line.removeprefix(_FIRST_LINE).strip())

    return wait_until_it_listens


def _read_lines(child: subprocess.Popen[str], lines: queue.SimpleQueue[str]) -> None:
    # Reads on after the first line, so that the simulator never blocks on a full pipe. At its end: an empty line.
    for line in child.stdout or ():
        lines.put(line)
    lines.put("")


def _be_the_upstream(url: str) -> None:
    os.environ["TUMBLER_SIMULATOR"], os.environ["GEMINI_BASE_URL"] = "1", url
    settings.SIMULATOR, settings.GEMINI_BASE_URL = True, url
    remembered_settings.forget()


def keys_in_pool() -> int:
    """How many keys may be leased for Gemini."""
    return ContributedKey.objects.filter(
        upstream=ContributedKey.Upstream.GEMINI, state=ContributedKey.State.ACTIVE
    ).count()

"""What do three turns about 25 MiB of stored files cost: bytes sent upstream, time to the answer, memory?

usage: benchmarks/large_files.py [turns]

The same chat about three files (10, 8 and 7 MiB) in front of the simulator, with files inside each request, with those ahead
that do not fit, and with all of them ahead. For `never` the limit of a request is set to 32 MiB, else nobody would be answered.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.measuring.running import ROOT, Running, clean_environment, free_port

_MODEL = "gemini-2.5-flash"
_MIB = 1024 * 1024
_SIZES = (10, 8, 7)
_MODES = {
    "never": {"TUMBLER_GEMINI_FILES": "never", "TUMBLER_MAX_BODY_BYTES": str(32 * _MIB)},
    "large": {},
    "always": {"TUMBLER_GEMINI_FILES": "always"},
}
_KEYS = "\n".join(f"sim-paid-{project}-1" for project in ("alpha", "beta", "gamma"))


def main() -> None:
    """Each mode with a site and a simulator of its own."""
    turns = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    print(f"{turns} turns about {sum(_SIZES)} MiB in {len(_SIZES)} files")
    print("mode     turn 1 s  later s   sent MiB  of it requests  peak memory MB")
    for mode, environment in _MODES.items():
        with tempfile.TemporaryDirectory() as place:
            _measure(mode, environment, Path(place), turns)


def _measure(mode: str, environment: dict[str, str], place: Path, turns: int) -> None:
    port = free_port()
    command = [sys.executable, "-m", "compat.simulator", "--port", str(port), "--control", "--quota", "unlimited"]
    simulator = Running(command, port, place / "simulator.log", clean_environment())
    site = clean_environment(
        TUMBLER_DATA_DIR=str(place / "var"),
        DJANGO_SETTINGS_MODULE="tumbler_site.settings",
        GEMINI_BASE_URL=f"http://127.0.0.1:{port}",
        **environment,
    )
    try:
        _manage(site, "migrate", "-v0")
        _manage(site, "contribute_keys", "--paid", given=_KEYS)
        _ask(mode, site, place, turns, f"http://127.0.0.1:{port}", _manage(site, "issue_token", "ada"))
    finally:
        simulator.stop()


def _ask(mode: str, site: dict[str, str], place: Path, turns: int, upstream: str, token: str) -> None:
    port = free_port()
    command = [sys.executable, str(ROOT / "manage.py"), "serve", "--server", "uvicorn", "--port", str(port)]
    gateway = Running(command, port, place / "gateway.log", site)
    headers = {"Authorization": f"Bearer {token}"}
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=120, trust_env=False) as client:
            ids = [_kept(client, size * _MIB) for size in _SIZES]
            took = []
            for turn in range(turns):
                began = time.perf_counter()
                _turn(client, ids, turn)
                took.append(time.perf_counter() - began)
            calls = httpx.get(f"{upstream}/control/calls", trust_env=False).json()["calls"]
    finally:
        peak = gateway.peak_memory()
        gateway.stop()
    sent = sum(call["body_bytes"] for call in calls) / _MIB
    asked = sum(call["body_bytes"] for call in calls if call["model"] == _MODEL) / _MIB
    later = sum(took[1:]) / max(1, len(took) - 1)
    print(f"{mode:8} {took[0]:8.2f} {later:8.2f} {sent:10.1f} {asked:15.1f} {peak / 1e6:15.0f}")


def _kept(client: httpx.Client, size: int) -> str:
    file = ("paper.pdf", b"%PDF-1.7 " + os.urandom(size - 9))
    answered = client.post("/v1/files", data={"purpose": "user_data"}, files={"file": file})
    return str(answered.raise_for_status().json()["id"])


def _turn(client: httpx.Client, ids: list[str], turn: int) -> None:
    parts = [{"type": "file", "file": {"file_id": file_id}} for file_id in ids]
    content = [*parts, {"type": "text", "text": f"Question {turn}"}]
    body = {"model": _MODEL, "messages": [{"role": "user", "content": content}]}
    client.post("/v1/chat/completions", json=body).raise_for_status()


def _manage(site: dict[str, str], *arguments: str, given: str = "") -> str:
    command = [sys.executable, str(ROOT / "manage.py"), *arguments]
    done = subprocess.run(command, input=given, capture_output=True, text=True, check=True, env=site)
    return done.stdout.strip()


if __name__ == "__main__":
    main()

"""The gateways that are measured, each in front of the same stand-in, and what a client sends them.

Every one gets the same chat and translates it to Gemini's API. Ours runs with everything that it has: a token with every
limit, a pool of forty keys in twenty quota domains with quotas that are counted, usage written to the journal and stored.
"""

import json
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from http.client import HTTPException, HTTPResponse
from pathlib import Path

from benchmarks.measuring import standin
from benchmarks.measuring.loading import Wanted
from benchmarks.measuring.machine import load_core
from benchmarks.measuring.running import ROOT, DidNotStart, Running, clean_environment, free_port

NAMES = ("floor-uvicorn", "floor-daphne", "uvicorn", "daphne", "litellm", "portkey")
TITLES = {
    "floor-uvicorn": "floor on uvicorn",
    "floor-daphne": "floor on daphne",
    "uvicorn": "Gemini Tumbler on uvicorn",
    "daphne": "Gemini Tumbler on daphne",
    "litellm": "LiteLLM",
    "portkey": "Portkey",
}
_MODEL = "gpt-4o-mini"
_KEY = "benchmark-fake-key"
_PROMPT = "Hello! How are you today?"
_PLACE = ROOT / "var" / "benchmark"


def message(*, stream: bool, model: str = _MODEL) -> bytes:
    """The chat that every gateway is asked."""
    body: dict[str, object] = {"model": model, "messages": [{"role": "user", "content": _PROMPT}]}
    return json.dumps({**body, "stream": True} if stream else body).encode()


def post(path: str, body: bytes, **headers: str) -> bytes:
    """A POST as it goes over the wire."""
    lines = [f"POST {path} HTTP/1.1", "Host: 127.0.0.1", "Content-Type: application/json"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode() + body


@dataclass(frozen=True)
class Upstream:
    """The stand-in, and what its streams have."""

    running: Running
    chunks: int

    @property
    def url(self) -> str:
        """Its origin."""
        return f"http://127.0.0.1:{self.running.port}"

    def asked_directly(self, *, stream: bool) -> Wanted:
        """The same question without any gateway."""
        body = json.dumps({"contents": [{"role": "user", "parts": [{"text": _PROMPT}]}]}).encode()
        method = "streamGenerateContent?alt=sse" if stream else "generateContent"
        request = post(f"/v1beta/models/{standin.MODEL}:{method}", body, x_goog_api_key=_KEY)
        port = self.running.port
        if not stream:
            return Wanted("127.0.0.1", port, request, standin.ANSWER.encode())
        last = standin.chunk_texts(self.chunks)[-1].encode()
        return Wanted("127.0.0.1", port, request, last, b'"candidates"', self.chunks, b"STOP")


def start_upstream(directory: Path, chunks: int = 20, pause: float = 0.0) -> Upstream:
    """The stand-in, on the core of the load."""
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.measuring.standin", str(port), str(chunks), str(pause)]
    running = Running(command, port, directory / f"upstream-{port}.log", clean_environment(), load_core())
    return Upstream(running, chunks)


@dataclass(frozen=True)
class Contender:
    """A gateway that runs, and the requests that it answers."""

    name: str
    running: Running
    whole: Wanted
    stream: Wanted


def _asked(running: Running, chunks: int, path: str = "/v1/chat/completions", **headers: str) -> tuple[Wanted, Wanted]:
    def asked(*, stream: bool) -> bytes:
        return post(path, message(stream=stream), **headers)

    last = standin.chunk_texts(chunks)[-1].encode()
    whole = Wanted("127.0.0.1", running.port, asked(stream=False), standin.ANSWER.encode())
    return whole, Wanted("127.0.0.1", running.port, asked(stream=True), last, b'"delta"', chunks, b"data: [DONE]")


# --- right answers -----------------------------------------------------------------------------------------------


def ask_once(wanted: Wanted) -> str:
    """The body of one answer; raises OSError or HTTPException where there is none, ValueError where it is refused."""
    with socket.create_connection((wanted.host, wanted.port), timeout=30) as sock:
        sock.sendall(wanted.request)
        response = HTTPResponse(sock)
        response.begin()
        body = response.read().decode()
    if response.status != 200:
        raise ValueError(f"{response.status}: {body[:500]}")
    return body


def said(contender: Contender) -> tuple[str, str]:
    """What its answers say, as a client of OpenAI's would put them together: whole, and streamed."""
    whole = json.loads(ask_once(contender.whole))["choices"][0]["message"]["content"]
    lines = [
        line.removeprefix("data: ") for line in ask_once(contender.stream).splitlines() if line.startswith("data: {")
    ]
    choices = [choice for line in lines for choice in json.loads(line)["choices"]]
    return whole, "".join(choice["delta"].get("content") or "" for choice in choices)


def wait_until_right(contender: Contender, chunks: int) -> None:
    """Ask until both answers are right; raises DidNotStart when they are not. The first whole one is when it was ready."""
    end = time.monotonic() + 30
    running = contender.running
    while True:
        try:
            ask_once(contender.whole)
            running.ready_seconds = time.perf_counter() - running.began
            break
        except (OSError, HTTPException, ValueError) as error:
            if time.monotonic() > end:
                running.stop()
                raise DidNotStart(f"{contender.name}: {error}\n{running.last_words()}") from error
            time.sleep(0.02)
    if (seen := said(contender)) != (standin.ANSWER, "".join(standin.chunk_texts(chunks))):
        running.stop()
        raise DidNotStart(f"{contender.name} says something else: {seen}")


# --- the floor ---------------------------------------------------------------------------------------------------


def _floor(server: str) -> Callable[[Upstream, Path], Contender]:
    def start(upstream: Upstream, directory: Path) -> Contender:
        port = free_port()
        if server == "uvicorn":
            options = ["benchmarks.floor:application", "--port", str(port), "--loop", "uvloop", "--http", "httptools"]
            options += ["--no-access-log", "--log-level", "warning", "--lifespan", "off"]
        else:
            options = ["-b", "127.0.0.1", "-p", str(port), "-v", "0", "benchmarks.floor:application"]
        name = f"floor-{server}"
        environment = clean_environment(GEMINI_BASE_URL=upstream.url)
        running = Running([sys.executable, "-m", server, *options], port, directory / f"{name}-{port}.log", environment)
        return Contender(name, running, *_asked(running, upstream.chunks))

    return start


# --- ours --------------------------------------------------------------------------------------------------------

_FILLING = """
from accounts.contributing import contribute
from accounts.models import ContributedKey, TierQuota
TierQuota.objects.all().delete()
TierQuota.objects.create(pattern="*", rpm=10**6, tpm=10**10, rpd=10**9)
for n in range(40):
    contribute(f"benchmark-fake-upstream-key-{n:03}", source=ContributedKey.Source.COMMAND, project=f"p{n // 2}")
"""
_LIMITS = {"rpm": 10**6, "tpm": 10**10, "rpd": 10**8, "max-parallel": 10**4, "monthly-tokens": 10**12}


@dataclass(frozen=True)
class Site:
    """A data directory with keys and a token, its database, and the services it leans on."""

    directory: Path
    environment: dict[str, str]
    token: str


def prepare_site(directory: Path, upstream: Upstream, **services: str) -> Site:
    """Make the database, fill the pool, issue the token."""
    environment = clean_environment(
        TUMBLER_DATA_DIR=str(directory),
        DJANGO_SETTINGS_MODULE="tumbler_site.settings",
        GEMINI_BASE_URL=upstream.url,
        **services,
    )

    def manage(*arguments: str) -> str:
        command = [sys.executable, str(ROOT / "manage.py"), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout.strip()

    manage("migrate", "-v0")
    manage("shell", "-v0", "-c", _FILLING)
    limits = [f"--{name}={value}" for name, value in _LIMITS.items()]
    return Site(directory, environment, manage("issue_token", "ada", *limits))


def start_site(site: Site, server: str, chunks: int, *, workers: int = 1, cores: set[int] | None = None) -> Contender:
    """`serve` on a site, as it is run by its users."""
    port = free_port()
    command = [sys.executable, str(ROOT / "manage.py"), "serve", "--server", server]
    command += ["--host", "127.0.0.1", "--port", str(port), "--workers", str(workers)]
    running = Running(command, port, site.directory / f"{server}-{port}.log", site.environment, cores)
    return Contender(server, running, *_asked(running, chunks, Authorization=f"Bearer {site.token}"))


_sites: dict[Path, Site] = {}


def _ours(server: str) -> Callable[[Upstream, Path], Contender]:
    def start(upstream: Upstream, directory: Path) -> Contender:
        place = directory / f"site-{server}-{upstream.running.port}"
        if place not in _sites:
            _sites[place] = prepare_site(place, upstream)
        return start_site(_sites[place], server, upstream.chunks)

    return start


# --- the others --------------------------------------------------------------------------------------------------


def _litellm(upstream: Upstream, directory: Path) -> Contender:
    port = free_port()
    configuration = directory / f"litellm-{port}.json"  # its YAML reader takes JSON
    parameters = {"model": f"gemini/{standin.MODEL}", "api_key": _KEY, "api_base": f"{upstream.url}/v1beta"}
    configuration.write_text(
        json.dumps(
            {
                "model_list": [{"model_name": _MODEL, "litellm_params": parameters}],
                "general_settings": {"master_key": "sk-benchmark"},
                "litellm_settings": {"telemetry": False},
            }
        )
    )
    command = [str(_PLACE / "litellm" / "bin" / "litellm"), "--config", str(configuration)]
    command += ["--host", "127.0.0.1", "--port", str(port), "--num_workers", "1"]
    environment = clean_environment(LITELLM_LOCAL_MODEL_COST_MAP="True", LITELLM_LOG="ERROR")
    running = Running(command, port, directory / f"litellm-{port}.log", environment, cwd=directory)
    return Contender("litellm", running, *_asked(running, upstream.chunks, Authorization="Bearer sk-benchmark"))


def _portkey(upstream: Upstream, directory: Path) -> Contender:
    port = free_port()
    script = _PLACE / "portkey" / "node_modules" / "@portkey-ai" / "gateway" / "build" / "start-server.js"
    environment = clean_environment(TRUSTED_CUSTOM_HOSTS="127.0.0.1,localhost", NODE_ENV="production")
    command = ["node", str(script), f"--port={port}", "--headless"]
    running = Running(command, port, directory / f"portkey-{port}.log", environment, cwd=directory)
    headers = {"x_portkey_provider": "google", "x_portkey_custom_host": f"{upstream.url}/v1beta"}
    whole, stream = _asked(running, upstream.chunks, Authorization=f"Bearer {_KEY}", **headers)
    # It ends a stream of Gemini's without [DONE].
    return Contender("portkey", running, whole, replace(stream, end=b'"finish_reason":"stop"'))


_START: dict[str, Callable[[Upstream, Path], Contender]] = {
    "floor-uvicorn": _floor("uvicorn"),
    "floor-daphne": _floor("daphne"),
    "uvicorn": _ours("uvicorn"),
    "daphne": _ours("daphne"),
    "litellm": _litellm,
    "portkey": _portkey,
}


def start(name: str, upstream: Upstream, directory: Path) -> Contender:
    """Start one of NAMES in front of the stand-in; it has answered rightly, whole and streamed, when this returns."""
    contender = _START[name](upstream, directory)
    wait_until_right(contender, upstream.chunks)
    return contender


# --- installing --------------------------------------------------------------------------------------------------


def install(name: str) -> None:
    """Install one of the others from its registry if it is not there; raises CalledProcessError or OSError."""
    if name == "litellm" and not (_PLACE / "litellm" / "bin" / "litellm").exists():
        environment = _PLACE / "litellm"
        shutil.rmtree(environment, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", environment], check=True)
        subprocess.run([environment / "bin" / "pip", "install", "--quiet", "litellm[proxy]"], check=True)
    if name == "portkey" and shutil.which("node") is None:
        raise FileNotFoundError("Node.js is not installed")
    if name == "portkey" and not (_PLACE / "portkey" / "node_modules" / "@portkey-ai").exists():
        (_PLACE / "portkey").mkdir(parents=True, exist_ok=True)
        command = ["npm", "install", "--no-fund", "--no-audit", "--prefix", ".", "@portkey-ai/gateway"]
        subprocess.run(command, check=True, cwd=_PLACE / "portkey")


def installed_version(name: str) -> str:
    """The version of one of the others, as its package says."""
    if name == "litellm":
        found = sorted((_PLACE / "litellm").glob("lib/python*/site-packages/litellm-*.dist-info"))
        return found[-1].name.removeprefix("litellm-").removesuffix(".dist-info") if found else ""
    package = _PLACE / "portkey" / "node_modules" / "@portkey-ai" / "gateway" / "package.json"
    return str(json.loads(package.read_text())["version"]) if package.exists() else ""

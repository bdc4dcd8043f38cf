"""The official openai package for JavaScript in the project's own example, whose base URL has no /v1."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.gemini_replies import events, reply
from tests.live.gateway import Gateway
from tests.live.recorded import recordings
from tests.scripted_gemini import ScriptedGemini

_SOURCES = Path(__file__).resolve().parents[1] / "js"


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example beside its installed package, in a directory of its own."""
    if not (shutil.which("node") and shutil.which("npm")):
        pytest.skip("node or npm is missing")
    directory = tmp_path_factory.mktemp("js")
    for name in ("package.json", "seed_example.mjs"):
        shutil.copy(_SOURCES / name, directory)
    quiet = ["--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts", "--loglevel=error"]
    done = subprocess.run(
        ["npm", "install", *quiet, f"--cache={directory}/cache"],
        cwd=directory,
        capture_output=True,
        text=True,
        timeout=120,
    )
    if done.returncode:
        pytest.skip(f"npm could not install the openai package: {done.stderr.strip()[-300:]}")
    return directory / "seed_example.mjs"


def test_the_javascript_package_answers_streams_calls_tools_embeds_lists_and_fails(
    gateway: Gateway, gemini: ScriptedGemini, model: str, example: Path
) -> None:
    gemini.will_stream(recordings()["stream-parallel-calls-2.0.sse"].body, model=f"{model}-tools")
    gemini.will_stream(events(reply("Hel", finish=None)), model=f"{model}-broken")
    got = _run(example, gateway.url, gateway.token, model)
    assert got["plain"] == "Hello!"
    assert got["requestId"].startswith("req_")
    assert "".join(got["pieces"]) == "Hello!"
    assert [name for name, _ in got["calls"]] == ["get_weather", "get_weather"]
    assert [json.loads(arguments) for _, arguments in got["calls"]] == [
        {"location": "Boston"},
        {"location": "New Delhi"},
    ]
    assert got["finish"] == "tool_calls"
    # Floats in place of base64 come out as a quarter of the dimensions, all zeros, without any error.
    assert got["dimensions"] == [1536, 1536]
    assert got["lengths"] == pytest.approx([1, 1], abs=1e-5)
    assert {"gpt-4o", "gpt-4-turbo"} <= set(got["models"])
    assert got["one"] == "models/gemini-3.8-flash"
    assert got["badValue"] == ["BadRequestError", 400, "decimal_above_max_value", "temperature"]
    assert got["badToken"][:3] == ["AuthenticationError", 401, "invalid_api_key"]
    assert got["broken"][0] == "APIError"
    assert got["broken"][2] == "upstream_error"


def _run(example: Path, url: str, token: str, model: str) -> Any:
    # By the environment: arguments can be read by everyone on the machine.
    done = subprocess.run(
        ["node", example],
        cwd=example.parent,
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "BASE_URL": url, "TOKEN": token, "MODEL": model},
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)

"""Packages of other makers, installed for these tests alone, and programs that use them."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).resolve().parent
JAVASCRIPT = HERE.parent / "js"


def installed_by_npm(manifest: Path, directory: Path) -> Path:
    """The directory, with a manifest's packages in it. Skips where they cannot be had."""
    if not (shutil.which("node") and shutil.which("npm")):
        pytest.skip("node or npm is missing")
    shutil.copy(manifest, directory)
    quiet = ["--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts", "--loglevel=error"]
    if missing := _failure_of(["npm", "install", *quiet, f"--cache={directory}/cache"], directory):
        pytest.skip(missing)
    shutil.rmtree(directory / "cache", ignore_errors=True)
    return directory


def installed_by_pip(directory: Path) -> Path:
    """A Python of its own in the directory that has requirements.txt. Skips where that cannot be had.

    uv needs a tenth of pip's time. But it asks PyPI, where pip knows the mirrors that a machine was set up for.
    """
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", directory], check=True, timeout=120)
    python = directory / "bin" / "python"
    what = ["--quiet", "--no-deps", "--require-hashes", "-r", HERE / "requirements.txt"]
    by_uv = [sys.executable, "-m", "uv", "pip", "install", f"--python={python}", "--no-cache", *what]
    by_pip = [sys.executable, "-m", "pip", f"--python={python}", "install", "--no-compile", "--no-cache-dir", *what]
    if _failure_of(by_uv, directory) and (missing := _failure_of(by_pip, directory)):
        pytest.skip(missing)
    return python


def _failure_of(command: list[Any], directory: Path) -> str:
    """Why a command that installs what is needed failed; empty when it did not."""
    try:
        done = subprocess.run(command, cwd=directory, capture_output=True, text=True, timeout=240)
    except subprocess.TimeoutExpired:
        return f"{command[0]} took too long to install what is needed"
    return f"{command[0]} could not install what is needed: {done.stderr.strip()[-300:]}" if done.returncode else ""


def run(command: list[Any], directory: Path, **environment: str) -> str:
    """The standard output of a program at home in a directory; tokens go by the environment, which holds little else."""
    done = subprocess.run(
        command,
        cwd=directory,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=90,
        env={"PATH": os.environ["PATH"], "HOME": str(directory), "LANG": "C.UTF-8", **environment},
    )
    assert done.returncode == 0, f"{done.returncode}: {(done.stderr or done.stdout)[-3000:]}"
    return done.stdout


def told_by(command: list[Any], directory: Path, **environment: str) -> Any:
    """The JSON that a program prints in its last line."""
    return json.loads(run(command, directory, **environment).splitlines()[-1])

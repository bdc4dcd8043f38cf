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
    _install(["npm", "install", *quiet, f"--cache={directory}/cache"], directory)
    shutil.rmtree(directory / "cache", ignore_errors=True)
    return directory


def installed_by_pip(directory: Path) -> Path:
    """A Python of its own in the directory that has requirements.txt. Skips where that cannot be had."""
    subprocess.run([sys.executable, "-m", "venv", directory], check=True, timeout=120)
    python = directory / "bin" / "python"
    options = ["--quiet", "--no-compile", "--no-deps", "--require-hashes", "--no-cache-dir"]
    _install([python, "-m", "pip", "install", *options, "-r", HERE / "requirements.txt"], directory)
    return python


def _install(command: list[Any], directory: Path) -> None:
    try:
        done = subprocess.run(command, cwd=directory, capture_output=True, text=True, timeout=240)
    except subprocess.TimeoutExpired:
        pytest.skip(f"{command[0]} took too long to install what is needed")
    if done.returncode:
        pytest.skip(f"{command[0]} could not install what is needed: {done.stderr.strip()[-300:]}")


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

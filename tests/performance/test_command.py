"""scripts/benchmark.sh tells what can be asked, and refuses what cannot."""

import subprocess
import sys

import pytest

from benchmarks.__main__ import QUESTIONS, parts
from benchmarks.measuring.contenders import NAMES, TITLES
from benchmarks.measuring.running import ROOT


def command(*arguments):
    line = [sys.executable, "-m", "benchmarks", *arguments]
    return subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=60)


def test_help_lists_every_question_and_every_part_with_what_it_asks():
    shown = command("--help").stdout
    assert {"limits", "metering", "shared_pool"} <= set(parts())
    for name, about in (QUESTIONS | parts()).items():
        assert f"  {name} " in shown
        assert about in shown


@pytest.mark.parametrize("wrong", [["speed"], ["overhead", "--only", "nginx"], ["floor"]])
def test_what_cannot_be_asked_is_refused_before_anything_starts(wrong):
    done = command(*wrong)
    assert done.returncode == 2
    assert "no such" in done.stderr


def test_every_question_is_a_module_that_asks():
    from importlib import import_module

    assert all(callable(import_module(f"benchmarks.{name}").ask) for name in QUESTIONS)
    assert set(TITLES) == set(NAMES)

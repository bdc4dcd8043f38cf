"""`run_batches`: batches in a process of their own."""

import pytest
from django.core.management import CommandError, call_command

from compat.management.commands import run_batches


def test_without_redis_it_is_refused_with_the_reason(settings):
    settings.REDIS_URL = ""
    with pytest.raises(CommandError, match="needs REDIS_URL"):
        call_command("run_batches")


def test_it_runs_at_least_one_line(settings):
    settings.REDIS_URL = "redis://localhost:1"
    with pytest.raises(CommandError, match="1 or more"):
        call_command("run_batches", "--lines", "0")


@pytest.mark.parametrize(("set_to", "arguments", "lines"), [(0, (), 16), (3, (), 3), (3, ("--lines", "7"), 7)])
def test_it_runs_as_many_lines_as_it_is_told(settings, monkeypatch, capsys, set_to, arguments, lines):
    settings.REDIS_URL, settings.BATCH_LINES = "redis://localhost:1", set_to
    asked = []

    async def run_for_good(lines):
        asked.append(lines)

    monkeypatch.setattr(run_batches, "run_for_good", run_for_good)
    call_command("run_batches", *arguments)
    assert asked == [lines] and f"{lines} lines" in capsys.readouterr().out

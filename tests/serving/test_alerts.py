"""docs/examples/alerts.yaml: every rule asks for metrics and labels that /metrics has."""

import re
import sys

import pytest
import yaml

from accounts.live.traffic import Tally, traffic
from compat.metrics import exposition
from tests.serving.clients_and_servers import ROOT

# What the system knows of a process is told on Linux alone.
NAMES = "(?:tumbler|process)" if sys.platform == "linux" else "tumbler"
(GROUP,) = yaml.safe_load((ROOT / "docs" / "examples" / "alerts.yaml").read_text())["groups"]


@pytest.mark.parametrize("rule", GROUP["rules"], ids=lambda rule: rule["alert"])
def test_a_rule_asks_for_what_there_is(rule, monkeypatch):
    monkeypatch.setitem(traffic.tallies, ("chat.completions", 200, "gemini-x"), Tally())
    monkeypatch.setitem(traffic.errors, ("chat.completions", 401, "invalid_api_key"), 1)
    told = exposition()[0].decode()
    for name, labels in re.findall(rf"\b({NAMES}_\w+)(\{{[^}}]*\}})?", rule["expr"]):
        series = re.search(rf"^{name}(\{{.*\}})? ", told, re.MULTILINE)
        assert series, name
        for label in re.findall(r"(\w+)=", labels):
            assert f'{label}="' in series[1]
    assert rule["annotations"]["summary"].endswith(".")

"""The Dockerfile and docs/examples/compose.yaml: what they set and start is what this site knows and serves by."""

import json
import re
import subprocess
import sys

import pytest
import yaml

from tests.serving.clients_and_servers import ROOT, Site

IMAGE = (ROOT / "Dockerfile").read_text().replace("\\\n", "")
COMPOSED = yaml.safe_load((ROOT / "docs" / "examples" / "compose.yaml").read_text())["services"]
SETTINGS = set(re.findall(r"^\| `(\w+)` \|", (ROOT / "docs" / "settings.md").read_text(), re.MULTILINE))


def said(instruction):
    """The one line of the Dockerfile that begins with `instruction`, without it."""
    (line,) = re.findall(rf"^{instruction} (.+)", IMAGE, re.MULTILINE)
    return line


VARIABLES = dict(pair.split("=") for pair in said("ENV").split())


def test_the_image_serves_on_the_port_that_it_exposes_and_asks_about(tmp_path):
    python, program, *command = json.loads(said("CMD"))
    assert (python, program) == ("python", "manage.py")
    here = {**VARIABLES, "TUMBLER_DATA_DIR": str(tmp_path), "HOST": "127.0.0.1", "PORT": "0"}
    site = Site(tmp_path, *command, **here)
    try:
        port = site.url().removesuffix("/v1").rpartition(":")[2]
        _, *arguments = json.loads(said("HEALTHCHECK").partition("CMD ")[2].replace("3000", port))
        subprocess.run([sys.executable, *arguments], check=True, timeout=20)
    finally:
        site.signal()
        assert site.child.wait(20) == 0
    assert VARIABLES["PORT"] == said("EXPOSE") == "3000"


def test_the_example_starts_the_same_with_two_workers():
    tumbler = COMPOSED["tumbler"]
    assert tumbler["command"] == [*json.loads(said("CMD")), "--workers", "2"]
    assert tumbler["ports"] == [f"127.0.0.1:3000:{said('EXPOSE')}"]
    assert tumbler["volumes"] == [f"data:{said('VOLUME')}"]


@pytest.mark.parametrize("name", [*COMPOSED["tumbler"]["environment"], "TUMBLER_DATA_DIR", "HOST", "PORT"])
def test_they_set_what_there_is_to_set(name):
    assert name in SETTINGS

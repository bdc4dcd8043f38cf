"""A running site with people who may watch, and some who may not."""

import shutil

import pytest

from tests.live.gateway import Gateway, Template, manage
from tests.scripted_gemini import ScriptedGemini
from tests.watching.watching import SIGN_IN, people

KEY = "fake-key-of-a-watched-pool-0001"


@pytest.fixture(scope="session")
def upstream():
    server = ScriptedGemini()
    yield server
    server.close()


@pytest.fixture
def gemini(upstream):
    """The scripted Gemini without rules or calls."""
    upstream.forget()
    return upstream


@pytest.fixture(scope="session")
def watched(template, tmp_path_factory):
    """(a template with people who may watch, and some who may not; the session of each by name)"""
    directory = tmp_path_factory.mktemp("watched") / "var"
    shutil.copytree(template.directory, directory)
    return Template(directory, template.token), people(manage(directory, "shell", "-v0", "-c", SIGN_IN))


@pytest.fixture(scope="module", params=["daphne", "uvicorn"])
def site(request, watched, upstream, tmp_path_factory):
    """Running under each server; `people` are the sessions of those who are signed in."""
    directory = tmp_path_factory.mktemp(request.param) / "var"
    template, sessions = watched
    gateway = Gateway(template, directory, request.param, upstream.url, [KEY], TUMBLER_LOG_LEVEL="DEBUG")
    gateway.people = dict(sessions)
    yield gateway
    if gateway.process.poll() is None:
        gateway.stop()

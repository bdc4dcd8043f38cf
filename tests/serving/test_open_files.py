"""A server takes as many connections as the system lets it have, whatever the shell began with."""

import subprocess
import sys

import psutil
import pytest

from tests.serving.clients_and_servers import ROOT, Process, clean_environment
from tumbler_site.serving import open_files

TELL = """
import resource, sys
from tumbler_site.serving.open_files import allow_many
resource.setrlimit(resource.RLIMIT_NOFILE, (int(sys.argv[1]), int(sys.argv[2])))
allow_many()
print(*resource.getrlimit(resource.RLIMIT_NOFILE))
"""


@pytest.mark.parametrize(("soft", "hard"), [(64, 900), (900, 900)])
def test_the_limit_of_the_shell_is_raised_to_that_of_the_system(soft, hard):
    done = subprocess.run(
        [sys.executable, "-c", TELL, str(soft), str(hard)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == [str(hard), str(hard)]


@pytest.mark.parametrize(
    ("soft", "hard", "then"),
    [(256, -1, 65_536), (1024, 1_048_576, 65_536), (100_000, 1_048_576, None), (-1, -1, None)],
)
def test_it_is_raised_to_what_is_enough_and_never_lowered(soft, hard, then, monkeypatch):
    told = []
    monkeypatch.setattr(open_files.resource, "RLIM_INFINITY", -1)
    monkeypatch.setattr(open_files.resource, "getrlimit", lambda _: (soft, hard))
    monkeypatch.setattr(open_files.resource, "setrlimit", lambda _, limits: told.append(limits))
    open_files.allow_many()
    assert told == ([] if then is None else [(then, hard)])


def test_a_system_that_refuses_more_is_left_as_it_is(monkeypatch):
    def refuse(*_):
        raise ValueError("current limit exceeds maximum limit")

    monkeypatch.setattr(open_files.resource, "getrlimit", lambda _: (256, 10_240))
    monkeypatch.setattr(open_files.resource, "setrlimit", refuse)
    open_files.allow_many()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells what another process may have open")
def test_serve_raises_it(tmp_path):
    serve = [sys.executable, str(ROOT / "manage.py"), "serve", "--prepare", "--demo", "--port=0"]
    server = Process(["sh", "-c", 'ulimit -Sn 256 && exec "$@"', "sh", *serve], env=clean_environment(tmp_path))
    try:
        server.until_out("Serving http")
        soft, hard = psutil.Process(server.child.pid).rlimit(psutil.RLIMIT_NOFILE)
        assert soft == min(hard, open_files.ENOUGH)
    finally:
        server.close()

"""`serve`, whole: what it refuses, what it says, who answers, and that nothing is left when it ends."""

import asyncio
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from contextlib import ExitStack

import psutil
import pytest

from tests.once import new_site
from tests.serving.clients_and_servers import ROOT, Process, clean_environment, first_run
from tumbler_site.serving.supervisor import Supervisor

CHAT = {"model": "gpt-4", "messages": [{"role": "user", "content": "Hello"}]}


def prepared(*more):
    return ("serve", "--prepare", "--port", "0", *more)


def refusal(site, *command, **variables):
    """The one line by which the command was refused."""
    child = site(*command, **variables)
    assert child.wait() == 1
    assert len(child.err) == 1, child.err
    assert child.out == []
    return child.err[0]


def test_several_workers_need_redis(site):
    said = refusal(site, "serve", "--workers", "2")
    assert "REDIS_URL" in said
    assert "shared" in said
    assert "1 or more" in refusal(site, "serve", "--workers", "0")


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1"])
def test_open_access_is_refused_where_others_can_reach_it(site, host):
    assert "Open access" in refusal(site, "serve", "--open", "--host", host)
    assert "Open access" in refusal(site, "serve", "--host", host, TUMBLER_OPEN_ACCESS="1")


def test_a_port_that_is_taken_is_one_plain_sentence(site):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert f"Port {port} on 127.0.0.1 is already in use" in refusal(site, "serve", "--port", str(port))
        assert "already in use" in refusal(site, "serve", PORT=str(port))


def test_addresses_that_are_none_are_refused(site):
    assert "from 0 to 65535" in refusal(site, "serve", "--port", "99999")
    assert "whole number" in refusal(site, "serve", PORT="many")


def test_a_database_older_than_the_code_is_not_served(site):
    assert "migrate" in refusal(site, "serve", "--port", "0")


@pytest.mark.parametrize("command", [("serve",), ("serve", "--prepare")])
def test_a_database_that_does_not_answer_is_one_plain_sentence(site, command):
    said = refusal(site, *command, "--port", "0", DATABASE_URL="sqlite:////nowhere/at/all.sqlite3")
    assert "The database cannot be used: unable to open database file" in said
    assert "DATABASE_URL" in said


@pytest.mark.parametrize("server", ["daphne", "uvicorn"])
def test_a_start_without_any_key_is_answered_by_the_simulator_and_says_so(site, server, tmp_path):
    child = site(*prepared("--server", server))
    child.url()
    assert (
        "Upstream: the built-in Gemini simulator. Answers are made up; set GEMINI_API_KEY for the real one."
        in child.out
    )
    status, headers, text = child.ask("/v1/chat/completions", first_run(tmp_path / "data")["token"], CHAT)
    assert status == 200, text
    assert headers["x-tumbler-upstream"] == "simulator"
    assert json.loads(text)["choices"][0]["message"]["content"]
    assert child.ask("/v1/chat/completions", body=CHAT)[0] == 401
    simulator = the_simulator_of(child)
    child.signal()
    assert child.wait() == 0
    child.until(lambda: not simulator.is_running() or simulator.status() == psutil.STATUS_ZOMBIE)


def test_the_simulator_does_not_outlive_a_killed_server(migrated_site):
    child = migrated_site(*prepared())
    child.url()
    simulator = the_simulator_of(child)
    child.signal(signal.SIGKILL)
    child.until(lambda: not simulator.is_running() or simulator.status() == psutil.STATUS_ZOMBIE)


def test_ctrl_c_reaches_the_server_and_not_its_simulator(migrated_site):
    child = migrated_site(*prepared())
    child.url()
    simulator = the_simulator_of(child)
    assert os.getpgid(simulator.pid) != os.getpgid(child.child.pid)
    os.killpg(child.child.pid, signal.SIGINT)
    assert child.wait() == 0


def the_simulator_of(child):
    children = psutil.Process(child.child.pid).children(recursive=True)
    return next(one for one in children if "compat.simulator" in one.cmdline())


def test_the_first_run_is_shown_once_and_kept_for_its_owner_alone(site, tmp_path):
    child = site(*prepared())
    child.url()
    made = first_run(tmp_path / "data")
    assert made["base_url"] == child.url()
    for value in made.values():
        assert any(value in line for line in child.out)
    assert stat.S_IMODE((tmp_path / "data" / "first-run.txt").stat().st_mode) == 0o600
    child.signal()
    child.wait()
    again = site(*prepared())
    again.url()
    assert first_run(tmp_path / "data") == made
    assert not any(made["token"] in line or made["admin_password"] in line for line in again.out + again.err)


def test_with_a_key_the_upstream_is_gemini_and_its_name_is_said(migrated_site):
    key = "not-a-real-key-0123456789"
    child = migrated_site(
        *prepared(), GEMINI_API_KEY=key, GEMINI_API_KEY_2=f"{key}-2", GEMINI_BASE_URL="http://127.0.0.1:9"
    )
    child.url()
    assert "Put into the pool: GEMINI_API_KEY, GEMINI_API_KEY_2." in child.out
    assert "Upstream: http://127.0.0.1:9, 2 keys in the pool" in child.out
    assert not any(key in line for line in child.out + child.err)


def test_an_upstream_without_keys_says_how_to_contribute_some(migrated_site):
    child = migrated_site(*prepared(), GEMINI_BASE_URL="http://127.0.0.1:9")
    child.url()
    assert "Upstream: http://127.0.0.1:9, 0 keys in the pool" in child.out
    assert any("contribute_keys" in line for line in child.out)


def test_a_demo_uses_the_simulator_even_where_there_is_a_key(migrated_site, tmp_path):
    child = migrated_site(*prepared("--demo"), GEMINI_API_KEY="not-a-real-key-0123456789")
    child.url()
    assert any("built-in Gemini simulator" in line for line in child.out)
    status, headers, _ = child.ask("/v1/chat/completions", first_run(tmp_path / "data")["token"], CHAT)
    assert (status, headers["x-tumbler-upstream"]) == (200, "simulator")


def test_open_access_is_said_on_every_start_and_takes_any_key(migrated_site):
    child = migrated_site(*prepared("--open"))
    child.url()
    assert any(line.startswith("Open access: any API key is accepted") for line in child.out)
    assert child.ask("/v1/chat/completions", "dummy-key", CHAT)[0] == 200
    assert child.ask("/v1/chat/completions", body=CHAT)[0] == 200


def test_contributed_keys_that_cannot_be_unsealed_stop_the_start(migrated_site):
    child = migrated_site(*prepared(), GEMINI_API_KEY="not-a-real-key-0123456789")
    child.url()
    child.signal()
    child.wait()
    other_key = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
    wrong = migrated_site(*prepared(), TUMBLER_ENCRYPTION_KEYS=other_key)
    assert wrong.wait() == 1
    assert any("cannot be unsealed" in line for line in wrong.err)


def test_two_workers_share_one_address_and_a_killed_one_comes_back(migrated_site):
    """Redis is named and not there: nothing that is asked here needs it."""
    child = migrated_site(*prepared("--server", "uvicorn", "--workers", "2"), REDIS_URL="redis://127.0.0.1:9/0")
    child.url()
    first = child.until(lambda: len(workers := the_workers_of(child)) == 2 and workers, 20)
    child.until(lambda: child.ask("/healthz")[0] == 200)
    first[0].kill()
    child.until_err("Worker 1 ended with status -9", seconds=5) or child.until_err("Worker 2 ended with status -9")
    assert child.ask("/healthz")[0] == 200
    second = child.until(lambda: len(workers := the_workers_of(child)) == 2 and workers, 10)
    assert set(second) != set(first)
    child.until(lambda: child.ask("/healthz")[0] == 200)
    child.signal()
    assert child.wait() == 0
    assert not any(worker.is_running() for worker in second)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux deals connections out among sockets of one port")
@pytest.mark.parametrize("server", ["uvicorn", "daphne"])
def test_connections_are_dealt_out_and_who_waits_for_a_frozen_worker_is_answered_by_the_other(migrated_site, server):
    child = migrated_site(*prepared("--server", server, "--workers", "2"), REDIS_URL="redis://127.0.0.1:9/0")
    port = int(child.url().rpartition(":")[2].partition("/")[0])
    first, second = child.until(lambda: len(found := the_workers_of(child)) == 2 and found, 20)

    def dealt(count):
        with ExitStack() as stack:
            for _ in range(count):
                stack.enter_context(socket.create_connection(("127.0.0.1", port)))
            child.until(lambda: open_at(first, port) + open_at(second, port) == count, 20)
            return open_at(first, port), open_at(second, port)

    child.until(lambda: min(dealt(8)) > 0, 20)  # both are there
    # A fair coin thrown 64 times falls less than 12 times on one of its sides in one run of ten million.
    assert min(dealt(64)) >= 12
    first.suspend()
    try:
        assert [child.ask("/healthz")[0] for _ in range(16)] == [200] * 16
    finally:
        first.resume()
    child.signal()
    assert child.wait() == 0


def test_workers_end_with_a_supervisor_that_was_killed(migrated_site):
    child = migrated_site(*prepared("--server", "uvicorn", "--workers", "2"), REDIS_URL="redis://127.0.0.1:9/0")
    child.url()
    workers = child.until(lambda: len(found := the_workers_of(child)) == 2 and found, 20)
    child.signal(signal.SIGKILL)
    gone = {psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD}
    child.until(lambda: all(not one.is_running() or one.status() in gone for one in workers), 20)


def test_a_worker_that_is_stopped_while_it_starts_leaves_no_journal(tmp_path):
    journal = tmp_path / "journal"
    with socket.create_server(("127.0.0.1", 0)) as sock:
        report = str(tmp_path / "1.report")
        command = [sys.executable, "-m", "tumbler_site.serving.worker", "uvicorn", report, str(sock.fileno())]
        environment = clean_environment(tmp_path, PYTHONPATH=str(ROOT))
        worker = Process(command, env=environment, stdin=subprocess.PIPE, pass_fds=[sock.fileno()])
    try:
        worker.until(lambda: journal.is_dir() and list(journal.iterdir()), 20)
        worker.signal()
        assert worker.wait() == 0
        assert list(journal.iterdir()) == []
    finally:
        worker.child.stdin.close()
        worker.close()


TOLD_WHILE_IT_STARTS = """
import signal, sys
from tumbler_site.asgi import application
from tumbler_site.serving.chores import begin_chores
from tumbler_site.serving.limits import Limits
from tumbler_site.serving.listening import listen
from tumbler_site.serving.neighbours import Sockets
from tumbler_site.serving.running import run

class AtTheSignal:
    # Python calls this as it calls what cleans up after an import: what is raised here is dropped.
    def __del__(self):
        signal.raise_signal(signal.SIGTERM)

begin_chores(Limits())
AtTheSignal()
run(sys.argv[1], application, Sockets(listen("127.0.0.1", 0, backlog=1, stall_seconds=1)), Limits())
"""


@pytest.mark.parametrize("server", ["uvicorn", "daphne"])
def test_a_signal_at_any_moment_of_the_start_is_not_lost(migrated, tmp_path, server):
    new_site(tmp_path / "data", migrated)
    environment = clean_environment(tmp_path / "data", PYTHONPATH=str(ROOT))
    process = Process([sys.executable, "-c", TOLD_WHILE_IT_STARTS, server], env=environment)
    try:
        assert process.wait(20) == 0
        assert not list((tmp_path / "data" / "journal").iterdir())
    finally:
        process.close()


def test_a_worker_that_was_being_made_at_the_signal_is_told_as_well():
    class TooLate(Supervisor):
        async def start(self, command):
            worker = await super().start(command)
            self.end()
            return worker

    with socket.create_server(("127.0.0.1", 0)) as sock:
        began = time.monotonic()
        asyncio.run(TooLate([sock], 60).run([[sys.executable, "-c", "import time; time.sleep(60)"]]))
    assert time.monotonic() - began < 30


def the_workers_of(child):
    children = psutil.Process(child.child.pid).children()
    alive = [one for one in children if one.status() != psutil.STATUS_ZOMBIE]
    return [one for one in alive if "tumbler_site.serving.worker" in one.cmdline()]


def open_at(worker, port):
    """How many connections it has accepted there."""
    found = worker.net_connections("tcp")
    return sum(one.status == psutil.CONN_ESTABLISHED and one.laddr.port == port for one in found)

"""The shell scripts: a .venv that is made, kept and made anew, and the one request that judges an answer."""

import json
import os
import shutil
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import psutil
import pytest

from tests.serving.clients_and_servers import ROOT, clean_environment

TOKEN = "tumbler-notreal_0000"


def run(*command, cwd="/", **variables):
    """(exit status, standard output, standard error) of a command that gets these variables."""
    environment = clean_environment("/nowhere", **variables)
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout, done.stderr


# --- manage.py -----------------------------------------------------------------------------------------------


def test_manage_py_goes_on_in_the_venv_where_another_python_has_no_django(tmp_path):
    manage = shutil.copy(ROOT / "manage.py", tmp_path)
    bare = (sys.executable, "-S", manage, "issue_token", "ada")  # -S: without what is installed
    status, out, err = run(*bare)
    assert (status, out) == (1, "") and "run-openai-compatible-server.sh" in err and len(err.splitlines()) == 1

    ours = tmp_path / ".venv" / "bin" / "python"
    ours.parent.mkdir(parents=True)
    ours.write_text('#!/bin/sh\necho "$@"\n')
    ours.chmod(0o755)
    assert run(*bare) == (0, f"{manage} issue_token ada\n", "")


# --- scripts/venv.sh -----------------------------------------------------------------------------------------


@pytest.fixture
def project(tmp_path):
    """A project of one script that uses venv.sh, with nothing to install."""
    (tmp_path / "project" / "scripts").mkdir(parents=True)
    shutil.copy(ROOT / "scripts" / "venv.sh", tmp_path / "project" / "scripts")
    (tmp_path / "project" / "requirements.txt").write_text("# nothing\n")
    script = tmp_path / "project" / "scripts" / "try"
    script.write_text(
        "#!/usr/bin/env bash\nset -euo pipefail\n"
        'source "$(dirname "${BASH_SOURCE[0]}")/venv.sh" requirements.txt\n'
        'echo "$*"\npython -c "import sys; print(sys.prefix)"\n'
    )
    script.chmod(0o755)
    return tmp_path / "project"


def try_in(project, **variables):
    variables = {"PYTHON": sys.executable, **variables}
    return run(str(project / "scripts" / "try"), "its own", "arguments", **variables)


def test_the_venv_is_made_once_and_made_anew_where_it_would_not_work(project):
    status, out, err = try_in(project)
    assert (status, out.splitlines()) == (0, ["its own arguments", str(project / ".venv")]), err
    assert "Making .venv" in err

    status, out, err = try_in(project)
    assert (status, err) == (0, ""), "a second run installs nothing and says nothing"

    (project / "requirements.txt").write_text("# nothing, said differently\n")
    status, out, err = try_in(project)
    assert status == 0
    assert "Installing requirements.txt" in err
    assert "Making" not in err

    moved = project.rename(project.parent / "moved")
    status, out, err = try_in(moved)
    assert (status, out.splitlines()[1]) == (0, str(moved / ".venv")), err
    assert "Making .venv" in err


def test_an_install_that_was_interrupted_or_failed_is_done_again(project):
    (project / ".venv" / "bin").mkdir(parents=True)
    (project / ".venv" / "bin" / "python").symlink_to(sys.executable)  # as far as a killed `python -m venv` got
    (project / "requirements.txt").write_text("no-such-package==1 --hash=sha256:" + "0" * 64 + "\n")
    offline = {
        "UV_OFFLINE": "1",
        "PIP_NO_INDEX": "1",
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_FIND_LINKS": "",
        "PIP_USER": "1",
    }
    status, _, err = try_in(project, **offline)
    assert status == 1
    assert "Installing requirements.txt failed" in err
    (project / "requirements.txt").write_text("# nothing\n")
    status, _, err = try_in(project, **offline)
    assert status == 0, err
    assert "Making" not in err


def test_a_python_that_is_too_old_is_refused_in_one_sentence(project, tmp_path):
    old = tmp_path / "bin"
    old.mkdir()
    for name in ("python3", "python3.14", "python3.13", "python3.12", "python3.11"):
        (old / name).write_text('#!/bin/sh\n[ "$1" = --version ] && echo "Python 3.9.6"\nexit 1\n')
        (old / name).chmod(0o755)
    status, _, err = try_in(project, PYTHON="", PATH=f"{old}:{os.environ['PATH']}")
    assert status == 1
    assert err.splitlines() == [
        "Python 3.11 or newer is needed (python3 is: Python 3.9.6). Install it, or set PYTHON to it."
    ]
    status, _, err = try_in(project, PYTHON=str(old / "python3"))
    assert status == 1
    assert "is not Python 3.11 or newer (Python 3.9.6)" in err
    assert not (project / ".venv").exists()


def test_two_scripts_at_once_make_one_venv(project):
    results = []
    both = [threading.Thread(target=lambda: results.append(try_in(project))) for _ in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join()
    assert [status for status, _, _ in results] == [0, 0], results
    assert sum("Making .venv" in err for _, _, err in results) == 1


# --- scripts/run-openai-compatible-server.sh -----------------------------------------------------------------


def test_help_is_given_from_anywhere_without_a_start():
    status, out, _ = run(
        str(ROOT / "scripts" / "run-openai-compatible-server.sh"), "--port=1", "--help", PATH="/usr/bin:/bin"
    )
    assert status == 0
    for option in ("--host=H", "--port=P", "--demo", "--open", "--server=", "--workers=N"):
        assert option in out


# --- scripts/test-openai-compatibility.sh --------------------------------------------------------------------

COMPLETION = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "gpt-4",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Good day."}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3},
}


def chunk(delta, reason=None):
    choice = {"index": 0, "delta": delta, "finish_reason": reason}
    return {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4", "choices": [choice]}


GOOD = [
    chunk({"role": "assistant", "content": ""}),
    chunk({"content": "Good "}),
    chunk({"content": "day."}),
    chunk({}, "stop"),
]


def events(*chunks, end="data: [DONE]\n\n"):
    return "".join(f"data: {json.dumps(one)}\n\n" for one in chunks) + end


@pytest.fixture
def answering():
    """answering(status, text) is a server that says this, and keeps what it was asked and by whom."""
    servers = []

    def start(status, text, kind="text/event-stream"):
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                askers = [one.info["cmdline"] for one in psutil.process_iter(["cmdline"]) if one.info["cmdline"]]
                server.asked.append((self.headers["Authorization"], json.loads(body), askers))
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *args):
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.asked = []
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def ask(server, *options, **variables):
    command = [str(ROOT / "scripts" / "test-openai-compatibility.sh"), f"--port={server.server_address[1]}", *options]
    return run(*command, **variables)


def test_a_well_formed_completion_is_printed_and_passes(answering):
    server = answering(200, json.dumps(COMPLETION), "application/json")
    status, out, err = ask(server, "--model=gemini-x", TUMBLER_TOKEN=TOKEN)
    assert status == 0, err
    assert "Good day." in out
    [(authorization, body, _)] = server.asked
    assert authorization == f"Bearer {TOKEN}"
    assert (body["model"], body["stream"]) == ("gemini-x", False)


def test_a_well_formed_stream_is_printed_and_passes(answering):
    server = answering(200, ": keep-alive\n\n" + events(*GOOD))
    status, out, err = ask(server, "--stream")
    assert status == 0, err
    assert out.startswith("Good day.")
    assert server.asked[0][1]["stream"] is True


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (events(*GOOD, end=""), "without [DONE]"),
        (events(*GOOD) + events(GOOD[1]), "after [DONE]"),
        (events(*GOOD[:-1]), "no finish_reason"),
        (events(*GOOD[1:]), "no role"),
        (events(*GOOD, GOOD[1]), "after finish_reason"),
        (events(*GOOD[:-1], {**GOOD[-1], "id": "another"}), "one id"),
        (events(GOOD[0], {"error": {"message": "broke"}}, end=""), "an error came instead"),
        (events({"object": "chat.completion.chunk"}), "Not well-formed"),
        ("data: {half\n\n", "Not JSON"),
        ("", "without [DONE]"),
    ],
)
def test_a_stream_that_is_not_well_formed_fails(answering, text, reason):
    status, _, err = ask(answering(200, text), "--stream")
    assert status == 1
    assert reason in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"object": "list"}, "chat.completion"),
        ({"choices": []}, "no choices"),
        (
            {"choices": [{"index": 0, "message": {"role": "assistant", "content": ""}, "finish_reason": "stop"}]},
            "empty",
        ),
        ({"choices": [{"index": 0}]}, "Not well-formed"),
        ({"usage": None}, "no usage"),
    ],
)
def test_a_completion_that_is_not_well_formed_fails(answering, change, reason):
    status, _, err = ask(answering(200, json.dumps({**COMPLETION, **change}), "application/json"))
    assert status == 1
    assert reason in err
    assert "Traceback" not in err


def test_a_refusal_is_explained(answering):
    status, _, err = ask(answering(401, json.dumps({"error": {"message": "Wrong token."}})))
    assert status == 1
    assert "401: Wrong token." in err
    assert "TUMBLER_TOKEN" in err
    closed = answering(200, "")
    closed.shutdown()  # a socket that a thread still polls takes connections a little longer
    closed.server_close()
    status, _, err = ask(closed)
    assert status == 1
    assert "Nothing listens on 127.0.0.1" in err


def test_the_token_is_found_where_the_contract_says_and_never_in_an_argument_list(answering, tmp_path):
    (tmp_path / "first-run.txt").write_text(f"base_url: http://x/v1\ntoken: {TOKEN}-file\nadmin_user: admin\n")
    server = answering(200, json.dumps(COMPLETION), "application/json")
    variables = {"TUMBLER_DATA_DIR": str(tmp_path)}
    command = str(ROOT / "scripts" / "test-openai-compatibility.sh")
    port = str(server.server_address[1])
    for arguments, more in (
        (["--token", f"{TOKEN}-option"], {"TUMBLER_TOKEN": f"{TOKEN}-variable"}),
        ([f"--token={TOKEN}-option"], {}),
        ([], {"TUMBLER_TOKEN": f"{TOKEN}-variable"}),
        ([], {}),
    ):
        environment = {**clean_environment(tmp_path), **variables, **more}
        done = subprocess.run([command, "--port", port, *arguments], env=environment, capture_output=True, timeout=60)
        assert done.returncode == 0, done.stderr
    sent = [authorization.removeprefix(f"Bearer {TOKEN}-") for authorization, _, _ in server.asked]
    assert sent == ["option", "option", "variable", "file"]
    for _, _, askers in server.asked:
        asker = next(command for command in askers if any("one_request.py" in word for word in command))
        assert not any(TOKEN in word for word in asker)

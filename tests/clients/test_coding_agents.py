"""Codex, Claude Code and Gemini CLI, as people install them, at work on a server that they reach by an issued token.

Each is asked to read a note. The scripted Gemini calls the agent's own shell for it, a key fails on the way, and the second
turn brings the note's text and the thought's signature back.
"""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from compat.snippets import MODEL, SNIPPETS
from tests.clients.running import HERE, run
from tests.gemini_replies import OVERLOADED, reply
from tests.live.gateway import Gateway
from tests.scripted_gemini import ScriptedGemini

NOTE = "the words of the note"
ASK = "What is in note.txt?"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "note.txt").write_text(NOTE)
    return tmp_path


@pytest.fixture
def thinker(model: str) -> str:
    """A model that wants its signatures back."""
    return model.replace("2.5", "3.5")


def script(gemini: ScriptedGemini, model: str, tool: str, arguments: dict[str, Any]) -> None:
    call = {"functionCall": {"name": tool, "args": arguments, "id": "a"}, "thoughtSignature": "c2lnbg=="}
    gemini.will_say(reply({"text": "I shall look.", "thought": True}, call), model=model, times=1)
    gemini.will_refuse(503, OVERLOADED, model=model, times=1)
    gemini.will_say(reply("It holds some words."), model=model)


def check(gateway: Gateway, gemini: ScriptedGemini, model: str, endpoint: str) -> None:
    """The loop went through, and each turn was charged."""
    *_, called, results = gemini.calls_of(model)[-1].json["contents"]
    assert [part["thoughtSignature"] for part in called["parts"] if "functionCall" in part] == ["c2lnbg=="]
    assert NOTE in json.dumps([part["functionResponse"] for part in results["parts"] if "functionResponse" in part])
    rows = gateway.usage_rows(model, 2)
    assert {(row["endpoint"], row["stream"], row["status"]) for row in rows} == {(endpoint, 1, 200)}
    assert sorted(row["attempts"] for row in rows) == [1, 2]


def codex(coding_agents: Path, home: Path, gateway: Gateway, model: str, more: str = "") -> list[dict[str, Any]]:
    """What Codex did, item by item."""
    (config,) = (snippet.filled(f"{gateway.url}/v1") for snippet in SNIPPETS if snippet.name == "Codex CLI")
    (home / "config.toml").write_text(config.replace(MODEL, model) + more)
    command = ["node", coding_agents / "node_modules/@openai/codex/bin/codex.js", "exec", "--json"]
    # What is run is this test's own, and no machine has the same sandbox.
    free = ["--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox"]
    told = run([*command, *free, ASK], home, CODEX_HOME=str(home), TUMBLER_TOKEN=gateway.token)
    return [event["item"] for event in map(json.loads, told.splitlines()) if event["type"] == "item.completed"]


def test_codex_works_with_its_shell(
    gateway: Gateway, gemini: ScriptedGemini, thinker: str, coding_agents: Path, home: Path
) -> None:
    script(gemini, thinker, "exec_command", {"cmd": "cat note.txt"})
    items = codex(coding_agents, home, gateway, thinker)
    (command,) = [item for item in items if item["type"] == "command_execution"]
    assert (command["exit_code"], command["aggregated_output"]) == (0, NOTE)
    assert items[-1]["text"] == "It holds some words."
    check(gateway, gemini, thinker, "responses")


def test_codex_works_with_a_server_of_tools(
    gateway: Gateway, gemini: ScriptedGemini, thinker: str, coding_agents: Path, home: Path
) -> None:
    """Each server is a namespace of its own."""
    program = [str(HERE / "notes_server.py"), NOTE]
    server = f"[mcp_servers.notes]\ncommand = {json.dumps(sys.executable)}\nargs = {json.dumps(program)}\n"
    script(gemini, thinker, "mcp__notes__read_note", {})
    items = codex(coding_agents, home, gateway, thinker, server)
    (called,) = [item for item in items if item["type"] == "mcp_tool_call"]
    assert (called["server"], called["tool"], called["status"]) == ("notes", "read_note", "completed")
    assert items[-1]["text"] == "It holds some words."
    check(gateway, gemini, thinker, "responses")


def test_claude_code_works_with_its_shell(
    gateway: Gateway, gemini: ScriptedGemini, thinker: str, coding_agents: Path, home: Path
) -> None:
    script(gemini, thinker, "Bash", {"command": "cat note.txt", "description": "Read the note"})
    claude = ["node", coding_agents / "node_modules/@anthropic-ai/claude-code/cli-wrapper.cjs", "-p", ASK]
    told = run(
        [*claude, "--output-format", "json", "--allowedTools", "Bash(cat:*)"],
        home,
        ANTHROPIC_BASE_URL=gateway.url,
        ANTHROPIC_AUTH_TOKEN=gateway.token,
        ANTHROPIC_MODEL=thinker,
        CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC="1",
        DISABLE_AUTOUPDATER="1",
    )
    result = json.loads(told)
    assert (result["is_error"], result["result"], result["num_turns"]) == (False, "It holds some words.", 2)
    check(gateway, gemini, thinker, "messages")


def test_gemini_cli_works_with_its_shell(
    gateway: Gateway, gemini: ScriptedGemini, thinker: str, coding_agents: Path, home: Path
) -> None:
    settings = {"security": {"auth": {"selectedType": "gemini-api-key"}}, "privacy": {"usageStatisticsEnabled": False}}
    (home / ".gemini").mkdir()
    (home / ".gemini" / "settings.json").write_text(json.dumps(settings))
    script(gemini, thinker, "run_shell_command", {"command": "cat note.txt", "description": "Read the note"})
    cli = ["node", coding_agents / "node_modules/@google/gemini-cli/bundle/gemini.js"]
    told = run(
        [
            *cli,
            "--model",
            thinker,
            "--prompt",
            ASK,
            "--approval-mode",
            "yolo",
            "--skip-trust",
            "--output-format",
            "json",
        ],
        home,
        GOOGLE_GEMINI_BASE_URL=gateway.url,
        GEMINI_API_KEY=gateway.token,
    )
    assert json.loads(told)["response"] == "It holds some words."
    check(gateway, gemini, thinker, "gemini.generate")

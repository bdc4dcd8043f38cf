"""The snippets of the connect page: one a client, whole, and of the language they say."""

import ast
import json
import re
import tomllib

import pytest
import yaml

from compat.snippets import MODEL, SNIPPETS

BASE_URL = "https://tumbler.example/v1"
FILLED = {snippet.name: snippet.filled(BASE_URL) for snippet in SNIPPETS}


NO_MODEL = {
    "Open WebUI": "it lists the models by itself",
    "OpenAI images": "one that draws",
    "OpenAI speech": "one that speaks",
}
NO_TOKEN = {"llm": "its key is set by a command", "Codex CLI": "it reads the environment"}
PYTHON = [snippet.name for snippet in SNIPPETS if snippet.where.startswith("Python")]


def test_there_is_one_for_each_client():
    assert [*FILLED] == [
        *("curl", "OpenAI Python", "OpenAI Responses", "OpenAI images", "OpenAI speech", "OpenAI Node"),
        *("OpenAI Agents SDK", "Anthropic Python", "Google Gen AI Python", "LangChain", "Vercel AI SDK"),
        *("Codex CLI", "Claude Code", "Gemini CLI", "llm", "aider", "Open WebUI", "Cline", "Continue"),
    ]


@pytest.mark.parametrize("snippet", SNIPPETS, ids=lambda snippet: snippet.slug)
def test_it_names_this_server_a_model_and_the_place_of_the_token(snippet):
    text = snippet.filled(BASE_URL)
    assert "https://tumbler.example" in text and not re.search(r"\b(BASE_URL|ROOT_URL|MODEL|TOKEN)\b", text)
    assert (MODEL in text.replace(f"{MODEL}-tts", "")) == (snippet.name not in NO_MODEL)
    assert (snippet.token in text) == (snippet.name not in NO_TOKEN)


@pytest.mark.parametrize("name", PYTHON)
def test_python_is_python(name):
    ast.parse(FILLED[name])


def test_settings_are_toml_or_yaml_and_the_body_is_json():
    [provider] = tomllib.loads(FILLED["Codex CLI"])["model_providers"].values()
    assert (provider["base_url"], provider["env_key"]) == (BASE_URL, "TUMBLER_TOKEN")
    [model] = yaml.safe_load(FILLED["llm"])
    assert (model["api_base"], model["model_name"]) == (BASE_URL, MODEL)
    assert yaml.safe_load(FILLED["Continue"])["models"][0]["apiBase"] == BASE_URL
    assert json.loads(FILLED["curl"].split("-d '")[1].rstrip("'"))["model"] == MODEL

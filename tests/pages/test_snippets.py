"""The snippets of the connect page: one a client, whole, and of the language they say."""

import ast
import json

import pytest
import yaml

from compat.snippets import MODEL, SNIPPETS

BASE_URL = "https://tumbler.example/v1"
FILLED = {snippet.name: snippet.filled(BASE_URL) for snippet in SNIPPETS}


def test_there_is_one_for_each_client():
    assert [*FILLED] == [
        *("curl", "OpenAI Python", "OpenAI Node", "LangChain", "Vercel AI SDK", "llm", "aider", "Open WebUI"),
        *("Cline", "Continue"),
    ]


@pytest.mark.parametrize("snippet", SNIPPETS, ids=lambda snippet: snippet.slug)
def test_it_names_this_server_a_model_and_the_place_of_the_token(snippet):
    text = snippet.filled(BASE_URL)
    assert BASE_URL in text and not {"BASE_URL", "MODEL", " TOKEN"} & set(text.split())
    assert MODEL in text or snippet.name == "Open WebUI", "which lists the models by itself"
    assert snippet.token in text or snippet.name == "llm", "whose key is set by a command"


@pytest.mark.parametrize("name", ["OpenAI Python", "LangChain"])
def test_python_is_python(name):
    ast.parse(FILLED[name])


def test_settings_are_yaml_and_the_body_is_json():
    [model] = yaml.safe_load(FILLED["llm"])
    assert (model["api_base"], model["model_name"]) == (BASE_URL, MODEL)
    assert yaml.safe_load(FILLED["Continue"])["models"][0]["apiBase"] == BASE_URL
    assert json.loads(FILLED["curl"].split("-d '")[1].rstrip("'"))["model"] == MODEL

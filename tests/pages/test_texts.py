"""The pages in Chinese: every text has its translation, the compiled file is the one that is made from it."""

import re

import pytest
from babel.messages.catalog import Message

from scripts import messages

PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|%[sd]|\{\w*\}")


def test_every_text_of_the_sources_is_translated_and_none_is_left_over():
    told = messages.gathered()
    assert messages.missing(told) == [], "run scripts/messages.py and translate them"
    assert messages.PO.read_bytes() == messages.as_po(told), "run scripts/messages.py"


def test_the_compiled_file_is_made_from_the_text_file():
    assert messages.PO.with_suffix(".mo").read_bytes() == messages.as_mo(messages.known()), "run scripts/messages.py"


def texts():
    return [message for message in messages.known() if message.id]


@pytest.mark.parametrize("message", texts(), ids=lambda message: str(message.id)[:40])
def test_a_translation_keeps_what_is_filled_in(message: Message):
    singular = message.id if isinstance(message.id, str) else message.id[-1]
    translated = message.string if isinstance(message.string, str) else message.string[-1]
    assert sorted(PLACEHOLDER.findall(translated)) == sorted(PLACEHOLDER.findall(singular))


@pytest.mark.django_db
def test_a_language_is_chosen_by_the_browser_and_by_the_switch(client):
    chinese = client.get("/", headers={"host": "localhost", "accept-language": "zh-CN,zh;q=0.9"})
    assert "首页" in chinese.content.decode()
    switched = client.post("/language/", {"language": "zh-hans", "next": "/status/"}, headers={"host": "localhost"})
    assert switched.url == "/status/"
    assert "首页" in client.get("/status/", headers={"host": "localhost"}).content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize(("now", "other"), [("zh-hans", "English"), ("en", "简体中文")])
def test_the_switch_names_the_other_language_in_its_own_words(client, now, other):
    page = client.get("/", headers={"host": "localhost", "accept-language": now}).content.decode()
    assert f">{other}</button>" in page


@pytest.mark.parametrize(
    "elsewhere", ["//evil.example", "https://evil.example/", "javascript:alert(1)", "/\\evil.example"]
)
def test_the_switch_leads_nowhere_else(client, elsewhere):
    answer = client.post("/language/", {"language": "en", "next": elsewhere}, headers={"host": "localhost"})
    assert "evil" not in answer.get("Location", "/") and not answer.get("Location", "/").startswith("javascript")

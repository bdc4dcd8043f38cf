"""Contributors over HTTP: no background thread, an upstream that says what the test told it, open gates."""

import re
from types import SimpleNamespace

import pytest
from django.test import Client

import compat.views.contributions
from accounts import contributing, pool
from accounts.contributing import GOOD, disable_key
from accounts.contributions import checking, flood, intake, pace, status
from accounts.contributions.terms import VERSION
from accounts.contributions.views import contribute

CODE = re.compile(r"tumbler-receipt(?:-[0-9A-Z]{4}){9}")
KEY = "fake-contributed-key-0001"
OTHER = "fake-contributed-key-0002"
DEAD = "fake-contributed-key-dead"


@pytest.fixture(autouse=True)
def quiet_site(monkeypatch, settings):
    """What each test begins with; `checks` counts how often a check was asked for, `syncs` how often the pool was told."""
    settings.STATIC_ROOT = None
    asked = SimpleNamespace(checks=0, syncs=0)

    async def sync():
        asked.syncs += 1

    def check_soon():
        asked.checks += 1

    monkeypatch.setattr(pool, "sync", sync)
    monkeypatch.setattr(checking, "check_soon", check_soon)
    flood.contributions.reopen()
    status.forget()
    yield asked
    status.forget()


@pytest.fixture
def upstream(monkeypatch):
    """verdicts[last four characters] is what the upstream says; every other key is good. `asked` are those it was asked."""
    told = SimpleNamespace(verdicts={DEAD[-4:]: "key_invalid"}, asked=[])

    def check(keys):
        verdicts = {}
        for key in keys:
            told.asked.append(key.last_four)
            verdicts[key.pk] = told.verdicts.get(key.last_four, GOOD)
            if verdicts[key.pk].startswith("key_"):
                disable_key(key, verdicts[key.pk])
        return verdicts

    monkeypatch.setattr(contributing, "key_checker", check)
    return told


@pytest.fixture
def work(monkeypatch):
    """work.takes = 0.03: so long it takes to receive keys, by a clock of the test's that nothing else moves: `work.now`."""
    told = SimpleNamespace(now=1000.0, takes=0.0)
    receive = intake.receive

    def go_on(seconds):
        told.now += seconds

    async def go_on_beside(seconds):
        go_on(seconds)

    def receive_in_time(offer):
        go_on(told.takes)
        return receive(offer)

    clock = SimpleNamespace(monotonic=lambda: told.now, sleep=go_on)
    for module in (pace, contribute, compat.views.contributions):
        monkeypatch.setattr(module, "time", clock)
    monkeypatch.setattr(compat.views.contributions, "asyncio", SimpleNamespace(sleep=go_on_beside))
    monkeypatch.setattr(intake, "receive", receive_in_time)
    return told


@pytest.fixture
def visitor(db):
    return Visitor()


class Visitor:
    """Somebody at the pages, without an account."""

    def __init__(self, address="198.51.100.7"):
        self.client = Client(headers={"host": "localhost", "accept": "text/html"}, REMOTE_ADDR=address)

    def contribute(self, keys=KEY, **more):
        """The answer to the form."""
        form = {"keys": keys, "terms": VERSION, "consent": "on", "website": "", **more}
        return self.client.post("/contribute/", form)

    def lend(self, keys=KEY, **more):
        """The code of a receipt for these keys."""
        answer = self.contribute(keys, **more)
        assert answer.status_code == 202, answer.content.decode()
        return CODE.search(answer.content.decode())[0]

    def receipt(self, code, act="", number=1, **more):
        """The answer to an act on a receipt."""
        return self.client.post("/contribute/receipt/", {"code": code, "act": act, "number": number, **more})

    def told(self, code, act="", number=1, **more):
        """The text of the receipt's page."""
        answer = self.receipt(code, act, number, **more)
        assert answer.status_code == 200, answer.content.decode()
        return answer.content.decode()

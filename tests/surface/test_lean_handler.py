"""The lean handler: what it leaves out, and the names of Django's and DRF's that it leans on (docs/decisions/0001)."""

import asyncio
import importlib
import re
from pathlib import Path

import pytest
from asgiref.sync import SyncToAsync
from django.core.signals import request_finished, request_started
from django.http import HttpRequest
from django.http.request import split_domain_port, validate_host
from rest_framework.request import Request
from rest_framework.views import APIView

from compat.lean import LeanHandler
from compat.request import LeanRequest, ViewRequest
from compat.urls import ROUTES
from tests.surface.conftest import ask

PAGE = (Path(__file__).parents[2] / "docs" / "decisions" / "0001-lean-handler.md").read_text(encoding="utf-8")
NAMES = re.findall(r"^\| `([\w.]+)` \|", PAGE, re.MULTILINE)


def request(**headers):
    sent = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "scheme": "https", "method": "POST", "path": "/v1/chat", "headers": sent}
    return LeanRequest(scope, None, None)


def test_the_page_lists_names():
    assert len(NAMES) >= 8


@pytest.mark.parametrize("name", NAMES)
def test_every_name_that_the_page_lists_is_still_there(name):
    module, _, rest = name.partition(".")
    found = HttpRequest if module == "HttpRequest" else importlib.import_module(module)
    for step in rest.split("."):
        if not hasattr(found, step) and hasattr(found, "__path__"):
            importlib.import_module(f"{found.__name__}.{step}")
        # DRF's request has its own of Django's as an attribute of each instance.
        found = Request(request()) if (found, step) == (Request, "_request") else found
        found = getattr(found, step)
    assert found is not None


def test_hosts_are_read_as_django_reads_them():
    assert split_domain_port("Localhost:3000") == ("localhost", "3000")
    assert split_domain_port("[::1]:3000") == ("[::1]", "3000")
    assert split_domain_port("evil/..")[0] == ""
    assert validate_host("a.localhost", [".localhost"]) and not validate_host("evil", ["localhost"])


def test_the_lean_request_is_a_request_to_djangos_eyes():
    made = request(content_type="application/json", x_api_key="a", host="localhost")
    assert (made.method, made.path, made.scheme, made.is_secure()) == ("POST", "/v1/chat", "https", True)
    assert made.META == {"CONTENT_TYPE": "application/json", "HTTP_X_API_KEY": "a", "HTTP_HOST": "localhost"}


def test_a_header_with_an_underscore_is_not_taken_for_another():
    scope = {"method": "GET", "path": "/", "headers": [(b"x_api_key", b"evil"), (b"x-api-key", b"good")]}
    made = LeanRequest(scope, None, None)
    assert made.META["HTTP_X_API_KEY"] == "good"


def test_drf_takes_the_lean_request_and_the_caller_that_was_found():
    made = ViewRequest(request())
    assert isinstance(made, Request) and made.user is None
    caller = object()
    made.user = caller
    assert made.user is caller and made._request.method == made.method == "POST"


def test_drf_tells_the_methods():
    class View(APIView):
        def get(self, request):
            """Nothing."""

    assert View().allowed_methods == ["GET", "OPTIONS"]


def test_a_header_that_comes_again_is_one_list():
    scope = {"method": "GET", "path": "/", "headers": [(b"a", b"1"), (b"host", b"h"), (b"a", b"2")]}
    made = LeanRequest(scope, None, None)
    assert made.fields == {b"a": b"1,2", b"host": b"h"} and made.META["HTTP_A"] == "1,2"


def test_who_leaves_ends_the_request_and_one_clock_serves_all_of_a_loop(monkeypatch):
    ended = []

    async def view(asked):
        asked.body_is_read()
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(asked)

    async def leave():
        return {"type": "http.disconnect"}

    async def ask_many(handler):
        loop, timers = asyncio.get_running_loop(), []
        later = loop.call_later
        monkeypatch.setattr(
            loop, "call_later", lambda *given, **named: timers.append(given[0]) or later(*given, **named)
        )
        scope = {"method": "POST", "path": "/", "headers": []}
        await asyncio.gather(*(handler(scope, leave, None) for _ in range(20)))
        await asyncio.sleep(0.05)
        return timers.count(0.01)

    monkeypatch.setattr("compat.lean.find_view", lambda path: (view, {}))
    monkeypatch.setattr("compat.lean._TICK_SECONDS", 0.01)
    handler = LeanHandler()
    # The second loop's clock is its own: that of the first stands still.
    for asked in (20, 40):
        assert asyncio.run(asyncio.wait_for(ask_many(handler), 10)) == 2
        assert len(ended) == asked


def test_no_middleware_is_loaded():
    assert getattr(LeanHandler(), "_middleware_chain", None) is None


async def test_a_request_sends_no_signal_and_enters_no_thread(site, monkeypatch):
    assert (await site.chat()).status == 200  # the token is known from here on
    heard = []

    def hear(**_):
        heard.append("a signal")

    async def thread(self, *args, **kwargs):
        heard.append("a thread")

    request_started.connect(hear)
    request_finished.connect(hear)
    monkeypatch.setattr(SyncToAsync, "__call__", thread)
    try:
        for stream in (False, True):
            assert (await site.chat(stream=stream)).status == 200
        assert (await site.ask("/v1/nothing", method="GET")).status == 404
    finally:
        request_started.disconnect(hear)
        request_finished.disconnect(hear)
    assert heard == []


@pytest.mark.django_db(transaction=True)
async def test_other_pages_go_through_django_with_its_middleware():
    answered = await ask("/accounts/login/", method="GET")
    assert answered.status == 200
    assert answered.headers["x-frame-options"] == "DENY" and "x-request-id" not in answered.headers


def test_every_route_is_a_view_of_drfs():
    assert all(issubclass(view.cls, APIView) for view in ROUTES.values())

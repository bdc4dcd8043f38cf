"""What a process tells, what the hub makes of it, and what each watcher has been told of that."""

import asyncio
import time

import pytest
from channels.layers import get_channel_layer

from accounts.live import presence
from accounts.live.hub import Hub
from accounts.live.publisher import Publisher
from accounts.live.rates import Rates
from accounts.live.rights import Close, Rights, rights_of
from accounts.live.summary import ENDED_TOLD, Told
from accounts.live.watcher import View
from accounts.models import User

ALL = Rights(1, key_events=True)


def told(process="aaaaaaaa", numbers=(), shut=None, running=()):
    numbers = list(numbers)
    ended = [{"number": number, "user": 1, "id": f"{process}{number}"} for number in numbers]
    last = numbers[-1] if numbers else 0
    return Told(process, last, ended, list(running), len(running), 0, shut or {})


@pytest.fixture
def hub():
    made = Hub()
    made.names = {1: "ada"}
    made._names_until = float("inf")
    return made


def numbers(frame):
    return [row["number"] for row in frame["ended"]]


async def test_each_request_is_told_once_however_often_a_process_tells_it(hub):
    view = View(ALL, {})
    for few in ([1, 2], [1, 2, 3], [3]):
        await hub._take(told(numbers=few))
    assert numbers(view.next(hub)) == [1, 2, 3]
    assert numbers(view.next(hub)) == []


async def test_what_no_summary_held_is_counted(hub):
    view = View(ALL, {})
    await hub._take(told(numbers=[1]))
    view.next(hub)
    await hub._take(told(numbers=[5, 6]))
    frame = view.next(hub)
    assert (numbers(frame), frame["left_out"]) == ([5, 6], 3)


async def test_a_watcher_that_was_away_is_told_the_last_hundred_and_how_many_more_there_were(hub):
    view = View(ALL, {})
    for first in range(1, 301, ENDED_TOLD):
        await hub._take(told(numbers=range(first, first + ENDED_TOLD)))
    frame = view.next(hub)
    assert numbers(frame) == list(range(201, 301))
    assert frame["left_out"] == 200


async def test_a_cursor_is_of_each_process_by_itself(hub):
    await hub._take(told("aaaaaaaa", [1, 2, 3]))
    await hub._take(told("bbbbbbbb", [1, 2, 3]))
    frame = View(ALL, {"aaaaaaaa": 2, "bbbbbbbb": 3}).next(hub)
    assert [row["id"] for row in frame["ended"]] == ["aaaaaaaa3"]
    assert sorted(frame["after"].split(".")) == ["aaaaaaaa-3", "bbbbbbbb-3"]


async def test_a_breaker_is_told_once_when_it_shuts_and_once_when_it_opens(hub):
    view = View(ALL, {})
    kinds = []
    for process, shut in (("aaaaaaaa", {"m": 9e9}), ("bbbbbbbb", {"m": 9e9}), ("aaaaaaaa", {}), ("bbbbbbbb", {})):
        await hub._take(told(process, shut=shut))
        kinds += [event["kind"] for event in view.next(hub)["events"]]
    assert kinds == ["shut", "open"]


async def test_a_process_that_says_nothing_any_more_is_forgotten(hub, monkeypatch):
    await hub._take(told("aaaaaaaa", running=[{"user": 1, "began": 0, "id": "x"}]))
    assert View(ALL, {}).next(hub)["running_count"] == 1
    later = time.monotonic() + 10
    monkeypatch.setattr("accounts.live.hub.time.monotonic", lambda: later)
    await hub._take(told("bbbbbbbb"))
    frame = View(ALL, {}).next(hub)
    assert (frame["processes"], frame["running_count"]) == (1, 0)


async def test_a_summary_that_cannot_be_read_does_not_deafen_the_hub(hub, caplog, monkeypatch):
    monkeypatch.setattr("accounts.live.hub.SAY_SECONDS", 0.01)
    monkeypatch.setattr("accounts.live.hub.in_db", lambda *_: asyncio.sleep(0, []))
    hub.join()
    try:
        while not (found := await presence.who()):
            await asyncio.sleep(0.01)
        [channel] = found
        await get_channel_layer().send(channel, {"type": "live.told", "process": "of another version"})
        await get_channel_layer().send(channel, {"type": "live.told", **told(numbers=[7])._asdict()})
        async with asyncio.timeout(5):
            while not hub.ended:
                await asyncio.sleep(0.01)
    finally:
        hub.leave()
        presence._here.clear()
    assert "live traffic could not be read" in caplog.text


class Lossy:
    """A layer that loses a cancellation, as redis-py does before Python 3.12, and breaks off instead if it is to."""

    def __init__(self, broken=None):
        self.broken = broken
        self.begun = asyncio.Event()

    async def new_channel(self):
        return "here"

    async def receive(self, channel):
        self.begun.set()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            if self.broken:
                raise self.broken from None
        return {"type": "live.told", **told()._asdict()}

    async def send(self, channel, message):
        await self.receive(channel)


@pytest.mark.parametrize("broken", [None, RuntimeError("the transport is closed")])
async def test_the_hub_ends_though_the_layer_loses_the_word(hub, caplog, monkeypatch, broken):
    layer = Lossy(broken)
    monkeypatch.setattr("accounts.live.hub.get_channel_layer", lambda: layer)
    monkeypatch.setattr("accounts.live.hub.in_db", lambda *_: asyncio.sleep(0, {}))
    hearing = asyncio.create_task(hub._hear())
    await layer.begun.wait()
    hearing.cancel()
    await asyncio.wait([hearing], timeout=5)
    assert hearing.done()
    assert not caplog.records
    presence._here.clear()


async def test_the_publisher_ends_though_the_layer_loses_the_word(monkeypatch):
    layer = Lossy()
    monkeypatch.setattr("accounts.live.publisher.get_channel_layer", lambda: layer)
    presence._here["there"] = time.monotonic() + 60
    telling = asyncio.create_task(Publisher()._run())
    await layer.begun.wait()
    telling.cancel()
    await asyncio.wait([telling], timeout=5)
    assert telling.done()
    presence._here.clear()


def test_rates_are_of_the_last_seconds_and_of_all_processes():
    rates = Rates()
    for second in range(11):
        rates.add("a", 100.0 + second, 10 * second, 100 * second)
        rates.add("b", 100.0 + second, 5, 50)
    assert rates.a_second(110.0) == (10.0, 100.0)
    rates.add("a", 111.0, 100, 900)  # an estimate gave way to fewer
    assert rates.a_second(111.0)[1] >= 0
    assert rates.a_second(200.0) == (0.0, 0.0)


@pytest.mark.django_db
def test_staff_without_the_second_factor_that_is_asked_for_do_not_watch(client, settings):
    client.force_login(User.objects.create_superuser("boss"))
    session = client.session.session_key
    assert isinstance(rights_of(session), Rights)
    settings.STAFF_SECOND_FACTOR = True
    assert rights_of(session) is Close.NOT_ALLOWED
    assert rights_of(None) is Close.SIGNED_OUT

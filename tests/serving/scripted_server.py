"""A server of its own for the tests: `scripted_server.py daphne|uvicorn '{"stall_seconds": 1}'` runs the small app below.

Its first line on standard output is the port. What the app saw is written to standard error, one word or more a line.
"""

import asyncio
import contextlib
import gc
import json
import logging
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import psutil

from tumbler_site.serving.limits import Limits
from tumbler_site.serving.listening import listen
from tumbler_site.serving.neighbours import Sockets
from tumbler_site.serving.running import run

CHUNK = b"x" * 65536
THREADS = ThreadPoolExecutor(1)
TASKS = []


def say(*words):
    print(*words, file=sys.stderr, flush=True)


async def app(scope, receive, send):
    if scope["type"] == "websocket":
        await talk(receive, send)
    elif scope["type"] == "http":
        await PATHS.get(scope["path"], echo)(scope, receive, send)


async def start(send, *headers, status=200):
    await send({"type": "http.response.start", "status": status, "headers": list(headers)})


async def body(send, data=b"", more=False):
    await send({"type": "http.response.body", "body": data, "more_body": more})


async def answer(send, value):
    data = json.dumps(value).encode()
    await start(send, (b"content-type", b"application/json"), (b"content-length", b"%d" % len(data)))
    await body(send, data)


async def echo(scope, receive, send):
    """What arrived: the whole body's length, the path, the root path, the headers."""
    received = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            say("left early")
            return
        received += len(message["body"])
        if not message["more_body"]:
            break
    say("whole request", scope["path"])
    headers = [name.decode("latin1") for name, _ in scope["headers"]]
    value = {"path": scope["path"], "root_path": scope["root_path"], "received": received, "headers": headers}
    await answer(send, value)


async def slow(scope, receive, send):
    """An answer after a while; a client that left meanwhile is noticed."""
    left = asyncio.create_task(until_left(receive))
    await asyncio.wait({left}, timeout=1)
    if left.done():
        say("left")
    left.cancel()
    await answer(send, "late")


async def until_left(receive):
    while (await receive())["type"] != "http.disconnect":
        pass


async def flood(scope, receive, send):
    """300 MB, as fast as the client takes them."""
    left = asyncio.create_task(until_left(receive))
    await start(send)
    sent = 0
    while sent < 300_000_000 and not left.done():
        await body(send, CHUNK, more=True)
        sent += len(CHUNK)
    say("flood ended", sent)
    await body(send)


async def large(scope, receive, send):
    """6 MB in one piece."""
    data = b"y" * 6_000_000
    await start(send, (b"content-length", b"%d" % len(data)))
    await body(send, data)


async def stream(scope, receive, send):
    """Ten lines in a second and a half."""
    await start(send)
    for number in range(10):
        await body(send, b"line %d\n" % number, more=True)
        if number == 0:
            say("streaming")
        await asyncio.sleep(0.15)
    await body(send)
    say("streamed")


async def numbered(scope, receive, send):
    """Three thousand pieces of many lengths, of which no two are alike."""
    await start(send)
    for number in range(3000):
        await body(send, b"%d," % number * (number * 37 % 1000), more=True)
    await body(send)


async def endless(scope, receive, send):
    """A stream that ends only when someone ends it, and then takes its time to settle."""
    await start(send)
    left = asyncio.create_task(until_left(receive))
    try:
        await body(send, b"on\n", more=True)
        say("streaming")
        while not left.done():
            await body(send, b"and on\n", more=True)
            await asyncio.sleep(0.05)
        say("told to stop")
    except asyncio.CancelledError:
        say("cancelled")
        raise
    finally:
        await asyncio.sleep(0.1)
        say("settled")


async def stubborn(scope, receive, send):
    """A stream that listens to nobody."""
    await start(send)
    say("streaming")
    while True:
        await body(send, b"still\n", more=True)
        await asyncio.sleep(0.05)


async def fails_late(scope, receive, send):
    await start(send)
    await body(send, b"a beginning", more=True)
    raise RuntimeError("the late failure")


async def fails_early(scope, receive, send):
    raise RuntimeError("the early failure")


async def stops_half(scope, receive, send):
    await start(send)
    await body(send, b"a beginning", more=True)


async def prints(scope, receive, send):
    print("printed by the app", flush=True)
    await answer(send, "ok")


async def state(scope, receive, send):
    """What this process holds."""
    from daphne.server import Server

    process = psutil.Process()
    held = [len(thing.connections) for thing in gc.get_objects() if issubclass(type(thing), Server)]
    await answer(
        send,
        {
            "rss": process.memory_info().rss,
            "fds": process.num_fds(),
            "tasks": len(asyncio.all_tasks()),
            "connections": sum(held),
        },
    )


async def hangs(scope, receive, send):
    """Leaves a thread behind that waits for something that never comes, as for a silent database."""
    asyncio.get_running_loop().run_in_executor(THREADS, time.sleep, 600)
    await answer(send, "ok")


async def deaf(scope, receive, send):
    """Leaves a task behind that listens to nobody."""

    async def go_on():
        while True:
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(600)

    TASKS.append(asyncio.create_task(go_on()))
    await answer(send, "ok")


async def talk(receive, send):
    await receive()
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": message["text"]})
    say("socket closed", message.get("code"))


PATHS = {
    f"/{act.__name__}": act
    for act in (
        slow,
        flood,
        large,
        stream,
        numbered,
        endless,
        stubborn,
        fails_late,
        fails_early,
        stops_half,
        prints,
        state,
        hangs,
        deaf,
    )
}

if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    limits = Limits(**json.loads(sys.argv[2]))
    sock = listen("127.0.0.1", 0, backlog=limits.backlog, stall_seconds=limits.stall_seconds)
    print(sock.getsockname()[1], flush=True)
    run(sys.argv[1], app, Sockets(sock), limits)
    say("ended quietly", os.getpid())

"""A process that answers a few requests and counts what that took; see test_work_of_a_request.py, which starts it.

The whole app is in it, without a server in front: an ASGI scope goes in, messages come out. Upstream is the stand-in of the
benchmarks, over a real connection, slow enough that every chunk comes alone. Prints one JSON object.
"""

import asyncio
import gc
import json
import os
import sys
import tracemalloc
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import django

_MODEL = "gemini-3.8-flash"
_SHORT, _LONG = 5, 15


class Asking:
    """Sends requests into the app; knows how many messages came out."""

    def __init__(self, application, token):
        self.application = application
        self.headers = [
            (b"host", b"127.0.0.1"),
            (b"content-type", b"application/json"),
            (b"authorization", f"Bearer {token}".encode()),
        ]
        self.sends = 0

    async def __call__(self, chunks=0):
        model = f"{_MODEL}--{chunks}-chunks" if chunks else _MODEL
        body = {"model": model, "messages": [{"role": "user", "content": "Hello!"}], "stream": bool(chunks)}
        messages = [{"type": "http.request", "body": json.dumps(body).encode(), "more_body": False}]
        out = []

        async def receive():
            if not messages:
                await asyncio.Event().wait()
            return messages.pop()

        async def send(message):
            self.sends += 1
            out.append(message)

        await self.application(self.scope(), receive, send)
        said = b"".join(message.get("body", b"") for message in out)
        assert out[0]["status"] == 200, (out[0], said)
        assert not chunks or said.count(b'"content":"word') == chunks, said

    def scope(self):
        path = "/v1/chat/completions"
        return {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "POST",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "root_path": "",
            "scheme": "http",
            "headers": list(self.headers),
            "client": ("127.0.0.1", 50_000),
            "server": ("127.0.0.1", 80),
        }


# --- what is counted ---------------------------------------------------------------------------------------------


@contextmanager
def acts(counts, asking):
    """Messages sent, tasks made, callbacks and timers of the loop, threads asked, queries, and writes to the journal."""
    from django.db.backends.utils import CursorWrapper

    loop = asyncio.get_running_loop()

    def counting(name, function):
        def counted(*arguments, **options):
            counts[name] += 1
            return function(*arguments, **options)

        return counted

    def new_task(loop, coroutine, **options):
        counts["tasks"] += 1
        return asyncio.Task(coroutine, loop=loop, **options)

    for name in ("tasks", "journal writes", "threads asked", "queries"):
        counts[name] = 0
    kept = os.write, ThreadPoolExecutor.submit, CursorWrapper.execute
    loop.set_task_factory(new_task)
    os.write = counting("journal writes", os.write)
    ThreadPoolExecutor.submit = counting("threads asked", ThreadPoolExecutor.submit)
    CursorWrapper.execute = counting("queries", CursorWrapper.execute)
    before = asking.sends
    try:
        yield
    finally:
        os.write, ThreadPoolExecutor.submit, CursorWrapper.execute = kept
        loop.set_task_factory(None)
        counts["sends"] += asking.sends - before


@contextmanager
def garbage(counts):
    """Objects that hold each other in a circle: they stay until the garbage collector finds them."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        counts["garbage"] = gc.collect()
        gc.enable()


@contextmanager
def calls(counts):
    """Calls of functions in this thread, Python's and C's."""

    def profiled(_frame, event, _argument):
        if event in {"call", "c_call"}:
            counts["calls"] += 1

    sys.setprofile(profiled)
    try:
        yield
    finally:
        sys.setprofile(None)


@contextmanager
def steps(counts):
    """Instructions of Python's virtual machine in this thread."""

    def traced(frame, event, _argument):
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        if event == "opcode":
            counts["steps"] += 1
        return traced

    sys.settrace(traced)
    try:
        yield
    finally:
        sys.settrace(None)


async def least(measure, asking, chunks, rounds):
    """The least of several rounds, name by name: what runs in the background now and then is nobody's."""
    found = []
    for _ in range(rounds):
        counts = Counter()
        with measure(counts, asking):
            await asking(chunks)
        found.append(counts)
    return {name: min(counts[name] for counts in found) for name in found[0]}


@contextmanager
def memory(counts):
    """Bytes of Python's objects, at the most."""
    tracemalloc.start()
    tracemalloc.reset_peak()
    before, _ = tracemalloc.get_traced_memory()
    try:
        yield
    finally:
        counts["bytes"] = tracemalloc.get_traced_memory()[1] - before
        tracemalloc.stop()


async def everything(asking):
    """Counts of a whole answer, of a stream, and of one more chunk of it."""
    whole = await least(lambda counts, _: memory(counts), asking, 0, 9)
    stream, chunk = {}, {}
    alone = (garbage, calls, steps)
    measures = (acts, *(lambda counts, _, measure=measure: measure(counts) for measure in alone))
    for measure in measures:
        whole |= await least(measure, asking, 0, 9)
        short, long = [await least(measure, asking, chunks, 4) for chunks in (_SHORT, _LONG)]
        stream |= short
        chunk |= {name: (long[name] - short[name]) / (_LONG - _SHORT) for name in long}
    return {"a whole answer": whole, f"a stream of {_SHORT} chunks": stream, "one more chunk": chunk}


async def main(token):
    """Get warm, count, print."""
    from tumbler_site.asgi import application

    asking = Asking(application, token)
    for chunks in (0, _SHORT, _LONG, 0, 0):
        await asking(chunks)
    print(json.dumps(await everything(asking)))


if __name__ == "__main__":
    import uvloop

    django.setup()
    from accounts.metering.writer import Writer

    Writer.start = lambda self: None  # what it stores behind the answers has a benchmark of its own
    uvloop.run(main(os.environ.pop("WORKING_TOKEN")))

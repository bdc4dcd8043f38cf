"""A Gemini whose answers a test scripts: a real HTTP/1.1 server on loopback that keeps every request and owns every byte.

A rule says which calls it answers (by model, by key) and how often; the first rule that fits and is not used up answers.
Calls that no rule fits get a plain good answer, except for the names that Google has retired.
"""

import asyncio
import gzip
import json
import re
import threading
from dataclasses import dataclass
from typing import Any

from compat.simulator.media import image
from tests.gemini_replies import GONE, events, reply, sound
from tests.scripted_wire import Answer, Call, Streaming, Wire, send_whole

RETIRED = re.compile(r"gemini-1\..*|gemini-2\.0.*|gemini-2\.5-pro-exp-03-25|text-embedding-004")


@dataclass
class _Rule:
    answer: Answer
    model: str | None
    key: str | None
    times: int | None

    def fits(self, call: Call) -> bool:
        return (
            self.times != 0
            and (self.model is None or self.model == call.model)
            and (self.key is None or self.key == call.key)
        )


class ScriptedGemini:
    """The server, in a thread of its own. `will_…` methods add rules; `times=None` holds for ever."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.connections = 0
        self._rules: list[_Rule] = []
        self._lock = threading.Lock()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(10)
        self.port: int = self._server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"

    async def _listen(self) -> asyncio.Server:
        return await self._loop.create_server(self._wire, "127.0.0.1", 0, backlog=1024)

    def _wire(self) -> Wire:
        self.connections += 1
        return Wire(self._take, self.connections)

    def close(self) -> None:
        """Stop listening and drop every connection."""
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _stop(self) -> None:
        self._server.close()
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def forget(self) -> None:
        """Drop every rule and every kept call."""
        with self._lock:
            self._rules.clear()
            self.calls.clear()

    def calls_of(self, *models: str) -> list[Call]:
        """The calls to these models, in order."""
        with self._lock:
            return [call for call in self.calls if call.model in models]

    def _take(self, call: Call) -> Answer:
        with self._lock:
            self.calls.append(call)
            for rule in self._rules:
                if rule.fits(call):
                    if rule.times is not None:
                        rule.times -= 1
                    return rule.answer
        return _gone if RETIRED.fullmatch(call.model) and "--" not in call.model else _usual

    # --- what a test may script ---------------------------------------------------------------------------

    def will(
        self, answer: Answer, *, model: str | None = None, key: str | None = None, times: int | None = None
    ) -> None:
        """Answer such calls by a coroutine of the test's own."""
        with self._lock:
            self._rules.append(_Rule(answer, model, key, times))

    def will_answer(
        self,
        body: bytes | dict[str, Any],
        status: int = 200,
        *,
        headers: dict[str, str] | None = None,
        content_type: str = "application/json; charset=UTF-8",
        framing: str = "length",
        delay: float = 0,
        **which: Any,
    ) -> None:
        """Answer whole, after `delay` seconds."""
        payload = body if isinstance(body, bytes) else json.dumps(body).encode()
        given = {"Content-Type": content_type, **(headers or {})}

        async def answer(_: Call, wire: Wire) -> None:
            if delay:
                await wire.pause(delay)
            await send_whole(wire, status, given, payload, framing)

        self.will(answer, **which)

    def will_say(self, *replies: dict[str, Any] | bytes, **which: Any) -> None:
        """Answer the one reply whole, or as the events of a stream where one is asked for; several are for a stream alone."""
        kind = {"Content-Type": "application/json; charset=UTF-8"}

        async def answer(call: Call, wire: Wire) -> None:
            if call.streamed:
                await send_whole(wire, 200, {"Content-Type": "text/event-stream"}, events(*replies), "chunked")
            else:
                (only,) = replies
                body = only if isinstance(only, bytes) else json.dumps(only, ensure_ascii=False).encode()
                await send_whole(wire, 200, kind, body, "length")

        self.will(answer, **which)

    def will_stream(
        self,
        body: bytes,
        *,
        model: str | None = None,
        key: str | None = None,
        times: int | None = None,
        **how: Any,
    ) -> None:
        """Answer 200 with these bytes, in slices of `slice`, `delay` seconds between them and `first` before them.

        `framing` is chunked, length or close. After `cut_after` bytes the connection is cut, by a FIN or an RST (`cut`), or
        it stays open and silent ("hang"). Without `terminator` a chunked body ends without its last chunk.
        """
        self.will(Streaming(body, **how), model=model, key=key, times=times)

    def will_refuse(self, status: int, body: bytes | dict[str, Any] = b"", **options: Any) -> None:
        """Answer with an error status."""
        self.will_answer(body, status, **options)

    def will_find_dead(self, status: int, body: bytes, *, model: str) -> None:
        """Refuse the first key that asks for this model, and whatever that key asks from then on."""
        given = {"Content-Type": "application/json; charset=UTF-8"}

        async def answer(call: Call, wire: Wire) -> None:
            self.will_refuse(status, body, key=call.key)
            await send_whole(wire, status, given, body, "length")

        self.will(answer, model=model, times=1)

    def will_hang(self, seconds: float = 600, **which: Any) -> None:
        """Take the request and say nothing."""

        async def answer(_: Call, wire: Wire) -> None:
            await wire.pause(seconds)

        self.will(answer, **which)

    def will_cut(self, *, with_reset: bool = False, **which: Any) -> None:
        """Take the request and cut the connection without a byte."""

        async def answer(_: Call, wire: Wire) -> None:
            if with_reset:
                wire.reset()
            else:
                wire.transport.close()

        self.will(answer, **which)

    def will_redirect(self, location: str, status: int = 307, **which: Any) -> None:
        """Point elsewhere."""
        self.will_answer(b"", status, headers={"Location": location}, **which)

    def will_zip(self, body: bytes, **which: Any) -> None:
        """Answer in gzip, which nobody asked for."""
        self.will_answer(gzip.compress(body), headers={"Content-Encoding": "gzip"}, **which)


async def _gone(_: Call, wire: Wire) -> None:
    await send_whole(wire, 404, {"Content-Type": "application/json"}, json.dumps(GONE).encode(), "length")


async def _usual(call: Call, wire: Wire) -> None:
    """What Gemini says when nothing was scripted."""
    kind = {"Content-Type": "application/json; charset=UTF-8"}
    if call.method == "streamGenerateContent" and "-tts" in call.model:
        body = events(reply(sound(bytes(24_000)), finish=None), reply(sound(bytes(24_000))))
        await send_whole(wire, 200, {"Content-Type": "text/event-stream"}, body, "chunked")
    elif b'"responseModalities":["IMAGE"]' in call.body:
        drawn = reply({"inlineData": image(call.json["generationConfig"].get("imageConfig", {}))})
        if call.streamed:
            await send_whole(wire, 200, {"Content-Type": "text/event-stream"}, events(drawn), "chunked")
        else:
            await send_whole(wire, 200, kind, json.dumps(drawn).encode(), "length")
    elif call.method == "streamGenerateContent":
        body = events(
            reply("Hel", finish=None, usage={"promptTokenCount": 7, "totalTokenCount": 7}),
            reply("lo!", finish=None, usage={"promptTokenCount": 7, "candidatesTokenCount": 3, "totalTokenCount": 10}),
            reply(""),
        )
        await send_whole(wire, 200, {"Content-Type": "text/event-stream"}, body, "chunked")
    elif call.method == "generateContent":
        count = call.json.get("generationConfig", {}).get("candidateCount", 1)
        whole = reply("Hello!")
        whole["candidates"] = [{**whole["candidates"][0], "index": index} for index in range(count)]
        await send_whole(wire, 200, kind, json.dumps(whole).encode(), "length")
    elif call.method == "batchEmbedContents":
        vectors = [{"values": _vector(request)} for request in call.json["requests"]]
        body = json.dumps({"embeddings": vectors, "usageMetadata": {"promptTokenCount": 4 * len(vectors)}}).encode()
        await send_whole(wire, 200, kind, body, "length")
    elif call.method == "countTokens":
        await send_whole(wire, 200, kind, json.dumps({"totalTokens": 7}).encode(), "length")
    elif call.method == "list":
        methods = ["generateContent", "countTokens"]
        models = [
            {"name": f"models/{name}", "supportedGenerationMethods": methods, "inputTokenLimit": 1_048_576}
            for name in ("gemini-3.8-flash", "gemini-3.5-flash-lite")
        ]
        await send_whole(wire, 200, kind, json.dumps({"models": models}).encode(), "length")
    else:
        await _gone(call, wire)


def _vector(request: dict[str, Any]) -> list[float]:
    """A vector that tells its text: the first value by the text's length, not of unit length."""
    size = request.get("outputDimensionality", 3072)
    text = "".join(part["text"] for part in request["content"]["parts"])
    return [float(len(text))] + [0.5] * (size - 1)

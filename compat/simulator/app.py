"""The simulator as an ASGI application: which route is asked, by whom, and what was noted of it."""

import time
from collections.abc import Callable
from urllib.parse import parse_qs

from compat.simulator import refusals
from compat.simulator.calls import Call, CallLog
from compat.simulator.clock import Clock
from compat.simulator.control import PREFIX, Control
from compat.simulator.credentials import read_credential
from compat.simulator.delivery import Pace, deliver_reply, deliver_stream, refuse
from compat.simulator.exchange import HTML, ClientLeft, ConnectionCut, Exchange, Receive, Scope, Send
from compat.simulator.faults import KEY_REFUSALS, Fault
from compat.simulator.file_calls import FileCalls
from compat.simulator.files import Files
from compat.simulator.generation import Asked, Generation, prompt_characters, wire_fault
from compat.simulator.keys import Key
from compat.simulator.models import CATALOGUE, find_model, to_listing
from compat.simulator.quota_tables import unlimited
from compat.simulator.quotas import Quotas
from compat.simulator.refusals import Refused
from compat.simulator.replies import to_reply, to_stream
from compat.simulator.switched_faults import SwitchedFaults
from compat.simulator.wire import JsonObject, encode_pretty

_MODELS = "/v1beta/models"
_STREAM = "streamGenerateContent"
_NEEDED_METHOD = {
    "generateContent": "generateContent",
    _STREAM: "generateContent",
    "countTokens": "countTokens",
    "embedContent": "embedContent",
    "batchEmbedContents": "embedContent",
}
_NOT_FOUND = (
    b"<!DOCTYPE html>\n<html lang=en>\n<title>Error 404 (Not Found)!!1</title>\n"
    b"<p>The requested URL was not found.\n</html>\n"
)
_PAGE_SIZE = 50
_LONGEST_PAGE = 1_000


def simulator(
    quotas: Quotas | None = None,
    clock: Callable[[], float] = time.time,
    *,
    control: bool = False,
    first_byte_delay: float = 0.0,
    chunk_delay: float = 0.0,
) -> "Simulator":
    """A Gemini API of one's own; delays in seconds. Without quotas it knows no limits.

    clock gives Unix seconds. control opens /control/ and keeps a record of every call.
    """
    pace = Pace(first_byte_delay, chunk_delay)
    return Simulator(quotas if quotas is not None else unlimited(), Clock(clock), pace, control=control)


class Simulator:
    """The ASGI 3 application; HTTP only."""

    def __init__(self, quotas: Quotas, clock: Clock, pace: Pace, *, control: bool) -> None:
        files = Files(clock)
        self.control = Control(quotas, clock, CallLog(), SwitchedFaults(), files)
        self._is_controlled = control
        self._pace = pace
        self._generation = Generation(quotas, clock, files)
        self._file_calls = FileCalls(files)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection of the ASGI server."""
        if scope["type"] != "http":
            raise RuntimeError("The simulator speaks HTTP only.")
        exchange = Exchange(scope, receive, send)
        try:
            await self._route(exchange)
        except ClientLeft:
            pass
        finally:
            exchange.close()

    async def _route(self, exchange: Exchange) -> None:
        path = exchange.path
        model, colon, method = path[len(_MODELS) + 1 :].partition(":") if path.startswith(_MODELS) else ("", "", "")
        if colon and method in _NEEDED_METHOD and exchange.scope["method"] == "POST":
            await self._noted(exchange, model, method)
        elif path.rstrip("/") == _MODELS or (model and not colon):
            await self._noted(exchange, model, "models.get" if model else "models.list")
        elif self._is_controlled and path.startswith(PREFIX):
            await self._controlled(exchange)
        elif of_files := self._file_calls.method_of(exchange):
            await self._noted(exchange, "", of_files)
        else:
            await exchange.answer(404, _NOT_FOUND, HTML)

    async def _controlled(self, exchange: Exchange) -> None:
        body = await exchange.read_body()
        try:
            answer = self.control.answer(exchange.scope["method"], exchange.path, body)
        except Refused as refused:
            await refuse(exchange, refused, streamed=False, sse=False)
        else:
            await exchange.answer(200, encode_pretty(answer))

    async def _noted(self, exchange: Exchange, model: str, method: str) -> None:
        """Answer an API call and keep what became of it."""
        call = Call(self.control.clock(), "", "", model, method)
        if self._is_controlled:
            self.control.calls.begin(call)
        sse = b"alt=sse" in exchange.query
        try:
            await self._answer(exchange, call, sse=sse)
            call.completed = True
        except Refused as refused:
            await refuse(exchange, refused, streamed=method == _STREAM, sse=sse)
        except ConnectionCut:
            pass
        except ClientLeft:
            call.closed_by_client_at = self.control.clock()
        finally:
            call.status, call.body_bytes = exchange.status, exchange.received
            if self._is_controlled:
                self.control.calls.end(call, self.control.clock())

    async def _answer(self, exchange: Exchange, call: Call, *, sse: bool) -> None:
        key = self._file_calls.key_of(exchange) if call.method == "files.upload" else read_credential(exchange)
        call.key, call.project = key.text, key.project
        faults = self._faults_of(key, call.model)
        _refuse_key(key, faults)
        if call.method.startswith("files."):
            await self._file_calls.answer(exchange, call.method, key)
            return
        if call.method.startswith("models."):
            reply = _model(call.model) if call.model else _model_page(exchange.query)
            await deliver_reply(exchange, reply, Pace(), wire_fault(faults))
            return
        found = find_model(call.model)
        if found is None or _NEEDED_METHOD[call.method] not in found[0].methods:
            raise refusals.unknown_model(call.model, call.method)
        facts, fault_of_name = found
        if fault_of_name is not None:
            faults = (*faults, fault_of_name)
        request = self._generation.read(facts, await exchange.read_body(), call.method, key)
        if self._is_controlled:
            call.store = request.get("store")
            call.prompt_chars = prompt_characters(request)
        asked = Asked(request, facts, key, faults)
        fault = wire_fault(faults)
        if call.method == _STREAM:
            answer = self._generation.answer(asked, streamed=True)
            await deliver_stream(exchange, to_stream(answer), self._pace, fault, sse=sse)
        else:
            await deliver_reply(exchange, self._reply(asked, call.method), self._pace, fault)

    def _reply(self, asked: Asked, method: str) -> JsonObject:
        if method == "generateContent":
            return to_reply(self._generation.answer(asked, streamed=False))
        if method == "countTokens":
            return self._generation.count(asked)
        return self._generation.embed(asked, batch=method == "batchEmbedContents")

    def _faults_of(self, key: Key, model: str) -> tuple[Fault, ...]:
        if not self.control.faults:
            return key.faults
        return (*key.faults, *self.control.faults.befalling(key, model))


def _refuse_key(key: Key, faults: tuple[Fault, ...]) -> None:
    for fault in faults:
        if fault.name in KEY_REFUSALS:
            raise refusals.of_key(fault, key)


def _model(name: str) -> JsonObject:
    facts = CATALOGUE.get(name)
    if facts is None:
        raise Refused(404, f"Model is not found: models/{name} for api version v1beta")
    return to_listing(facts)


def _model_page(query: bytes) -> JsonObject:
    """One page of the list; the token of the next page is where it starts."""
    asked = {name: values[0] for name, values in parse_qs(query.decode("latin-1")).items()}
    try:
        size = min(int(asked.get("pageSize") or _PAGE_SIZE), _LONGEST_PAGE)
        start = int(asked.get("pageToken") or 0)
    except ValueError:
        raise Refused(400, "Invalid page size or page token.") from None
    if size < 1 or start < 0:
        raise Refused(400, "Invalid page size or page token.")
    listings = [to_listing(facts) for facts in CATALOGUE.values()]
    page: JsonObject = {"models": listings[start : start + size]}
    if start + size < len(listings):
        page["nextPageToken"] = str(start + size)
    return page

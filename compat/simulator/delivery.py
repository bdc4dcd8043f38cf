"""Replies on the wire, whole or as a stream, with the faults of the wire (faults.TRANSPORT)."""

from collections.abc import Iterable
from dataclasses import dataclass

from compat.simulator import refusals
from compat.simulator.exchange import EVENT_STREAM, HTML, JSON, Exchange
from compat.simulator.faults import Fault
from compat.simulator.refusals import Refused
from compat.simulator.wire import JsonObject, encode, encode_pretty

_SLOW_MS = 1_000
_DRIP_MS = 100
_PAGE = b"<!DOCTYPE html>\n<html lang=en>\n<title>Sorry</title>\n<p>We're sorry, something went wrong.\n</html>\n"
_NONE = Fault("")


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds before the first byte, and before each event of a stream."""

    first_byte: float = 0.0
    chunk: float = 0.0

    def spoilt(self, fault: Fault) -> "Pace":
        """The pace with a slow or dripping fault."""
        if fault.name == "slow":
            return Pace(fault.number(_SLOW_MS) / 1_000, self.chunk)
        if fault.name == "drip":
            return Pace(self.first_byte, fault.number(_DRIP_MS) / 1_000)
        return self


async def deliver_reply(exchange: Exchange, reply: JsonObject, pace: Pace, fault: Fault = _NONE) -> None:
    """Send one reply; raises Refused where the fault is an error status."""
    body = encode_pretty(reply)
    if not fault.name and not pace.first_byte:
        await exchange.answer(200, body)
        return
    await _begin(exchange, pace.spoilt(fault), fault)
    if exchange.status:
        return
    match fault.name:
        case "errormid" | "errorbare":
            raise refusals.of_model("internal", "")
        case "badjson":
            await exchange.answer(200, body[: len(body) * 2 // 3])
        case "cut" | "stall":
            await exchange.start(200, JSON, len(body))
            await exchange.write(body[: len(body) // 2])
            await _break_off(exchange, fault)
        case _:
            await exchange.answer(200, body)


async def deliver_stream(
    exchange: Exchange, replies: Iterable[JsonObject], pace: Pace, fault: Fault = _NONE, *, sse: bool = True
) -> None:
    """Send the replies as Server-Sent Events, or as one JSON array that grows."""
    if fault.name or pace.first_byte:
        pace = pace.spoilt(fault)
        await _begin(exchange, pace, fault)
        if exchange.status:
            return
    frames = [_event(reply) for reply in replies] if sse else _array(list(replies))
    await exchange.start(200, EVENT_STREAM if sse else JSON)
    broken_after = len(frames) // 2 if fault.name in {"cut", "stall", "errormid", "errorbare", "badjson"} else -1
    for number, frame in enumerate(frames):
        if pace.chunk:
            await exchange.pause(pace.chunk)
        if number == broken_after:
            await _break_stream(exchange, frame, fault, sse=sse)
            return
        await exchange.write(frame)
    await exchange.end()


async def refuse(exchange: Exchange, refused: Refused, *, streamed: bool, sse: bool) -> None:
    """Send an error; of a stream it says it were one, and without alt=sse it is a list of one (reference, 5)."""
    body = refused.body()
    if streamed and not sse:
        await exchange.answer(refused.status, encode_pretty([body]))
    else:
        await exchange.answer(refused.status, encode_pretty(body), EVENT_STREAM if streamed else JSON)


async def _begin(exchange: Exchange, pace: Pace, fault: Fault) -> None:
    """Whatever happens before the first byte; when that was already all, the exchange has a status."""
    if pace.first_byte:
        await exchange.pause(pace.first_byte)
    match fault.name:
        case "hang":
            await exchange.pause(None)
        case "cutbefore":
            await exchange.cut()
        case "html":
            await exchange.answer(200, _PAGE, HTML)
        case "huge":
            exchange.watch()


async def _break_off(exchange: Exchange, fault: Fault) -> None:
    if fault.name == "stall":
        await exchange.pause(None)
    await exchange.cut()


async def _break_stream(exchange: Exchange, frame: bytes, fault: Fault, *, sse: bool) -> None:
    error = Refused(503, "The service is currently unavailable.").body()
    match fault.name:
        case "errormid":
            await exchange.write(_event(error) if sse else b",\r\n" + encode_pretty(error) + b"\n]\n")
            await exchange.end()
        case "errorbare":
            await exchange.write(encode_pretty(error) + b"\n")
            await exchange.end()
        case "badjson":
            await exchange.write(frame[: len(frame) // 2].rstrip() + b"\r\n\r\n")
            await exchange.end()
        case "cut":
            await exchange.write(frame[: len(frame) // 2])
            await exchange.cut()
        case _:
            await exchange.pause(None)


def _event(reply: JsonObject) -> bytes:
    return b"data: " + encode(reply) + b"\r\n\r\n"


def _array(replies: list[JsonObject]) -> list[bytes]:
    frames = [(b",\r\n" if number else b"[") + encode_pretty(reply) + b"\n" for number, reply in enumerate(replies)]
    return [*frames[:-1], frames[-1] + b"]\n"]

"""Replies on the wire, whole or as a stream, with the faults of the wire (faults.TRANSPORT)."""

from collections.abc import Iterable
from dataclasses import dataclass

from compat.simulator import refusals
from compat.simulator.exchange import EVENT_STREAM, JSON, Exchange
from compat.simulator.faults import Fault
from compat.simulator.refusals import Refused
from compat.simulator.wire import JsonObject, encode, encode_pretty
from compat.simulator.wire_faults import UNAVAILABLE, answer_instead, oddly_framed

_SLOW_MS = 1_000
_DRIP_MS = 100
_TRICKLE_MS = 300
_RESET_SECONDS = 0.05
_MIDWAY = {"cut", "reset", "stall", "errormid", "errorbare", "badjson"}
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
    if await _begin(exchange, pace.spoilt(fault), fault):
        return
    match fault.name:
        case "errormid" | "errorbare":
            raise refusals.of_model("internal", "")
        case "badjson":
            await exchange.answer(200, body[: len(body) * 2 // 3])
        case "cut" | "reset" | "stall":
            await exchange.start(200, JSON, len(body))
            await exchange.write(body[: len(body) // 2])
            await _break_off(exchange, fault)
        case "trickle":
            await exchange.start(200, JSON, len(body))
            await _trickle(exchange, body, fault)
        case _:
            await exchange.answer(200, body)


async def deliver_stream(
    exchange: Exchange, replies: Iterable[JsonObject], pace: Pace, fault: Fault = _NONE, *, sse: bool = True
) -> None:
    """Send the replies as Server-Sent Events, or as one JSON array that grows."""
    if fault.name or pace.first_byte:
        pace = pace.spoilt(fault)
        if await _begin(exchange, pace, fault):
            return
    frames = [_event(reply) for reply in replies] if sse else _array(list(replies))
    if fault.name == "oddframes" and sse:
        frames = oddly_framed(frames)
    await exchange.start(200, EVENT_STREAM if sse else JSON)
    if fault.name == "trickle":
        await _trickle(exchange, b"".join(frames), fault)
        return
    broken_after = len(frames) // 2 if fault.name in _MIDWAY else -1
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


async def _begin(exchange: Exchange, pace: Pace, fault: Fault) -> bool:
    """Whatever happens before the first byte; True when that was already all."""
    if pace.first_byte:
        await exchange.pause(pace.first_byte)
    match fault.name:
        case "hang":
            await exchange.pause(None)
        case "cutbefore":
            await exchange.cut()
        case "huge":
            exchange.watch()
    return await answer_instead(exchange, fault.name)


async def _break_off(exchange: Exchange, fault: Fault) -> None:
    if fault.name == "stall":
        await exchange.pause(None)
    # A reset overtakes what the kernel has not delivered yet.
    await exchange.pause(_RESET_SECONDS if fault.name == "reset" else 0)
    await exchange.cut(reset=fault.name == "reset")


async def _break_stream(exchange: Exchange, frame: bytes, fault: Fault, *, sse: bool) -> None:
    half = frame[: len(frame) // 2]
    match fault.name:
        case "errormid":
            await exchange.write(_event(UNAVAILABLE) if sse else b",\r\n" + encode_pretty(UNAVAILABLE) + b"\n]\n")
            await exchange.end()
        case "errorbare":
            await exchange.write(encode_pretty(UNAVAILABLE) + b"\n")
            await exchange.end()
        case "badjson":
            await exchange.write(half.rstrip() + b"\r\n\r\n")
            await exchange.end()
        case _:
            if fault.name != "stall":
                await exchange.write(half)
            await _break_off(exchange, fault)


async def _trickle(exchange: Exchange, body: bytes, fault: Fault) -> None:
    for byte in body:
        await exchange.write(bytes((byte,)))
        await exchange.pause(fault.number(_TRICKLE_MS) / 1_000)
    await exchange.end()


def _event(reply: JsonObject) -> bytes:
    return b"data: " + encode(reply) + b"\r\n\r\n"


def _array(replies: list[JsonObject]) -> list[bytes]:
    frames = [(b",\r\n" if number else b"[") + encode_pretty(reply) + b"\n" for number, reply in enumerate(replies)]
    return [*frames[:-1], frames[-1] + b"]\n"]

"""A transport that sends when a turn of the event loop is over: what many requests have to say in one turn goes out together.

Whoever is sent something and sleeps is woken, and that takes longer than the sending. Sent between the steps of one request and
the next, each piece wakes its reader anew; sent one right after another, they find it awake. Redis sends its replies so as well.
"""

import asyncio
from collections.abc import Callable
from typing import Any

# More goes out at once: a sender must be told in time to wait (`pause_writing`), also within one turn. So little may be put
# together piece by piece.
_KEPT_BYTES = 64 * 1024


class Turn:
    """The turn of an event loop that is under way: who has something to say in it, in the order in which they first spoke."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.tells_clients = False
        """Whether all that clients of this loop are told goes out when a turn is over."""
        self._loop = loop
        self._speaking: list[TurnTransport] = []
        self._first: list[Callable[[], None]] = []

    def add(self, transport: "TurnTransport") -> None:
        """Have this one send what it keeps when the turn is over."""
        if not (self._speaking or self._first):
            self._loop.call_soon(self._over)
        self._speaking.append(transport)

    def before(self, act: Callable[[], None]) -> None:
        """Call `act` when the turn is over, and before anything that is said in it goes out. It must not raise."""
        if not (self._speaking or self._first):
            self._loop.call_soon(self._over)
        self._first.append(act)

    def act_first(self) -> None:
        """Do now what is to be done before anything goes out."""
        if self._first:
            first, self._first = self._first, []
            for act in first:
                act()

    def _over(self) -> None:
        self.act_first()
        speaking, self._speaking = self._speaking, []
        for transport in speaking:
            try:
                transport.send()
            except Exception as error:  # noqa: BLE001 (what one may not send must not keep the others from it)
                about = {"message": "What a turn said was not sent", "exception": error, "transport": transport}
                self._loop.call_exception_handler(about)


# Not by weak keys: a turn knows its loop, so none would ever go.
_turns: dict[asyncio.AbstractEventLoop, Turn] = {}


def turn() -> Turn:
    """The turn of the running event loop."""
    loop = asyncio.get_running_loop()
    found = _turns.get(loop)
    if found is None:
        _forget_closed_loops()
        found = _turns[loop] = Turn(loop)
    return found


def _forget_closed_loops() -> None:
    # A list of them: pages have loops of their own, in threads of their own.
    for loop in list(_turns):
        if loop.is_closed():
            _turns.pop(loop, None)


def put_off(act: Callable[[], None]) -> None:
    """Call `act` before any client is told more: when the turn is over, where clients are told then, else at once."""
    try:
        now = turn()
    except RuntimeError:  # no event loop runs here
        act()
        return
    if now.tells_clients:
        now.before(act)
    else:
        act()


class TurnTransport(asyncio.Transport):
    """A transport before another, which keeps what is written until the turn is over; all else is the other's."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._turn = turn()
        self._kept = b""

    # --- what is written ---------------------------------------------------------------------------------------

    def write(self, data: bytes) -> None:  # type: ignore[override]
        """Send this when the turn is over, in order; what is too much to be kept at once."""
        kept = self._kept
        if len(kept) + len(data) > _KEPT_BYTES:
            self.send()
            self._pass_on(data)
            return
        if not kept:
            self._turn.add(self)
        self._kept = kept + data

    def send(self) -> None:
        """Send at once what was written."""
        kept, self._kept = self._kept, b""
        if kept:
            self._pass_on(kept)

    def _pass_on(self, data: bytes) -> None:
        if not self._transport.is_closing():
            self._turn.act_first()
            self._transport.write(data)

    def get_write_buffer_size(self) -> int:
        """How many bytes are written and not yet the kernel's."""
        return len(self._kept) + self._transport.get_write_buffer_size()

    def write_eof(self) -> None:
        """Say that no more comes, behind all that was written."""
        self.send()
        self._transport.write_eof()

    def close(self) -> None:
        """Close it when all that was written is out."""
        self.send()
        self._transport.close()

    def abort(self) -> None:
        """Close it at once. What was kept is not sent."""
        self._kept = b""
        self._transport.abort()

    # --- what is the other's, each by its name: behind a `__getattr__` Python looks up all attributes slowly ----

    def is_closing(self) -> bool:
        """Whether it is closed or about to be."""
        return self._transport.is_closing()

    def pause_reading(self) -> None:
        """Take nothing from whoever speaks to us."""
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Take it again."""
        self._transport.resume_reading()

    def is_reading(self) -> bool:
        """Whether that is taken."""
        return self._transport.is_reading()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """What is known of the connection under a name."""
        return self._transport.get_extra_info(name, default)

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Tell another protocol from now on."""
        self._transport.set_protocol(protocol)

    def get_protocol(self) -> asyncio.BaseProtocol:
        """The protocol that is told."""
        return self._transport.get_protocol()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """From how many bytes on a sender is to wait, and down to how many."""
        self._transport.set_write_buffer_limits(high, low)

    def get_write_buffer_limits(self) -> tuple[int, int]:
        """Down to how many bytes a sender waits, and from how many on."""
        return self._transport.get_write_buffer_limits()

    def can_write_eof(self) -> bool:
        """Whether it can say that no more comes."""
        return self._transport.can_write_eof()

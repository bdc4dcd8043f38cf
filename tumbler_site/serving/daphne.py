"""daphne, hardened: deadlines, write backpressure, applications reaped when they end, and a quiet shutdown.

Checked against daphne 4.2.3 and Twisted 26.10. One connection is connection.py, one request request.py.
"""

# daphne has no types and Twisted has them by halves.
# mypy: disable-error-code="misc,arg-type,list-item"

import asyncio
import logging
import signal
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from daphne.server import Server as DaphneServer  # first: it installs Twisted's asyncio reactor
from twisted.internet import defer, reactor
from twisted.internet.task import LoopingCall
from twisted.logger import (
    FilteringLogObserver,
    LogLevel,
    LogLevelFilterPredicate,
    STDLibLogObserver,
    globalLogBeginner,
)

from tumbler_site.serving.connection import Factory
from tumbler_site.serving.draining import begin_draining, is_draining
from tumbler_site.serving.limits import Limits
from tumbler_site.serving.neighbours import LOOK_SECONDS, Sockets, waiting
from tumbler_site.serving.request import Request

logger = logging.getLogger("daphne.server")

GOING_AWAY = 1001  # RFC 6455, 7.4.1


def serve(application: Any, sockets: Sockets, limits: Limits, ready: Callable[[], None]) -> None:
    """Serve `application` on its own socket until SIGTERM or SIGINT; running requests get their grace."""
    Server(application, sockets, limits, ready).run()


class Server(DaphneServer):
    """daphne's server on a socket that is there already."""

    def __init__(self, application: Any, sockets: Sockets, limits: Limits, ready: Callable[[], None]) -> None:
        super().__init__(
            application,
            endpoints=[sockets.own],  # daphne insists on one; `listen` takes its place
            signal_handlers=False,
            server_name="",
            request_buffer_size=64 * 1024,
            websocket_max_message_size=limits.websocket_bytes,
            websocket_max_frame_size=limits.websocket_bytes,
            verbosity=1,
            ready_callable=ready,
        )
        self.endpoints: list[Any] = []
        self.sock, self.neighbours = sockets
        self.looking = LoopingCall(self.look_around)
        self.limits = limits
        self.ending = self.hurried = False

    def run(self) -> None:
        """Serve until a signal; returns when the drain is over."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self.on_signal)
        _log_failures()
        reactor.callWhenRunning(self.listen)
        if is_draining() and not self.ending:  # told while it was starting
            self.end()
        super().run()

    def listen(self) -> None:
        """Accept on the socket. Twisted takes a copy of the descriptor; ours is closed."""
        self.ws_factory.setProtocolOptions(failByDrop=False)  # say why, with a close frame
        self.http_factory = Factory(self)
        self.port = reactor.adoptStreamPort(self.sock.fileno(), self.sock.family, self.http_factory)
        self.sock.close()
        if self.neighbours:
            self.looking.start(LOOK_SECONDS)

    def look_around(self) -> None:
        """Take who waits at a neighbour's socket."""
        for client in waiting(self.neighbours):
            with client:  # Twisted takes a copy here too
                reactor.adoptStreamConnection(client.fileno(), client.family, self.http_factory)

    def on_signal(self, number: int, frame: Any) -> None:
        """The first signal begins the drain, the second cuts it short."""
        begin_draining(self.limits)
        if self.ending:
            self.hurried = True
        else:
            self.end()

    def end(self) -> None:
        """Begin the drain as soon as the reactor runs."""
        self.ending = True
        reactor.callFromThread(self.stop)

    def accept_no_more(self) -> None:
        """Nobody shall queue here, or at a neighbour's because of us."""
        self.port.stopListening()
        if self.looking.running:
            self.looking.stop()
        for sock in self.neighbours:
            sock.close()

    # --- The app of one request ------------------------------------------------------------------------------

    def create_application(self, protocol: Any, scope: dict[str, Any]) -> Any:
        """Run the app for one request or WebSocket, and hear of its end at once instead of within a second."""
        queue = super().create_application(protocol, scope)
        if queue is not None:
            task = self.connections[protocol]["application_instance"]
            task.add_done_callback(partial(self.application_ended, protocol))
        return queue

    async def handle_reply(self, protocol: Any, message: dict[str, Any]) -> None:
        """Pass one message of the app on, and let the app wait while its client does not read."""
        details = self.connections.get(protocol)
        if details is None or "disconnected" in details:
            await asyncio.sleep(0)  # an app that sends on without end must not keep the loop for itself
            return
        if message["type"] == "http.response.start":
            self.check_headers_type(message)
        protocol.handle_reply(message)
        if isinstance(protocol, Request) and not protocol.finished and protocol.channel.full:
            await protocol.channel.wait_for_room()

    def application_ended(self, protocol: Any, task: "asyncio.Task[None]") -> None:
        """Forget an app that is done; the client of one that failed, or left its answer half, must hear of it."""
        details = self.connections.get(protocol)
        if details is None or details.get("application_instance") is not task:
            return
        del details["application_instance"]
        error = None if task.cancelled() else task.exception()
        if error is not None:
            logger.error("Exception inside the application: %s", error, exc_info=error)
        if "disconnected" in details:
            del self.connections[protocol]
        elif error is not None or isinstance(protocol, Request):
            protocol.handle_exception(error)

    def protocol_disconnected(self, protocol: Any) -> None:
        """Note that a client is gone or has its answer, and forget it if its app is done as well."""
        if protocol not in self.connections:
            return
        super().protocol_disconnected(protocol)
        if "application_instance" not in self.connections[protocol]:
            del self.connections[protocol]

    def application_checker(self) -> None:
        """Once a second, whatever happens: cut what is past its deadline, kill apps that outlive their client."""
        try:
            self.http_factory.sweep(time.monotonic())
            super().application_checker()
        except Exception:
            logger.exception("The sweep of the connections failed; the next one is in a second.")
            reactor.callLater(1, self.application_checker)

    # --- The end -----------------------------------------------------------------------------------------------

    def kill_all_applications(self) -> Any:
        """What the reactor waits for before it stops."""
        return defer.Deferred.fromFuture(asyncio.ensure_future(self.drain()))

    async def drain(self) -> None:
        """Accept no more, let running requests finish, tell those past their grace to stop, then cancel."""
        self.accept_no_more()
        self.http_factory.finish_up()
        for protocol in list(self.connections):
            if not isinstance(protocol, Request):
                _send_away(protocol)
        await self.until_quiet(self.limits.grace_seconds)
        for protocol in list(self.connections):
            if isinstance(protocol, Request) and protocol.application_queue:
                protocol.send_disconnect()
        await self.until_quiet(self.limits.settle_seconds)
        if late := [app for details in self.connections.values() if (app := details.get("application_instance"))]:
            logger.warning("%d requests were still running at the end and were cancelled.", len(late))
            for app in late:
                app.cancel()
            await asyncio.wait(late, timeout=1)

    async def until_quiet(self, seconds: float) -> None:
        """Wait until no connection and no app is left, at most this long, and not after a second signal."""
        deadline = time.monotonic() + seconds
        while (self.connections or self.http_factory.channels) and not self.hurried and time.monotonic() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(0.02)


def _send_away(websocket: Any) -> None:
    if websocket.state == websocket.STATE_OPEN:
        websocket.sendCloseFrame(code=GOING_AWAY)
    elif websocket.state == websocket.STATE_CONNECTING:
        websocket.serverReject()


def _log_failures() -> None:
    """Send Twisted's own failures to the log: daphne would drop them, or take over standard output with the rest."""
    only_critical = LogLevelFilterPredicate(defaultLogLevel=LogLevel.critical)
    observer = FilteringLogObserver(STDLibLogObserver(logger.name), [only_critical])
    globalLogBeginner.beginLoggingTo([observer], redirectStandardIO=False, discardBuffer=True)

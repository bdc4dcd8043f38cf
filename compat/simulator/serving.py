"""The simulator as a server of its own: arguments, socket, signals, and the one line on standard output."""

import argparse
import os
import socket
import struct
import sys
import threading
from types import FrameType
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from compat.simulator.app import Simulator, simulator
from compat.simulator.exchange import CLOSE_EXTENSION
from compat.simulator.quota_tables import flat, quotas_named
from compat.simulator.quotas import Quotas

_BACKLOG = 4096
_NO_LINGER = struct.pack("ii", 1, 0)
_KEEP_ALIVE_SECONDS = 300


class ClosableProtocol(HttpToolsProtocol):
    """Lets the application end its connection, so that it can break off before the first byte."""

    def on_message_begin(self) -> None:
        """Add the extension to the scope of each request."""
        super().on_message_begin()
        self.scope["extensions"] = {CLOSE_EXTENSION: self._close}  # type: ignore[dict-item]

    def _close(self, reset: bool) -> None:
        if reset:
            # Lingering for no time makes the kernel answer with a reset instead of a proper end.
            self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
            self.transport.abort()
        else:
            self.transport.close()


class AnnouncingServer(uvicorn.Server):
    """Says where it listens once it does, and ends with status 0 on SIGTERM and SIGINT."""

    async def startup(self, sockets: Any = None) -> None:
        """Listen, then print the line that parents wait for."""
        try:
            await super().startup(sockets)
        except SystemExit:
            sys.stderr.write(f"fakegemini cannot listen on {self.config.host}:{self.config.port}\n")
            raise
        host, port = self.servers[0].sockets[0].getsockname()[:2]
        shown = f"[{host}]" if ":" in host else host
        sys.stdout.write(f"fakegemini listening on http://{shown}:{port}\n")
        sys.stdout.flush()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop soon; unlike uvicorn's own, do not raise the signal again afterwards."""
        self.should_exit = True


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument("--host", default="127.0.0.1", help="Address to listen on (default 127.0.0.1).")
    parser.add_argument("--port", type=int, default=8090, help="Port to listen on; 0 takes a free one (default 8090).")
    parser.add_argument(
        "--quota", default="default", metavar="default|unlimited|FILE", help="Quota tables; FILE is JSON."
    )
    parser.add_argument("--rpm", type=int, help="Requests per minute for every project and model, instead of --quota.")
    parser.add_argument("--tpm", type=int, help="Input tokens per minute, likewise.")
    parser.add_argument("--rpd", type=int, help="Requests per day, likewise.")
    parser.add_argument("--first-byte-delay", type=float, default=0, metavar="MS", help="Wait before each answer.")
    parser.add_argument("--chunk-delay", type=float, default=0, metavar="MS", help="Wait before each stream event.")
    parser.add_argument("--control", action="store_true", help="Open /control/ and keep a record of all calls.")
    parser.add_argument(
        "--until-stdin-closes", action="store_true", help="End when standard input ends, as with the parent process."
    )


def run(options: dict[str, Any]) -> None:
    """Serve until a signal comes or, if asked, standard input ends; options as add_arguments names them."""
    app = simulator(
        _quotas(options),
        control=options["control"],
        first_byte_delay=options["first_byte_delay"] / 1_000,
        chunk_delay=options["chunk_delay"] / 1_000,
    )
    server = AnnouncingServer(_config(app, options["host"], options["port"]))
    if options["until_stdin_closes"]:
        threading.Thread(target=_end_with_stdin, args=(server,), daemon=True).start()
    server.run()


def _quotas(options: dict[str, Any]) -> Quotas:
    limits = {name: options[name] for name in ("rpm", "tpm", "rpd")}
    if any(limit is not None for limit in limits.values()):
        return flat(**limits)
    return quotas_named(options["quota"])


def _config(app: Simulator, host: str, port: int) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        http=ClosableProtocol,
        loop="uvloop",
        ws="none",
        lifespan="off",
        access_log=False,
        log_config=None,
        log_level="critical",
        server_header=False,
        backlog=_BACKLOG,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=1,
    )


def _end_with_stdin(server: uvicorn.Server) -> None:
    while os.read(0, 4096):
        pass
    server.should_exit = True

"""The listening sockets: made once, before anything slow; a worker that is started again finds its own still there."""

import contextlib
import errno
import ipaddress
import os
import socket
import sys

SEND_BUFFER = 256 * 1024  # bytes
FIRST_INHERITED = 3  # sd_listen_fds(3): systemd passes its sockets from this descriptor on


class CannotListen(Exception):
    """The address is not to be had; the message is one plain sentence."""


def listen(host: str, port: int, *, backlog: int, stall_seconds: float) -> socket.socket:
    """A socket that listens on host:port (port 0: any free one), or the one that systemd passed to this process.

    Accepted connections inherit its options: a peer that vanished is given up after `stall_seconds`.
    Raises CannotListen.
    """
    if not 0 <= port <= 65535:  # getaddrinfo would take the rest of a division
        raise CannotListen(f"Cannot listen on port {port}: a port is a number from 0 to 65535.")
    return _begun(_inherited() or _bound(host, port), backlog, stall_seconds)


def listen_for(workers: int, host: str, port: int, *, backlog: int, stall_seconds: float) -> list[socket.socket]:
    """A socket for each worker, all on host:port: Linux deals connections out among them, by a hash of their addresses.

    One for all where the system does not deal, or where systemd passed one. Raises CannotListen.
    """
    if workers == 1 or sys.platform != "linux" or _is_inherited():
        return [listen(host, port, backlog=backlog, stall_seconds=stall_seconds)]
    # Alone at first: among sockets that share a port another server's would be welcome too.
    with _bound(host, port) as alone:
        port = alone.getsockname()[1]
    shared = [_bound(host, port, socket.SO_REUSEPORT) for _ in range(workers)]
    return [_begun(sock, backlog, stall_seconds) for sock in shared]


def _begun(sock: socket.socket, backlog: int, stall_seconds: float) -> socket.socket:
    # Linux would hold up to 4 MB for a client that does not read.
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
    _notice_vanished_peers(sock, stall_seconds)
    try:
        sock.listen(backlog)
    except OSError as error:
        host, port = sock.getsockname()[:2]
        raise _cannot(host, port, error) from None
    sock.setblocking(False)
    return sock


def _inherited() -> socket.socket | None:
    return socket.socket(fileno=FIRST_INHERITED) if _is_inherited() else None


def _is_inherited() -> bool:
    # LISTEN_PID guards against descriptors that were meant for our parent.
    return os.environ.get("LISTEN_PID") == str(os.getpid()) and os.environ.get("LISTEN_FDS") == "1"


def _bound(host: str, port: int, *options: int) -> socket.socket:
    sock = None
    try:
        family, kind, proto, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        sock = socket.socket(family, kind, proto)
        for option in (socket.SO_REUSEADDR, *options):
            sock.setsockopt(socket.SOL_SOCKET, option, 1)
        sock.bind(address)
    except OSError as error:
        if sock is not None:
            sock.close()
        raise _cannot(host, port, error) from None
    return sock


def _notice_vanished_peers(sock: socket.socket, stall_seconds: float) -> None:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    seconds = max(1, round(stall_seconds))
    # macOS calls TCP_KEEPIDLE TCP_KEEPALIVE, and has no TCP_USER_TIMEOUT (milliseconds that sent bytes may stay unacknowledged).
    wanted = {"TCP_KEEPIDLE": seconds, "TCP_KEEPALIVE": seconds, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 3}
    for name, value in {**wanted, "TCP_USER_TIMEOUT": seconds * 1000}.items():
        if hasattr(socket, name):
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def _cannot(host: str, port: int, error: OSError) -> CannotListen:
    if error.errno == errno.EADDRINUSE:
        return CannotListen(
            f"Port {port} on {host} is already in use: stop what listens there or choose another --port."
        )
    return CannotListen(f"Cannot listen on {host}:{port}: {error.strerror or error}.")


def url_of(sock: socket.socket) -> str:
    """The URL by which a program on this machine reaches `sock`, without a slash at its end."""
    return url_at(*sock.getsockname()[:2])


def url_at(host: str, port: int) -> str:
    """The URL by which a program on this machine reaches a server that listens on host:port."""
    if host in {"0.0.0.0", "::"}:  # noqa: S104
        host = "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def is_loopback(host: str) -> bool:
    """True when only programs on this machine can reach `host`: every address that it stands for is a loopback one."""
    try:
        addresses = {info[4][0] for info in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)}
    except OSError:
        return False
    return all(ipaddress.ip_address(str(address).split("%")[0]).is_loopback for address in addresses)

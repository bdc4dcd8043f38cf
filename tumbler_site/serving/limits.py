"""What a connection may take: the seconds and bytes that hold for both servers."""

from dataclasses import dataclass, replace

from django.conf import settings

from tumbler_site.env import env_float


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds and bytes; every one of them ends a connection that would otherwise cost memory or a slot for nothing."""

    max_body_bytes: int = 20 * 1024 * 1024
    head_seconds: float = 15.0  # from the first byte of a request to the end of its headers
    body_seconds: float = 60.0  # for the body, and one second more for every `body_rate` bytes that came
    body_rate: int = 8192
    idle_seconds: float = 75.0  # between two requests of one connection
    stall_seconds: float = 30.0  # a client that takes none of its answer
    grace_seconds: float = 30.0  # what running requests get after SIGTERM
    settle_seconds: float = 5.0  # after that, for their last acts
    last_seconds: float = 10.0  # after that, for what the process has to write; then it is cut
    newcomer_seconds: float = 1.0  # for the request of a connection that came just before SIGTERM
    linger_seconds: float = 2.0  # how long a refused body is read past, so that the refusal arrives
    pipelined: int = 100  # requests of one connection that came before the answers to those ahead of them (uvicorn)
    unsent_bytes: int = 16 * 1024  # of an answer, in this process, before the app has to wait
    backlog: int = 4096
    websocket_bytes: int = 64 * 1024

    @property
    def end_seconds(self) -> float:
        """From SIGTERM until the process is gone, whatever happens."""
        return self.grace_seconds + self.hurried_seconds

    @property
    def hurried_seconds(self) -> float:
        """The same from a second signal on."""
        return self.settle_seconds + self.last_seconds


def limits_in_force() -> Limits:
    """The limits of this site: the defaults, MAX_BODY_BYTES and two times from the environment."""
    usual = Limits()
    return replace(
        usual,
        max_body_bytes=settings.MAX_BODY_BYTES,
        stall_seconds=env_float("TUMBLER_STALL_SECONDS", usual.stall_seconds, at_least=0.1),
        grace_seconds=env_float("TUMBLER_GRACE_SECONDS", usual.grace_seconds),
    )

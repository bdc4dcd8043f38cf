"""Answers that are no answers, and frames that only a careful reader takes (faults.TRANSPORT)."""

import gzip
from collections.abc import Callable
from functools import lru_cache

from compat.simulator.exchange import HTML, JSON, Exchange
from compat.simulator.refusals import Refused
from compat.simulator.wire import encode_pretty

_PAGE = b"<!DOCTYPE html>\n<html lang=en>\n<title>Sorry</title>\n<p>We're sorry, something went wrong.\n</html>\n"
_BOMB_BYTES = 64 * 1024 * 1024
_REDIRECT_MODEL = "gemini-3.8-flash"
UNAVAILABLE = Refused(503, "The service is currently unavailable.").body()


async def answer_instead(exchange: Exchange, fault_name: str) -> bool:
    """Send what the fault sends in place of any answer; False when it is no fault of that kind."""
    if fault_name == "redirect":
        method = exchange.path.rpartition(":")[2]
        place = f"/v1beta/models/{_REDIRECT_MODEL}:{method}".encode()
        await exchange.answer(307, b"", HTML, (b"location", place))
    elif fault_name == "gzipbomb":
        await exchange.answer(200, _bomb(), JSON, (b"content-encoding", b"gzip"))
    elif fault_name in _BODIES:
        body, content_type = _BODIES[fault_name]
        await exchange.answer(200, body, content_type)
    else:
        return False
    return True


_BODIES = {
    "html": (_PAGE, HTML),
    "errorbody": (encode_pretty(UNAVAILABLE), JSON),
    "emptybody": (b"", JSON),
    "emptylist": (b"[]", JSON),
}


@lru_cache(maxsize=1)
def _bomb() -> bytes:
    return gzip.compress(b" " * _BOMB_BYTES)


def oddly_framed(frames: list[bytes]) -> list[bytes]:
    """The same events with everything else that the event stream format allows (WHATWG, server-sent events)."""
    framed = [_ODDITIES[number % len(_ODDITIES)](frame) for number, frame in enumerate(frames)]
    return [b"\xef\xbb\xbf" + framed[0], *framed[1:]]


_ODDITIES: tuple[Callable[[bytes], bytes], ...] = (
    lambda frame: b": a comment\r\n" + frame,
    lambda frame: b"event: message\nid: 1\n" + frame.rstrip() + b"\n\n",
    lambda frame: b":\r\r" + frame.rstrip().replace(b"data: ", b"data:", 1) + b"\r\r",
    lambda frame: frame.replace(b',"usageMetadata"', b',\r\ndata: "usageMetadata"', 1),
)

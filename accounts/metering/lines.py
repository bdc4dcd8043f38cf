"""What a line of the usage journal says: admitted, checkpoint, settled, or stored up to here."""

import os
import time
from collections.abc import Iterable
from functools import lru_cache
from random import Random
from typing import NamedTuple, TypeAlias

import msgspec

from accounts.models import UsageRecord

# The status of a request whose process ended before it did, as nginx writes for a client that left.
INTERRUPTED_STATUS = 499
INTERRUPTED = "interrupted"

_MODEL_LENGTH = UsageRecord._meta.get_field("model").max_length or 0
_GEMINI_MODEL_LENGTH = UsageRecord._meta.get_field("gemini_model").max_length or 0
_ENDPOINT_LENGTH = UsageRecord._meta.get_field("endpoint").max_length or 0
_ERROR_CODE_LENGTH = UsageRecord._meta.get_field("error_code").max_length or 0


class TokenCounts(NamedTuple):
    """Tokens as Gemini counts them: `cached` is part of `prompt`; `total` is its own sum, tool prompt and thoughts in."""

    prompt: int = 0
    cached: int = 0
    tool_prompt: int = 0
    completion: int = 0
    reasoning: int = 0
    total: int = 0


NO_COUNTS = TokenCounts()

Tried: TypeAlias = tuple[str, str, int, int]
"""An attempt: the model, how it ended, when it began and how long it took (milliseconds, from the request's beginning)."""


class Admission(msgspec.Struct, frozen=True, array_like=True, tag="a", gc=False):
    """A request was let in: its UUIDv7 (hex), when (microseconds of Unix time), who, and what was asked.

    `sub_user` is the keyed hash of whom the client named. `prompt` is the length of the prompt in tokens, by estimate: it is
    charged if the process ends before Gemini has counted it.
    """

    id: str
    created: int
    user: int
    token: int | None
    endpoint: str
    model: str
    stream: bool
    sub_user: str = ""
    prompt: int = 0


class Checkpoint(msgspec.Struct, frozen=True, array_like=True, tag="c", gc=False):
    """The counts so far of a request that goes on; what it is charged if the process ends now."""

    id: str
    counts: TokenCounts


class Settlement(msgspec.Struct, frozen=True, array_like=True, tag="s", gc=False):
    """How an admitted request ended; `cost` in USD as a decimal text, `123450e-9`, times in milliseconds.

    `paid` is what of the cost paid keys answered. It goes into sums alone, so that no record tells the kind of a key.
    """

    id: str
    status: int
    error_code: str
    gemini_model: str
    attempts: int
    counts: TokenCounts
    counts_from: str
    cost: str
    queue_ms: int
    first_byte_ms: int
    total_ms: int
    tried: tuple[Tried, ...] = ()
    paid: str = "0"


class Mark(msgspec.Struct, frozen=True, array_like=True, tag="m", gc=False):
    """Every settlement in this file up to and including this one is in the database."""

    id: str


Line: TypeAlias = Admission | Checkpoint | Settlement | Mark
Finished: TypeAlias = tuple[Admission, Settlement]

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Line).decode


def to_bytes(line: Line) -> bytes:
    """The line as it stands in the file, line feed included."""
    return _encode(line) + b"\n"


def admission(
    user: int, token: int | None, endpoint: str, model: str, stream: bool, sub_user: str = "", prompt: int = 0
) -> Admission:
    """A new admission, now, with an id of its own. `prompt` is how many tokens its prompt has, by estimate."""
    now = time.time_ns()
    return Admission(
        _uuid7(now),
        now // 1000,
        user,
        token,
        _text(endpoint, _ENDPOINT_LENGTH),
        _text(model, _MODEL_LENGTH),
        stream,
        sub_user,
        prompt,
    )


def settlement(
    of: Admission,
    *,
    status: int,
    error_code: str = "",
    gemini_model: str = "",
    attempts: int = 0,
    counts: TokenCounts,
    counts_from: str,
    cost: int = 0,
    paid: int = 0,
    queue_ms: int,
    first_byte_ms: int,
    total_ms: int,
    tried: tuple[Tried, ...] = (),
) -> Settlement:
    """How a request ended: its status and counts (`counts_from` is a value of UsageRecord.CountsFrom), times in milliseconds.

    `cost` is what the price list says of it, in nanodollars, `paid` what of that paid keys answered. `tried` holds its
    attempts in order; it is empty where one attempt answered.
    """
    return Settlement(
        of.id,
        status,
        _text(error_code, _ERROR_CODE_LENGTH),
        _text(gemini_model, _GEMINI_MODEL_LENGTH),
        attempts,
        counts,
        counts_from,
        _dollars(cost),
        queue_ms,
        first_byte_ms,
        total_ms,
        tried,
        _dollars(paid),
    )


def read_lines(content: bytes) -> tuple[list[Finished], int]:
    """What the journal of an ended process still owes the database, and how many of its lines are unreadable.

    Settlements up to the last mark are left out, an admission without a settlement becomes an interrupted one. A last
    line without its line feed was being written when the process ended, so nothing was promised on it: it is dropped.
    """
    admitted: dict[str, Admission] = {}
    checkpoints: dict[str, TokenCounts] = {}
    settled: dict[str, Finished] = {}
    unreadable = 0
    for raw in content.split(b"\n")[:-1]:
        try:
            line = _decode(raw)
        except msgspec.DecodeError:
            unreadable += 1
            continue
        match line:
            case Admission():
                admitted[line.id] = line
            case Checkpoint():
                checkpoints[line.id] = line.counts
            case Settlement():
                if (let_in := admitted.pop(line.id, None)) is not None:
                    settled[line.id] = (let_in, line)
            case Mark():
                _drop_through(settled, line.id)
    return [*settled.values(), *_interrupted(admitted.values(), checkpoints)], unreadable


def _drop_through(settled: dict[str, Finished], last: str) -> None:
    """Drop the settlements up to `last`, in the order in which they were written."""
    if last in settled:
        for id_ in list(settled):
            del settled[id_]
            if id_ == last:
                return


def _interrupted(admitted: Iterable[Admission], checkpoints: dict[str, TokenCounts]) -> Iterable[Finished]:
    """Each is charged what Gemini had counted at the last checkpoint, and the estimate of a prompt that it had not."""
    for line in admitted:
        prompt, cached, tool_prompt, completion, reasoning, total = checkpoints.get(line.id, NO_COUNTS)
        if not prompt:
            prompt, total = line.prompt, total + line.prompt
        counts = TokenCounts(prompt, cached, tool_prompt, completion, reasoning, total)
        yield (
            line,
            Settlement(line.id, INTERRUPTED_STATUS, INTERRUPTED, "", 0, counts, INTERRUPTED, "0", 0, 0, 0),
        )


def _dollars(nanodollars: int) -> str:
    return f"{nanodollars}e-9" if nanodollars else "0"


@lru_cache(maxsize=1024)
def _text(text: str, limit: int) -> str:
    """`text` as every database takes it: PostgreSQL knows no NUL, UTF-8 no lone surrogate, a column has its length."""
    if not text.isascii():
        text = text[:limit].encode(errors="replace").decode()
    return text[:limit].replace("\0", "")


_random = Random()  # noqa: S311 (the id must be unique, not secret)
os.register_at_fork(after_in_child=_random.seed)


# Where a UUID says of which version and variant it is, and what a UUIDv7 says there (RFC 9562, section 5.7).
_KIND = 0xF << 76 | 0b11 << 62
_UUID7 = 0x7 << 76 | 0b10 << 62


def _uuid7(now: int) -> str:
    """A UUIDv7 in hex, for `now` in nanoseconds of Unix time: milliseconds, then random bits.

    These are seeded by the kernel, anew in a forked process: asking it for each id costs a system call.
    """
    return f"{(now // 1_000_000 << 80 | _random.getrandbits(80)) & ~_KIND | _UUID7:032x}"

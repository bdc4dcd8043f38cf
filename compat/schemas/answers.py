"""What the answers of several routes have in common: counts, times, likelihoods, and errors.

The translation writes answers as plain JSON for speed; the API document is made from these structs and their neighbours, and a
test holds real answers of every route to them. A member with the default UNSET is left out where there is nothing to say.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct

Count = Annotated[int, Meta(ge=0)]
UnixSeconds = int


class TokenLogprob(Struct):
    """A token that could have come, and how likely."""

    token: str
    logprob: float
    bytes: list[int] | None


class ChosenLogprob(TokenLogprob):
    """The token that came, and the likeliest beside it."""

    top_logprobs: list[TokenLogprob]


class ErrorObject(Struct):
    """What went wrong. `param` names the member at fault."""

    message: str
    type: Literal["invalid_request_error", "rate_limit_error", "insufficient_quota", "server_error"]
    param: str | None
    code: str | None


class Error(Struct):
    """The envelope of every error."""

    error: ErrorObject

"""The one door: a request's credential → its caller. Every OpenAI route goes through it."""

from django.conf import settings

from accounts import callers
from accounts.callers import Caller
from compat.errors import InvalidRequest, InvalidToken, MissingToken

_NOTHING_SENT = (
    "You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer auth "
    "(i.e. Authorization: Bearer YOUR_KEY)."
)
_REFUSED = (
    "Incorrect API key provided. Check that it was copied whole, and that it was not revoked and has not expired."
)


def credential(headers: list[tuple[bytes, bytes]]) -> str | None:
    """The token in an ASGI request's headers: Authorization (Bearer) or x-api-key; None when there is none.

    Raises InvalidRequest when two are given that differ: who is asking must not depend on which one is read.
    """
    tokens = set()
    for name, value in headers:
        if name == b"authorization":
            scheme, _, token = value.decode("latin-1").strip().partition(" ")
            if scheme.lower() == "bearer" and token.strip():
                tokens.add(token.strip())
            elif value.strip():
                tokens.add("")
        elif name == b"x-api-key" and value.strip():
            tokens.add(value.decode("latin-1").strip())
    if len(tokens - {""}) > 1:
        raise InvalidRequest("Two different API keys came with this request: send one.", code="ambiguous_credentials")
    tokens = tokens - {""} or tokens
    return tokens.pop() if tokens else None


async def identify(headers: list[tuple[bytes, bytes]]) -> Caller:
    """Whose request this is. Raises MissingToken or InvalidToken (the same answer for every kind of wrong token)."""
    token = credential(headers)
    caller = None
    if token:
        known = callers.remembered(token)
        caller = await callers.recognise(token) if isinstance(known, callers.Unknown) else known
    if caller is None and settings.OPEN_ACCESS:
        caller = await callers.anonymous_caller()
    if caller is not None:
        return caller
    raise InvalidToken(_REFUSED) if token else MissingToken(_NOTHING_SENT)

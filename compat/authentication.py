"""The one door: a request's credential → its caller. Every OpenAI route goes through it."""

import math
from collections.abc import Collection
from typing import Any, TypeAlias
from urllib.parse import parse_qsl, urlencode

from accounts import callers, failed_attempts
from accounts.addresses import Address, client_address, household
from accounts.callers import Caller, Network
from accounts.remembered_settings import settings
from accounts.token_text import prefix_of
from compat.errors import InvalidRequest, InvalidToken, MissingToken, NotPermitted, RateLimited
from compat.request import LeanRequest

Scope: TypeAlias = dict[str, Any]
"""An ASGI scope."""

_KEY_HEADERS = frozenset({b"x-api-key", b"x-goog-api-key"})
_NOTHING_SENT = (
    "You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer auth "
    "(i.e. Authorization: Bearer YOUR_KEY)."
)
_REFUSED = (
    "Incorrect API key provided. Check that it was copied whole, and that it was not revoked and has not expired."
)


def take_key_from_query(scope: Scope) -> None:
    """Make a header of the `key` in the query: clients of Gemini may send it there, and addresses end up in logs.

    Whatever looks at the scope from here on, the server's own log included, sees an address without it.
    """
    given = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    keys = [(b"x-goog-api-key", value.encode("latin-1", "replace")) for name, value in given if name == "key"]
    if keys:
        scope["headers"] = [*scope["headers"], *keys]
        scope["query_string"] = urlencode([pair for pair in given if pair[0] != "key"]).encode()


def credential(request: LeanRequest) -> str | None:
    """The token in a request's headers: Authorization (Bearer), x-api-key or x-goog-api-key; None without one.

    Raises InvalidRequest when two are given that differ: who is asking must not depend on which one is read.
    """
    headers, fields = request.scope["headers"], request.fields
    if len(fields) == len(headers) and _KEY_HEADERS.isdisjoint(fields):
        return _bearer(fields.get(b"authorization", b""))
    tokens = set()
    for name, value in headers:
        if name == b"authorization":
            tokens.add(_bearer(value))
        elif name in _KEY_HEADERS:
            tokens.add(value.decode("latin-1").strip() or None)
    tokens.discard(None)
    if len(tokens) > 1:
        tokens.discard("")
        if len(tokens) > 1:
            raise InvalidRequest(
                "Two different API keys came with this request: send one.", code="ambiguous_credentials"
            )
    return tokens.pop() if tokens else None


def remembered(request: LeanRequest, needs: str) -> Caller | None:
    """Whose request this is, where that is known without asking the database; None where only `identify` can tell.

    Raises InvalidRequest, NotPermitted.
    """
    token = credential(request)
    caller = callers.remembered(token) if token else None
    return _admitted(caller, needs, request.scope) if isinstance(caller, Caller) else None


def _bearer(value: bytes) -> str | None:
    """The token of an Authorization header; "" for one of another scheme, None for one that is empty."""
    if value[:7].lower() == b"bearer ":
        return value[7:].decode("latin-1").strip()
    return "" if value.strip() else None


async def identify(request: LeanRequest, needs: str) -> Caller:
    """Whose request this is, if the token may do what the route `needs` ("" where any may).

    Raises MissingToken, InvalidToken (the same answer for every kind of wrong token), RateLimited, NotPermitted.
    """
    token, caller = credential(request), None
    if token:
        known = callers.remembered(token)
        caller = await _look_up(token, request.scope) if known is callers.UNKNOWN else known
    if caller is None and settings.OPEN_ACCESS:
        caller = await callers.anonymous_caller()
    if caller is None:
        raise InvalidToken(_REFUSED) if token else MissingToken(_NOTHING_SENT)
    return _admitted(caller, needs, request.scope)


async def identify_by_link(request: LeanRequest, needs: str, token_id: int | None) -> Caller:
    """Whose request this is that came by a link which was made with a token (None: open access), with a token or without.

    A token that comes along is whose it is; else the one of the link must still be good, for this use and from this network.
    Raises what `identify` raises.
    """
    if credential(request) is not None:
        return await identify(request, needs)
    caller = await callers.caller_by_id(token_id) if token_id is not None or settings.OPEN_ACCESS else None
    if caller is None:
        raise InvalidToken(_REFUSED)
    return _admitted(caller, needs, request.scope)


async def _look_up(token: str, scope: Scope) -> Caller | None:
    """The database's answer, unless too many wrong tokens came from this address or with this prefix."""
    if callers.was_known(token):
        return await callers.recognise(token)
    try:
        async with failed_attempts.attempt(household(_address(scope)), prefix_of(token)) as failed:
            caller = await callers.recognise(token)
            if caller is None:
                failed()
            return caller
    except failed_attempts.TooManyFailures as refused:
        if settings.OPEN_ACCESS:
            return None
        wait = math.ceil(refused.wait)
        raise RateLimited(f"Too many requests with wrong API keys. Please try again in {wait}s.", wait) from None


def _admitted(caller: Caller, needs: str, scope: Scope) -> Caller:
    """The caller, if the token is for this use and may be sent from there. Raises NotPermitted."""
    permit(caller, needs)
    if caller.networks is not None:
        _refuse_network(caller.networks, scope)
    return caller


def permit(caller: Caller, needs: str) -> None:
    """Raise NotPermitted unless the token is for this use."""
    if caller.scopes and needs and needs not in caller.scopes:
        raise NotPermitted(f"You have insufficient permissions for this operation. Missing scopes: {needs}.")


def _refuse_network(networks: Collection[Network], scope: Scope) -> None:
    address = _address(scope)
    if address is None or not any(address in network for network in networks):
        raise NotPermitted("Your API key may not be used from this network.")


def _address(scope: Scope) -> Address | None:
    peer, _ = scope.get("client") or ("", 0)
    forwarded = (value.decode("latin-1") for name, value in scope["headers"] if name == b"x-forwarded-for")
    return client_address(peer, forwarded)

"""The key of a request: exactly one credential, by header or query (Gemini API reference, section 1)."""

from urllib.parse import parse_qs

from compat.simulator import refusals
from compat.simulator.exchange import Exchange
from compat.simulator.keys import Key, read_key


def read_credential(exchange: Exchange) -> Key:
    """The key that was sent; raises Refused for none, several, or a bearer token alone."""
    sent = []
    bearer = False
    for name, value in exchange.scope["headers"]:
        if name == b"x-goog-api-key":
            sent.append(value.decode("latin-1"))
        elif name == b"authorization":
            bearer = True
    if b"key=" in exchange.query:
        sent += parse_qs(exchange.query.decode("latin-1")).get("key", [])
    if len(sent) + bearer > 1:
        raise refusals.several_credentials()
    if bearer:
        raise refusals.bearer_only()
    if not sent or not sent[0]:
        raise refusals.no_credential()
    return read_key(sent[0])

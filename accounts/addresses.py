"""Where a request comes from: the peer's address, or the one that trusted proxies saw."""

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import TypeAlias

from django.conf import settings

Address: TypeAlias = IPv4Address | IPv6Address

_IPV6_PREFIX = 64


def client_address(peer: str, forwarded: Iterable[str]) -> Address | None:
    """The client's address, None when it cannot be told (a Unix socket, say).

    `forwarded` are the values of X-Forwarded-For. Of its hops the one that the outermost of settings.TRUSTED_PROXIES
    proxies added is believed; what a client wrote further left is not, and without proxies nothing is.
    """
    if settings.TRUSTED_PROXIES:
        hops = [hop.strip() for value in forwarded for hop in value.split(",")]
        if len(hops) >= settings.TRUSTED_PROXIES:
            return _parsed(hops[-settings.TRUSTED_PROXIES])
    return _parsed(peer)


def household(address: Address | None) -> str:
    """Whom to count an address for: of IPv6 the /64, for one household has them all."""
    if isinstance(address, IPv6Address):
        return str(ip_network((address, _IPV6_PREFIX), strict=False))
    return str(address or "unknown")


@lru_cache(maxsize=4096)
def _parsed(text: str) -> Address | None:
    """An address, with a port behind it as some proxies write it; an IPv4 one that came over IPv6 is plain IPv4."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address

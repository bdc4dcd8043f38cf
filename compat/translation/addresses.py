"""Which addresses Gemini may be sent to: public ones, and none that means something in somebody's project."""

import re
from urllib.parse import SplitResult, urlsplit

_HOST = re.compile(r"(?=.{4,253}\Z)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]", re.ASCII)
_PRIVATE_SUFFIXES = (".local", ".internal", ".localhost", ".localdomain", ".lan", ".home", ".arpa", ".intranet")
_GOOGLE, _PUBLIC_OF_GOOGLE = ".googleapis.com", "storage.googleapis.com"


def is_public_https(url: str) -> bool:
    """True for https, a dotted host name that is no address and not of a private zone, port 443, no user name.

    Google's own APIs are not public: what they hold, Gemini may read in the name of whoever lent the key.
    """
    parts = _split(url)
    if parts is None or parts.scheme != "https" or "@" in parts.netloc or parts.port not in (None, 443):
        return False
    host = parts.hostname or ""
    return _HOST.fullmatch(host) is not None and not host.endswith(_PRIVATE_SUFFIXES) and not _is_google(host)


def is_of_gemini(url: str) -> bool:
    """True for an address of Google's APIs, where files have theirs."""
    parts = _split(url)
    return parts is not None and _is_google((parts.hostname or "").rstrip("."))


def _is_google(host: str) -> bool:
    return f".{host}".endswith(_GOOGLE) and not f".{host}".endswith(f".{_PUBLIC_OF_GOOGLE}")


def _split(url: str) -> SplitResult | None:
    """The parts; None for what browsers and servers might read in two ways."""
    if not url.isascii() or not url.isprintable() or any(char in url for char in ' \\"<>^`{|}'):
        return None
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    return parts

"""Forms as httpx, and so OpenAI's package for Python, writes them."""

from typing import Any

import httpx


def form(members: dict[str, Any]) -> tuple[bytes, str]:
    """The body and its media type; bytes among the members are files, whose names tell nothing."""
    files = {name: ("file", value) for name, value in members.items() if isinstance(value, bytes)}
    data = {
        name: value if isinstance(value, list) else str(value) for name, value in members.items() if name not in files
    }
    request = httpx.Request("POST", "http://x/", data=data, files=files)
    return request.read(), request.headers["content-type"]

"""Forms as httpx, and so OpenAI's package for Python, writes them."""

from typing import Any

import httpx

FORM = "multipart/form-data; boundary=of-a-test"


def form(members: dict[str, Any]) -> bytes:
    """The body, of the type FORM; bytes among the members are files, whose names tell nothing."""
    files = {name: ("file", value) for name, value in members.items() if isinstance(value, bytes)}
    data = {
        name: value if isinstance(value, list) else str(value) for name, value in members.items() if name not in files
    }
    return httpx.Request("POST", "http://x/", data=data, files=files, headers={"content-type": FORM}).read()

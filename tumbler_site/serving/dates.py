"""The Date of an answer, which every server with a clock has to tell (RFC 9110, 6.6.1)."""

import time
from email.utils import formatdate

_second = 0
_date = ""


def http_date() -> str:
    """Now, in HTTP's form; written once a second."""
    global _second, _date
    now = int(time.time())
    if now != _second:
        _second, _date = now, formatdate(now, usegmt=True)
    return _date

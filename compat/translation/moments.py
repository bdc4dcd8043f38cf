"""Moments as Google's and Anthropic's APIs write them."""

from datetime import datetime


def to_rfc3339(moment: datetime) -> str:
    """A moment of UTC, to the microsecond."""
    return f"{moment:%Y-%m-%dT%H:%M:%S.%f}Z"

"""Ids that need to be unique, not secret: 128 random bits without a system call each."""

import os
import random

_random = random.Random()  # noqa: S311 (ids are public)
# A forked process must not repeat its parent's ids.
os.register_at_fork(after_in_child=_random.seed)


def new_hex() -> str:
    """32 hex digits."""
    return f"{_random.getrandbits(128):032x}"


def new_call_id() -> str:
    """A tool call's id: unique, and stable between stream and history."""
    return f"call_{_random.getrandbits(96):024x}"

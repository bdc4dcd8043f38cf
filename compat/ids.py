"""Ids that need to be unique, not secret: 128 random bits without a system call each."""

import random

# Seeded by the system at start; a worker made by fork would repeat its parent's ids, so workers are made by spawn.
_random = random.Random()  # noqa: S311 (ids are public)


def new_hex() -> str:
    """32 hex digits."""
    return f"{_random.getrandbits(128):032x}"


def new_call_id() -> str:
    """A tool call's id: unique, and stable between stream and history."""
    return f"call_{_random.getrandbits(96):024x}"

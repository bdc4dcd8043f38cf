"""The calls to Gemini that a request needs: which of its choices each is to bring, and with which body."""

from collections.abc import Callable
from typing import Any

from msgspec import Struct

from compat.translation.families import family_of

ToBody = Callable[[str, int], dict[str, Any]]
"""(Gemini model, candidates) → the request's body."""


ToShorter = Callable[[str, int, float], dict[str, Any] | None]
"""(Gemini model, candidates, share of the prompt's tokens that is to be left) → the body; None where nothing may be left out."""


class Call(Struct, frozen=True):
    """One call to Gemini among those that a request needs."""

    first_choice: int
    """The number of its first candidate among the choices of the answer."""
    candidates: int
    to_body: ToBody
    affinity: Callable[[], int | None] = lambda: None
    """A number that is the same for the same beginning of a conversation."""
    may_be_logged: bool = True
    """Whether Gemini logs it unless told not to. Requests for embeddings know no such member, and are refused with it."""


def plan(
    n: int, targets: tuple[str, ...], to_bodies: list[ToBody], affinity: Callable[[], int | None] = lambda: None
) -> tuple[Call, ...]:
    """The calls for `n` choices of each prompt: as many candidates a call as every target can give."""
    if n == 1 and len(to_bodies) == 1:
        return (Call(0, 1, to_bodies[0], affinity),)
    each = min(n, *(family_of(target).candidates for target in targets))
    return tuple(
        Call(prompt * n + first, min(each, n - first), to_body, affinity)
        for prompt, to_body in enumerate(to_bodies)
        for first in range(0, n, each)
    )

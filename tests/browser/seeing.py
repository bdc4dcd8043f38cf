"""Waiting for what a page shows. Playwright's own wait for a condition evaluates it in the page, which our policy forbids
there: it holds only where the condition is true at once."""

from tests.live.gateway import eventually


def becomes(page, condition, about=None):
    """True as soon as a condition (JavaScript, or a function of `about`) holds in the page; False when it does not in time."""
    return eventually(lambda: page.evaluate(condition, about))

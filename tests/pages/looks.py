"""The looks that a page can have: on a phone and at a desk, light and dark."""

from tests.browser.seeing import becomes
from tests.pages.conftest import SIZES

# Without a new load, as when a phone is turned or the evening comes.
LOOKS = [("desk", "light"), ("desk", "dark"), ("phone", "dark"), ("phone", "light")]
# The admin is dark by a class of its own.
_ADMIN_IS = """scheme => !document.getElementById("nav-sidebar")
    || document.documentElement.classList.contains("dark") === (scheme === "dark")"""
# What passes is many times more than what does not, and nobody reads it.
_VIOLATIONS = """async () => (await axe.run({resultTypes: ["violations"]})).violations.map(found =>
    `${found.id}: ${found.help}: ${found.nodes.map(node => node.html.slice(0, 160)).slice(0, 3).join(' | ')}`)"""


def assert_accessible_in_every_look(page, axe):
    """The page that is open fits into its window, and axe-core (its script's text) finds nothing, however it is looked at."""
    page.evaluate(axe)
    for size, scheme in LOOKS:
        page.set_viewport_size(SIZES[size])
        page.emulate_media(color_scheme=scheme)
        assert becomes(page, _ADMIN_IS, scheme)
        assert page.evaluate("document.documentElement.scrollWidth") <= SIZES[size]["width"], size
        found = page.evaluate(_VIOLATIONS)
        assert not found, f"{size}, {scheme}: {found}"

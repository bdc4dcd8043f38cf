"""The operator's own pages in the admin, in a real browser: accessible, inside the window, and alive."""

import pytest

PAGES = (
    "/admin/",
    "/admin/live/",
    "/admin/compat/modelmapping/try/?name=gpt-4o",
    "/admin/compat/modelmapping/try/?name=..",
)
LOOKS = [("phone", "light"), ("phone", "dark"), ("desk", "light"), ("desk", "dark")]
# What is around them is unfold's.
_VIOLATIONS = """async () => (await axe.run('.desk')).violations.map(found =>
    `${found.id}: ${found.help}: ${found.nodes.map(node => node.html.slice(0, 160)).slice(0, 3).join(' | ')}`)"""


@pytest.mark.parametrize("size, scheme", LOOKS)
def test_a_page_of_the_operators_is_accessible_and_fits(open_as, axe, size, scheme):
    for path in PAGES:
        page = open_as("root", size, scheme)
        assert page.goto(path).status == 200
        if path == "/admin/live/":
            page.wait_for_selector("#state[data-state=live]")
        page.wait_for_selector(".desk")
        page.evaluate(axe)
        assert page.evaluate(_VIOLATIONS) == [], path
        assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"], path
        assert page.complaints == [], path
        page.close()


def test_the_charts_are_drawn_and_follow_the_switch_to_dark(open_as):
    page = open_as("root")
    page.goto("/admin/")
    assert page.locator(".desk-chart canvas").count() == 2
    page.evaluate("document.documentElement.classList.add('dark')")
    page.wait_for_function("document.querySelectorAll('.desk-chart canvas').length === 2")
    assert page.locator("#chart-data").count() == 1
    assert page.complaints == []


def test_a_name_is_tried_by_the_keyboard(open_as):
    page = open_as("root")
    page.goto("/admin/compat/modelmapping/")
    page.focus("#try-name")
    page.keyboard.type("gpt-4o")
    page.keyboard.press("Enter")
    page.wait_for_selector(".desk-targets li")
    assert "asked first" in page.inner_text(".desk-targets li:first-child")
    assert page.input_value("#try-name") == "gpt-4o"
    assert page.complaints == []

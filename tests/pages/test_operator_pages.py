"""The operator's own pages in the admin, in a real browser: they are alive."""

from tests.browser.seeing import becomes


def test_the_charts_are_drawn_and_follow_the_switch_to_dark(open_as):
    page = open_as("root")
    page.goto("/admin/")
    assert page.locator(".desk-chart canvas").count() == 2
    page.evaluate("document.documentElement.classList.add('dark')")
    assert becomes(page, "document.querySelectorAll('.desk-chart canvas').length === 2")
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

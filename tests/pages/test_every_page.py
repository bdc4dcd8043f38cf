"""Each page in a real browser, on a phone and at a desk, light and dark: accessible, quiet, inside its window, by keyboard."""

import pytest

from tests.pages.looks import assert_accessible_in_every_look
from tests.pages.stops import ADMIN, STOPS

# Every element that Tab should reach, numbered.
_MARK = """() => {
    const wanted = 'a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex="0"]';
    const there = [...document.querySelectorAll(wanted)].filter(element =>
        !element.disabled && element.tabIndex >= 0 && element.checkVisibility({visibilityProperty: true}));
    const groups = new Set();
    const reached = there.filter(element => {
        if (element.type !== 'radio') return true;
        const first = !groups.has(element.name);
        groups.add(element.name);
        return first;
    });
    reached.forEach((element, place) => { element.dataset.stop = place; });
    return reached.length;
}"""
# Notes every element that the focus comes to.
_WATCH = """() => {
    window.reached = [];
    document.addEventListener('focusin', ({target}) => {
        const style = getComputedStyle(target);
        const shown = style.outlineStyle !== 'none' || style.boxShadow !== 'none';
        window.reached.push([target.dataset.stop ?? target.name ?? null, shown, target.outerHTML.slice(0, 120)]);
    });
}"""


def names(stop):
    return f"{stop.path} {stop.who}".strip()


@pytest.mark.parametrize("stop", (*STOPS, *ADMIN), ids=names)
def test_a_page_is_accessible_quiet_and_fits_in_every_look(site, open_as, axe, stop):
    page = open_as(stop.who)
    answer = page.goto(stop.path.format(**site.rows))
    assert answer.status == 200
    policy = answer.headers["content-security-policy"]
    assert "unsafe" not in policy and "default-src 'none'" in policy
    assert page.locator("h1").count() == 1
    assert page.title()
    assert page.locator("[onerror], img[src=x]").count() == 0, "what people call things is text"
    page.wait_for_load_state("networkidle")
    assert_accessible_in_every_look(page, axe)
    assert page.complaints == []


@pytest.mark.parametrize("stop", (*STOPS, *ADMIN), ids=names)
def test_everything_on_a_page_is_reached_by_the_keyboard_and_shows_it(site, open_as, stop):
    page = open_as(stop.who)
    page.goto(stop.path.format(**site.rows))
    page.wait_for_load_state("load")
    count = page.evaluate(_MARK)
    page.evaluate(_WATCH)
    # A form may begin with the focus on its first field: from the last element it then goes on, past the body, at the first.
    for _ in range(count + 1):
        page.keyboard.down("Tab")  # held down it repeats itself
    page.keyboard.up("Tab")
    reached = page.evaluate("window.reached")
    assert [html for _, shown, html in reached if not shown] == [], "no sign of the focus"
    assert len({place for place, _, _ in reached}) == count


@pytest.mark.parametrize("stop", STOPS, ids=names)
def test_a_page_speaks_chinese_where_it_is_asked_to(site, open_as, stop):
    page = open_as(stop.who, language="zh-CN")
    page.goto(stop.path.format(**site.rows))
    assert page.get_attribute("html", "lang") == "zh-hans"
    assert page.inner_text(".foot a:first-child") == "首页"

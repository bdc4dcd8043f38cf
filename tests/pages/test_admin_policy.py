"""unfold's admin under a policy without unsafe-*: its moving parts work, by the keyboard too, and nothing complains."""

import hashlib
from pathlib import Path

import pytest
import unfold

from tests.browser.seeing import becomes


def test_the_side_bar_the_menus_and_the_look_move(open_as):
    page = open_as("root")
    page.goto("/admin/accounts/user/")
    page.click("[x-on\\:click^='sidebarDesktopOpen']")
    assert becomes(page, "localStorage.getItem('sidebarDesktopOpen') === '0'")
    page.reload()
    assert page.is_hidden("#nav-filter"), "the side bar stays shut"
    page.evaluate("localStorage.removeItem('sidebarDesktopOpen')")
    page.reload()
    page.click("[x-on\\:click='openUserLinks = !openUserLinks']")
    page.click("[x-on\\:click=\"switchTheme('dark')\"]")
    page.wait_for_selector("html.dark")
    page.reload()
    page.wait_for_selector("html.dark")
    assert page.complaints == []


def test_the_menus_open_by_the_keyboard(open_as):
    page = open_as("root")
    page.goto("/admin/accounts/user/")
    page.wait_for_load_state("networkidle")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    page.press("[x-on\\:click='openUserLinks = !openUserLinks']", "Enter")
    dark = "[x-on\\:click=\"switchTheme('dark')\"]"
    page.wait_for_selector(dark)
    page.press(dark, "Space")
    page.wait_for_selector("html.dark")
    page.press("[x-on\\:click='filterOpen = true']", "Enter")
    page.wait_for_selector("#changelist-filter h3")
    page.keyboard.press("Escape")
    page.wait_for_selector("#changelist-filter", state="hidden")
    assert page.complaints == []


def test_a_box_of_choices_has_the_name_of_its_field(open_as):
    page = open_as("root")
    page.goto("/admin/accounts/issuedtoken/add/")
    assert page.get_by_role("combobox", name="User").count() == 1


def test_rows_are_chosen_and_acted_on(open_as):
    page = open_as("root")
    page.goto("/admin/accounts/issuedtoken/")
    page.check(".action-select >> nth=0")
    page.select_option("select[name=action]", "revoke")
    page.click("button[name=index]")
    page.wait_for_selector("text=Revoke these tokens?")
    assert page.complaints == []


def test_a_search_by_keyboard_finds_and_is_left(open_as):
    page = open_as("root")
    page.goto("/admin/")
    page.locator("#nav-filter").press_sequentially("mapping")
    page.wait_for_selector("#search-results a:has-text('mapping')")
    page.press("#nav-filter", "Escape")
    assert page.input_value("#nav-filter") == ""
    page.press("#nav-filter", "Escape")
    assert page.complaints == []


def test_a_row_of_an_inline_is_added(open_as):
    page = open_as("root")
    page.goto("/admin/compat/modelmapping/1/change/")
    before = page.locator("[name$='-gemini_model']").count()
    page.click("text=Add another Mapping target")
    assert page.locator("[name$='-gemini_model']").count() == before + 1
    assert page.complaints == []


def test_a_token_is_issued_and_shown(open_as):
    page = open_as("root")
    page.goto("/admin/accounts/issuedtoken/add/")
    # Each list comes whole before the next step: a request that is cut off counts as a complaint.
    with page.expect_response("**/autocomplete/**"):
        page.click(".select2-selection")
    with page.expect_response("**/autocomplete/*term=root*"):
        page.fill(".select2-search__field", "root")
    page.click(".select2-results__option:has-text('root')")
    page.click("button[name=_save]")
    assert page.input_value("#issued-token").startswith("tumbler-")
    assert page.complaints == []


@pytest.mark.parametrize(
    "name, digest",
    [
        ("unfold/layouts/skeleton.html", "66af9f0bb45f98ba"),
        ("unfold/helpers/edit_inline/tabular_heading.html", "eef46d03bc1655ad"),
        ("admin/base.html", "2ce9250b3c649e3a"),
        ("admin/actions.html", "b5332aace8e69192"),
    ],
)
def test_the_templates_that_ours_stand_for_are_those_they_were_made_from(name, digest):
    theirs = Path(unfold.__file__).parent / "templates" / name
    assert hashlib.sha256(theirs.read_bytes()).hexdigest()[:16] == digest, (
        "take its changes over into accounts/templates"
    )

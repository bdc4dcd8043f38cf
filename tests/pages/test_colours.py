"""Light or dark by the reader's choice: kept in the browser, one for all pages, drawn from the first moment."""

GROUND = "getComputedStyle(document.body).backgroundColor"


def test_a_choice_holds_for_every_page_and_is_taken_back(open_as):
    page = open_as("root", scheme="light")
    page.goto("/accounts/usage/")
    light = page.evaluate(GROUND)
    page.select_option("#theme", "dark")
    dark = page.evaluate(GROUND)
    assert dark != light

    page.goto("/status/")
    assert page.evaluate(GROUND) == dark and page.input_value("#theme") == "dark"
    page.goto("/admin/accounts/plan/")
    page.wait_for_selector("html.dark")
    page.goto("/connect/")
    page.select_option("#theme", "auto")
    assert page.evaluate(GROUND) == light
    page.emulate_media(color_scheme="dark")
    assert page.evaluate(GROUND) == dark
    assert page.complaints == []


def test_without_scripts_the_system_decides_and_no_choice_is_offered(site, browser):
    context = browser.new_context(base_url=site.url, java_script_enabled=False, color_scheme="dark")
    page = context.new_page()
    page.goto("/status/")
    assert page.is_hidden("#theme")
    context.close()

"""Every page for every role: who is let in, that a refusal changes nothing, and that nobody else reads what is ada's."""

import time

import pytest

from tests.access.conftest import CANARY, every_route, outcome, path_of, table_pages
from tests.access.table import IN, ROLES

pytestmark = pytest.mark.django_db

PAGES = table_pages()
CLOSED_TO_SOME = [route for route, page in PAGES.items() if set(page.access.values()) != {IN}]
MAY_READ_WHAT_IS_ADAS = {"ada", "root"}


def test_every_route_of_the_site_is_in_the_table_and_no_other():
    routes = list(every_route())
    missing = [route for route in routes if route not in PAGES]
    assert not missing, "tests/access/table.py does not say who may come in here: add a line for each to PAGES"
    assert not set(PAGES) - set(routes), "these are in tests/access/table.py, but the site has them no more"


@pytest.mark.parametrize("route", PAGES)
def test_a_page_lets_in_whom_the_table_says_and_nobody_else(world, browsers, route):
    page = PAGES[route]
    path = path_of(route, page, world)
    answers = {role: browsers[role].ask("get", f"{path}?{page.query}") for role in ROLES}
    assert {role: outcome(answer) for role, answer in answers.items()} == page.access


@pytest.mark.parametrize("route", CLOSED_TO_SOME)
def test_who_is_not_let_in_cannot_send_anything_either(world, browsers, route):
    page = PAGES[route]
    path = path_of(route, page, world)
    sent = {"post": "yes", "confirmed": "yes", "action": "delete_selected", "_selected_action": "1"}
    sent |= page.sends(world) if page.sends else {}
    for role in ROLES:
        for method in ("post", "delete") if page.access[role] != IN else ():
            answer = browsers[role].ask(method, path, sent if method == "post" else None)
            assert answer.status_code == 405 or outcome(answer) == page.access[role], (role, method)
            assert not answer.writes, (role, method)


@pytest.mark.parametrize("route", [route for route in PAGES if not route.startswith("admin/")])
def test_nobody_else_reads_what_is_adas_whatever_they_ask_for(world, browsers, route):
    path = path_of(route, PAGES[route], world)
    ada, token = world.ada.pk, world.token.pk
    tricks = f"user={ada}&user_id={ada}&username=ada&owner={ada}&token={token}&id={token}&q=ada&search=ada"
    for role in set(ROLES) - MAY_READ_WHAT_IS_ADAS:
        text = _text(browsers[role].ask("get", f"{path}?{tricks}"))
        assert not [secret for secret in (CANARY, world.token.prefix, world.token.digest) if secret in text], role


ODD_QUERIES = [
    "search=" + "%25" * 2000 + "&q=" + "%25" * 2000,
    "ordering=user__password&o=-999.x&sort=digest&e=1",
    "page=-1&p=1000000000000000000000&page_size=1e9&limit=-1&cursor=%00",
    "from=9999-99-99&until=0001-01-01&days=36500000&since=x&month=2026-13",
    "user__password__startswith=p&digest__startswith=a&id__regex=(a%2B)%2B$&created__year=x",
    "user=%F0%9F%98%80&user=%ED%A0%80&token[]=1&q=%27%20OR%20%271%27=%271",
]


@pytest.mark.parametrize("route", [route for route in PAGES if "<" not in route and not route.endswith("/add/")])
def test_no_query_string_breaks_a_page_or_slows_it_down(world, browsers, route):
    role = "ada" if PAGES[route].access["ada"] == IN else "root"
    browsers[role].ask("get", route)  # the first time makes what is kept, such as the document of the API
    for query in ODD_QUERIES:
        began = time.process_time()
        answer = browsers[role].ask("get", f"{route}?{query}")
        assert answer.status_code in {200, 301, 302, 400, 401, 403, 404, 405}, (query, answer.status_code)
        assert time.process_time() - began < 1, query
        assert not answer.writes, query


def _text(answer):
    if answer.streaming and answer.is_async:
        return ""  # It is read from the database in another thread, outside this world: tests/pages/test_dashboard.py does.
    content = b"".join(answer.streaming_content) if answer.streaming else answer.content
    return content.decode(errors="replace")

"""The frame of the public pages, the front page, and what is answered where nothing is."""

import re

import pytest
from django.test import Client, override_settings
from django.urls import path

from accounts.contributing import contribute

PAGES = ["/", "/contribute/", "/contribute/receipt/", "/status/", "/privacy/"]


def get(url, **headers):
    return Client(headers={"host": "localhost", "accept": "text/html", **headers}, raise_request_exception=False).get(
        url
    )


@pytest.mark.django_db
@pytest.mark.parametrize("url", [*PAGES, "/nowhere", "/status.json", "/privacy.json"])
def test_the_policy_of_every_public_page_is_strict(url):
    policy = get(url)["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert get(url)["X-Content-Type-Options"] == "nosniff"


@pytest.mark.django_db
@pytest.mark.parametrize("url", PAGES)
def test_a_page_loads_nothing_from_elsewhere_and_runs_only_files(url):
    page = get(url).content.decode()
    assert not re.search(r"style=|<style|\son\w+=|<script(?! src=)", page)
    loaded = re.findall(r'<(?:link|img|form|script|use)[^>]*(?:href|src|action)="([^"]+)"', page)
    assert loaded
    assert all(address.startswith("/") and not address.startswith("//") for address in loaded)


@pytest.mark.django_db
def test_a_script_runs_by_the_nonce_of_its_page_alone():
    answers = [get("/"), get("/")]
    nonces = [re.search(r"script-src 'nonce-([\w-]{22})';", answer["Content-Security-Policy"])[1] for answer in answers]
    assert nonces[0] != nonces[1]
    for answer, nonce in zip(answers, nonces, strict=True):
        scripts = re.findall(r"<script[^>]*>", answer.content.decode())
        assert scripts
        assert all(f'nonce="{nonce}"' in script for script in scripts)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "url", ["/static/pages/pages.css", "/static/pages/pages.js", "/static/pages/icons.svg", "/static/pages/tumbler.svg"]
)
def test_what_the_pages_load_is_there(url):
    answer = get(url)
    assert answer.status_code == 200
    assert b"".join(answer.streaming_content)
    answer.close()


@pytest.mark.django_db
@pytest.mark.parametrize("url", PAGES)
def test_no_page_begins_a_session(url):
    assert "sessionid" not in get(url).cookies


@pytest.mark.django_db
@pytest.mark.parametrize("url", [*PAGES, "/nowhere"])
def test_every_page_and_header_names_the_simulator_while_it_answers(url, settings):
    assert "Simulator:" not in get(url).content.decode()
    assert get(url)["X-Tumbler-Upstream"] == "gemini"
    settings.SIMULATOR = True
    assert "Simulator:" in get(url).content.decode()
    assert get(url)["X-Tumbler-Upstream"] == "simulator"


@pytest.mark.django_db
def test_the_front_page_says_where_to_send_requests_and_what_to_do_without_keys():
    page = get("/").content.decode()
    assert "http://localhost/v1" in page
    assert "There is no key in the pool yet" in page


@pytest.mark.django_db
def test_the_front_page_says_nothing_of_missing_keys_when_there_is_one():
    contribute("fake-page-key-00000001", source="admin")
    assert "There is no key" not in get("/").content.decode()


@pytest.mark.django_db
def test_a_person_who_is_lost_gets_a_page_and_a_program_openais_envelope():
    answer = get("/nowhere")
    assert (answer.status_code, answer["Content-Type"]) == (404, "text/html; charset=utf-8")
    assert "There is nothing here" in answer.content.decode()
    for accept in ("*/*", "application/json", ""):
        answer = get("/nowhere", accept=accept)
        error = answer.json()["error"]
        assert (answer.status_code, error["code"], error["type"]) == (404, "unknown_url", "invalid_request_error")
        assert set(error) == {"message", "type", "param", "code"}


@pytest.mark.django_db
def test_a_hostile_address_is_inert():
    answer = get("/<img src=x onerror=alert(1)>")
    assert "<img src=x" not in answer.content.decode()


def break_down(request):
    raise RuntimeError("AIzaFakeFakeFakeFakeFakeFake")


urlpatterns = [path("broken/", break_down)]
handler500 = "tumbler_site.pages.broken"


@override_settings(ROOT_URLCONF=__name__)
def test_a_mistake_of_ours_is_told_without_a_word_of_it_and_needs_no_database():
    answer = get("/broken/")
    assert answer.status_code == 500
    assert "The mistake is ours" in answer.content.decode()
    assert "Fake" not in answer.content.decode()
    assert get("/broken/", accept="*/*").json()["error"]["type"] == "server_error"


def test_a_host_that_is_not_ours_is_refused_in_the_same_dress():
    answer = get("/", host="evil.example")
    assert answer.status_code == 400
    assert "That did not work" in answer.content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize("url", ["/status/", "/status.json", "/privacy/", "/privacy.json", "/"])
def test_what_only_shows_takes_no_post(url):
    assert Client(headers={"host": "localhost"}).post(url).status_code == 405


@pytest.mark.django_db
def test_the_admin_has_the_same_policy_but_that_its_own_files_need_no_nonce(admin_client):
    policy = admin_client.get("/admin/", headers={"host": "localhost"})["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert "script-src 'self' 'nonce-" in policy
    assert "http" not in policy

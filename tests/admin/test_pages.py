import csv
import io
import re
from html import unescape

import pytest
from asgiref.sync import async_to_sync
from django.apps import apps
from django.contrib import admin
from django.utils import timezone
from django.utils.text import capfirst

from accounts.admin.navigation import SECTIONS
from accounts.models import ContributedKey, IssuedToken, KeyDay, Plan, StaffAct, UsageRecord, UsageTotal, User
from compat.models import ModelMapping
from tests.admin.filling import HOSTILE, LISTS, SITE, fill
from tests.admin.query_counts import recorded_queries

pytestmark = pytest.mark.django_db

TABLES = (ContributedKey, KeyDay, IssuedToken, Plan, User, UsageRecord, UsageTotal, ModelMapping)


@pytest.mark.parametrize("path", LISTS)
def test_a_list_opens_with_nothing_in_it(root, path):
    ModelMapping.objects.all().delete()
    assert root.get(SITE + path).status_code == 200


@pytest.mark.parametrize("of_table", admin.site._registry.values(), ids=str)
def test_a_list_with_nothing_in_it_says_how_there_comes_to_be_a_row(of_table):
    assert of_table.when_empty.endswith(".")


@pytest.mark.parametrize(("table", "title"), [row[:2] for rows in SECTIONS.values() for row in rows if len(row) == 3])
def test_the_side_bar_calls_a_list_what_it_calls_itself(table, title):
    assert title == capfirst(apps.get_model(table)._meta.verbose_name_plural)


def test_what_an_empty_list_says_depends_on_whether_something_was_looked_for(root):
    empty, narrowed = (root.get(f"{SITE}accounts/plan/{query}").content.decode() for query in ("", "?q=nothing"))
    assert "None yet" in empty and "the same limits to everyone" in empty and "Add plan" in empty
    assert "Nothing fits" in narrowed and "Show all" in narrowed


@pytest.mark.parametrize("path", LISTS)
def test_a_list_opens_with_rows_in_a_recorded_number_of_queries(root, path):
    fill(3)
    root.get(SITE + path)  # Content types and permissions are cached by the first page.
    with recorded_queries(path):
        answer = root.get(SITE + path)
    assert answer.status_code == 200
    fill(3)
    with recorded_queries(path):
        root.get(SITE + path)


@pytest.mark.parametrize("table", TABLES)
def test_a_page_of_one_row_opens(root, one_of_everything, table):
    row = table.objects.first()
    answer = root.get(f"{SITE}{table._meta.app_label}/{table._meta.model_name}/{row.pk}/change/")
    assert answer.status_code == 200


@pytest.mark.parametrize("path", ["contributedkey", "issuedtoken", "plan", "user"])
def test_a_form_to_add_opens(root, path):
    assert root.get(f"{SITE}accounts/{path}/add/").status_code == 200


def pages_of_everything():
    yield from LISTS
    for table in TABLES:
        for row in table.objects.all()[:5]:
            yield f"{table._meta.app_label}/{table._meta.model_name}/{row.pk}/change/"
            yield f"{table._meta.app_label}/{table._meta.model_name}/{row.pk}/history/"
    yield ""


def test_no_page_holds_a_key_a_token_a_digest_or_a_ciphertext(root, one_of_everything):
    secrets = [
        *(text.rpartition("_")[2] for text in one_of_everything),
        *IssuedToken.objects.values_list("digest", flat=True),
        *ContributedKey.objects.values_list("ciphertext", flat=True),
        *ContributedKey.objects.values_list("fingerprint", flat=True),
    ]
    for path in pages_of_everything():
        html = root.get(SITE + path).content.decode()
        assert not [secret for secret in secrets if secret in html], path


def test_texts_of_others_are_inert_on_every_page(root, one_of_everything):
    seen = 0
    for path in pages_of_everything():
        html = root.get(SITE + path).content.decode()
        assert "<img src=x" not in html, path
        seen += "&lt;img src=x" in html
    assert seen > 5
    assert HOSTILE.startswith("=")


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("contributedkey", "ciphertext__startswith=g"),
        ("contributedkey", "fingerprint__startswith=a"),
        ("issuedtoken", "digest__startswith=a"),
        ("issuedtoken", "user__password__startswith=p"),
        ("usagerecord", "token__digest__startswith=a"),
        ("user", "password__startswith=p"),
    ],
)
def test_a_secret_column_cannot_be_filtered_by(root, one_of_everything, path, query):
    assert root.get(f"{SITE}accounts/{path}/?{query}").status_code == 400


@pytest.mark.parametrize(
    ("path", "query", "found"),
    [
        ("contributedkey", "resting=yes", 3),
        ("contributedkey", "resting=no", 0),
        ("contributedkey", "state__exact=disabled", 1),
        ("issuedtoken", "state=usable", 3),
        ("issuedtoken", "state=revoked", 0),
        ("issuedtoken", "state=expired", 0),
        ("issuedtoken", "state=user+disabled", 0),
        ("usagerecord", "ended=limited", 1),
        ("usagerecord", "ended=nonsense", 3),
        ("usagerecord", "user_id=x", 0),
        ("usagerecord", "q=not-a-uuid", 0),
        ("usagetotal", f"day__year={timezone.now().year}", 3),
    ],
)
def test_a_filter_narrows_the_list(root, one_of_everything, path, query, found):
    answer = root.get(f"{SITE}accounts/{path}/?{query}")
    assert answer.status_code == 200
    assert len(list(answer.context["cl"].result_list)) == found


@pytest.mark.parametrize("of_table", [table for table in admin.site._registry.values() if table.search_fields], ids=str)
def test_a_search_says_what_it_looks_for(of_table):
    assert of_table.search_help_text


def found_by(root, table, words):
    answer = root.get(f"{SITE}accounts/{table._meta.model_name}/", {"q": words})
    return [row.pk for row in answer.context["cl"].result_list]


def test_a_row_is_found_by_what_people_see_of_it(root, one_of_everything):
    record, token, key = UsageRecord.objects.first(), IssuedToken.objects.first(), ContributedKey.objects.first()
    assert found_by(root, UsageRecord, f"req_{record.pk.hex}") == [record.pk]
    assert found_by(root, UsageRecord, f" {record.pk} ") == [record.pk]
    UsageRecord.objects.filter(pk=record.pk).update(model="gpt-4o")
    assert found_by(root, UsageRecord, "gpt-4o") == [record.pk]
    for shown in (f"tumbler-{token.prefix}…", f"tumbler-{token.prefix}", f"tumbler-{token.prefix}_its-secret"):
        assert found_by(root, IssuedToken, shown) == [token.pk]
    assert found_by(root, ContributedKey, str(key)) == [key.pk]


def test_a_request_in_the_list_leads_to_its_explanation(root, one_of_everything):
    record = UsageRecord.objects.first()
    html = root.get(f"{SITE}accounts/usagerecord/{record.pk}/change/").content.decode()
    assert f'href="/accounts/requests/req_{record.pk.hex}/"' in html


def exported(root, **query):
    """The rows of the download that the list offers with this query."""
    page = root.get(SITE + "accounts/usagerecord/", query).content.decode()
    way = unescape(re.search(r'href="(/admin/accounts/usagerecord/export/[^"]*)"', page)[1])
    return list(csv.DictReader(io.StringIO(async_to_sync(whole)(root.get(f"http://localhost{way}")))))


async def whole(streamed):
    return "".join([part.decode() async for part in streamed.streaming_content])


@pytest.mark.django_db(transaction=True)
def test_the_list_of_requests_is_downloaded_as_it_is_narrowed(root, one_of_everything):
    (limited,) = exported(root, ended="limited")
    assert limited["status"] == "429"
    assert [row["status"] for row in exported(root)].count("429") == 1 and len(exported(root)) == 3
    acts = StaffAct.objects.filter(act="exported").order_by("pk").values_list("name", flat=True)
    assert list(acts) == ["csv, ended=limited", "csv, all", "csv, all"]
    assert root.get(SITE + "accounts/usagerecord/export/?created__gte=never").status_code == 400


def test_usage_is_filtered_by_one_of_the_busiest_users_and_models(root, one_of_everything):
    user = User.objects.get(usage_records__status=429)
    answer = root.get(SITE + "accounts/usagerecord/", {"user_id": user.pk, "model": HOSTILE})
    assert [record.status for record in answer.context["cl"].result_list] == [429]
    answer = root.get(SITE + "accounts/usagetotal/", {"model": HOSTILE})
    assert len(answer.context["cl"].result_list) == 3


@pytest.mark.parametrize("query", ["q=%25%25%25", "o=99.-1", "p=9999", "resting=maybe", "q=%00"])
def test_an_odd_query_is_no_error(root, one_of_everything, query):
    for path in LISTS:
        assert root.get(f"{SITE}{path}?{query}").status_code in (200, 302), path


def test_the_key_list_answers_who_rests_who_is_disabled_and_why(root, one_of_everything):
    html = root.get(SITE + "accounts/contributedkey/").content.decode()
    assert "disabled: leaked" in html
    assert "gemini-3.8-flash: quota_minute" in html
    assert "overloaded" in html


def test_the_mapping_list_shows_who_answers_in_order(root):
    mapping = ModelMapping.objects.create(name="my-model")
    for position, target in enumerate(("gemini-b", "gemini-a", "gemini-c", "gemini-d", "gemini-e", "gemini-f")):
        mapping.targets.create(gemini_model=target, position=position)
    html = root.get(SITE + "compat/modelmapping/?q=my-model").content.decode()
    assert "→ gemini-b, then gemini-a, then gemini-c, then gemini-d, then 2 more" in html


def test_the_first_page_says_when_the_simulator_answers(root, settings):
    settings.SIMULATOR = True
    html = root.get(SITE).content.decode()
    assert "The upstream is the built-in simulator" in html
    assert "Simulator, not Gemini" in root.get(SITE + "accounts/user/").content.decode()
    fill(1)
    ContributedKey.objects.update(state="active")
    assert "Gemini keys waiting: 1" in root.get(SITE).content.decode()
    settings.SIMULATOR = False
    html = root.get(SITE).content.decode()
    assert "imulator" not in html and "no usable contributed key" not in html
    ContributedKey.objects.all().delete()
    assert "no usable contributed key" in root.get(SITE).content.decode()

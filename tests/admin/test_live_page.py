import pytest

from accounts.models import User
from tests.admin.filling import SITE, signed_in
from tests.admin.query_counts import recorded_queries

pytestmark = pytest.mark.django_db


def test_it_opens_in_a_recorded_number_of_queries_and_is_linked_from_every_page(root):
    assert f'href="{SITE.removeprefix("http://localhost")}live/"' in root.get(SITE).content.decode()
    with recorded_queries("live/"):
        answer = root.get(SITE + "live/")
    assert answer.status_code == 200
    html = answer.content.decode()
    assert 'data-feed="/admin/live/feed"' in html
    assert 'data-user-url="/admin/accounts/user/ROW/change/"' in html


def test_staff_see_it_who_may_see_usage_and_no_more_of_it_than_they_may(staff):
    assert staff().get(SITE + "live/").status_code == 403
    assert "/admin/live/" not in staff().get(SITE).content.decode()
    html = staff("view_usagerecord").get(SITE + "live/").content.decode()
    assert 'data-user-url=""' in html
    assert "Keys and breakers" not in html
    assert "Keys and breakers" in staff("view_usagerecord", "view_keyevent").get(SITE + "live/").content.decode()


def test_others_are_sent_to_the_login(client):
    for someone in (client, signed_in(User.objects.create_user("ada"))):
        answer = someone.get(SITE + "live/", headers={"host": "localhost"})
        assert answer.status_code == 302
        assert "/admin/login/" in answer.url

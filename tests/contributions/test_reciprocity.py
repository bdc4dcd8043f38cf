import re
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from accounts import callers
from accounts.contributions.checking import check_received
from accounts.issuing import looks_issued
from accounts.models import ContributedKey, IssuedToken, Receipt, RedeemedKey, User
from tests.contributions.conftest import DEAD, KEY, OTHER, Visitor

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def given_in_return(settings, upstream):
    settings.RECIPROCITY = True
    settings.RECIPROCITY_RPM, settings.RECIPROCITY_RPD, settings.RECIPROCITY_DAYS = 10, 200, 90
    callers.forget()


def lend(visitor, keys=KEY, **more):
    code = visitor.lend(keys, **more)
    check_received()
    return code


def token_in(page):
    found = re.search(r'id="token">([^<]+)<', page)
    return found and found[1]


def test_a_healthy_key_earns_a_token_that_works(visitor):
    code = lend(visitor)
    assert "Give me the token" in visitor.told(code)
    token = token_in(visitor.told(code, "redeem"))
    assert looks_issued(token)
    assert callers._find_caller(token).username.startswith("contributor-")


def test_it_is_given_once_and_shown_once(visitor):
    code = lend(visitor)
    visitor.told(code, "redeem")
    page = visitor.told(code, "redeem")
    assert token_in(page) is None
    assert "Give me the token" not in visitor.told(code)
    assert IssuedToken.objects.count() == 1


@pytest.mark.parametrize(
    ("keys", "share", "rpm", "rpd"),
    [(KEY, 0, 10, 200), (KEY, 50, 5, 100), (f"{KEY}\n{OTHER}", 0, 20, 400), (f"{KEY}\n{DEAD}", 90, 1, 20)],
)
def test_its_limits_are_in_proportion_to_what_is_lent(visitor, keys, share, rpm, rpd):
    code = lend(visitor, keys, keep_share=str(share))
    visitor.told(code, "redeem")
    token = IssuedToken.objects.get()
    assert (token.rpm, token.rpd) == (rpm, rpd)


def test_off_by_default_dead_unchecked_or_paused_keys_earn_nothing(visitor, settings):
    unchecked = visitor.lend(OTHER)
    assert token_in(visitor.told(unchecked, "redeem")) is None
    dead, good = lend(visitor, DEAD), lend(visitor)
    assert token_in(visitor.told(dead, "redeem")) is None
    visitor.told(good, "pause")
    assert token_in(visitor.told(good, "redeem")) is None
    visitor.told(good, "resume")
    settings.RECIPROCITY = False
    assert token_in(visitor.told(good, "redeem")) is None
    assert "token" not in visitor.told(good).replace("csrfmiddlewaretoken", "")
    assert not IssuedToken.objects.exists()


def test_a_key_that_is_withdrawn_and_lent_again_earns_no_second_token(visitor):
    code = lend(visitor)
    visitor.told(code, "redeem")
    visitor.told(code, "withdraw-for-good")
    again = lend(Visitor())
    assert token_in(visitor.told(again, "redeem")) is None
    RedeemedKey.objects.update(until=timezone.now().date() - timedelta(days=1))
    check_received()
    assert token_in(visitor.told(again, "redeem"))


def test_nothing_kept_joins_the_token_to_the_key(visitor):
    visitor.told(lend(visitor), "redeem")
    token, user, key = IssuedToken.objects.get(), User.objects.get(), ContributedKey.objects.get()
    midnight = datetime.combine(datetime.now(UTC).date(), datetime.min.time(), UTC)
    assert (token.created, user.date_joined) == (midnight, midnight)
    assert (token.expires.day, token.expires.hour) == (1, 0), "the first of a month, as many others"
    assert token.expires - midnight >= timedelta(days=90)
    assert key.owner is None
    assert not user.has_usable_password()
    receipt = Receipt.objects.values().get()
    assert receipt.pop("redeemed") is True
    assert not {str(user.pk), user.username, token.prefix} & {str(value) for value in receipt.values()} - {"1"}
    digest = RedeemedKey.objects.get().digest
    assert digest not in (key.fingerprint, token.digest)

"""People who may do much, little and nothing in an admin with a few rows."""

import pytest
from django.contrib.auth.models import Permission

from accounts.models import User
from tests.admin.filling import fill, signed_in


@pytest.fixture
def root(db):
    return signed_in(User.objects.create_superuser("root"))


@pytest.fixture
def staff(db):
    """A sign-in of a member of staff with the named permissions."""

    def make(*codenames):
        user, _ = User.objects.get_or_create(username="staff", defaults={"is_staff": True})
        user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
        return signed_in(User.objects.get(pk=user.pk))

    return make


@pytest.fixture
def one_of_everything(db):
    """A few rows of every table; the number of rows must not change the number of queries."""
    return fill(3)

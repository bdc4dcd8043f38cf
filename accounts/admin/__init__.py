"""The admin of people, tokens, keys and usage. No page shows a secret, except an issued token in the moment it is made."""

import allauth.account.admin
import allauth.mfa.admin
import allauth.socialaccount.admin  # noqa: F401 (registers what is unregistered below)
from allauth.account.decorators import secure_admin_login
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
from django.contrib import admin

from accounts.admin import audit, invitations, key_days, keys, prices, projects, quotas, stored, tokens, usage, users

# The site's own first page extends unfold's.
admin.site.index_template = "accounts/admin/home.html"

# What belongs to a person alone (addresses, second factors) is theirs to change, on their own pages.
admin.site.unregister([EmailAddress, Authenticator, SocialAccount, SocialApp, SocialToken])
# One door for everybody: its limits and second factors hold for members of staff as well.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]

__all__ = [
    "audit",
    "invitations",
    "key_days",
    "keys",
    "prices",
    "projects",
    "quotas",
    "stored",
    "tokens",
    "usage",
    "users",
]

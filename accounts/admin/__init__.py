"""The admin of people, tokens, keys and usage. No page shows a secret, except an issued token in the moment it is made."""

from django.contrib import admin

from accounts.admin import audit, keys, prices, projects, quotas, tokens, usage, users

# The site's own first page extends unfold's.
admin.site.index_template = "accounts/admin/home.html"

__all__ = ["audit", "keys", "prices", "projects", "quotas", "tokens", "usage", "users"]

"""Where the walk through all pages stops: one line a page. A new page needs a line here."""

from typing import NamedTuple


class Stop(NamedTuple):
    """A page, and as whom to see it: nobody, `ada` (a user with a token), or `root` (staff with every right)."""

    path: str
    who: str = ""


STOPS = (
    Stop("/"),
    Stop("/contribute/"),
    Stop("/contribute/receipt/"),
    Stop("/status/"),
    Stop("/privacy/"),
    Stop("/docs/"),
    Stop("/accounts/requests/", "ada"),
    Stop("/accounts/requests/{record}/", "ada"),
    Stop("/accounts/login/"),
    Stop("/accounts/signup/"),
    Stop("/accounts/password/reset/"),
    Stop("/connect/", "ada"),
    Stop("/playground/", "ada"),
    Stop("/status/", "ada"),
    Stop("/accounts/usage/", "ada"),
    Stop("/accounts/tokens/", "ada"),
    Stop("/accounts/tokens/new/", "ada"),
    Stop("/accounts/tokens/1/", "ada"),
    Stop("/accounts/tokens/1/rotate/", "ada"),
    Stop("/accounts/tokens/1/revoke/", "ada"),
    Stop("/accounts/batches/", "ada"),
    Stop("/accounts/batches/{batch}/cancel/", "ada"),
    Stop("/accounts/email/", "ada"),
    Stop("/accounts/password/set/", "ada"),
    Stop("/accounts/2fa/", "ada"),
    Stop("/contribute/", "ada"),
)

# The admin's. {key} and {record} are rows of the site's (conftest.py).
ADMIN = tuple(
    Stop(path, "root")
    for path in (
        "/admin/",
        "/admin/live/",
        "/admin/accounts/contributedkey/",
        "/admin/accounts/contributedkey/add/",
        "/admin/accounts/contributedkey/import/",
        "/admin/accounts/contributedkey/{key}/change/",
        "/admin/accounts/projectpair/",
        "/admin/accounts/keyevent/",
        "/admin/compat/modelmapping/",
        "/admin/compat/modelmapping/1/change/",
        "/admin/compat/modelmapping/try/?name=gpt-4o",
        "/admin/compat/modelmapping/try/?name=..",
        "/admin/accounts/user/",
        "/admin/accounts/user/1/change/",
        "/admin/accounts/user/1/history/",
        "/admin/accounts/user/1/delete/",
        "/admin/accounts/issuedtoken/",
        "/admin/accounts/issuedtoken/add/",
        "/admin/accounts/issuedtoken/1/change/",
        "/admin/accounts/plan/",
        "/admin/accounts/plan/add/",
        "/admin/accounts/tierquota/",
        "/admin/accounts/tierquota/add/",
        "/admin/accounts/invitation/add/",
        "/admin/auth/group/",
        "/admin/auth/group/add/",
        "/admin/accounts/usagerecord/",
        "/admin/accounts/usagerecord/{record}/change/",
        "/admin/accounts/staffact/",
        "/admin/accounts/staffact/?q=nobody",
    )
)

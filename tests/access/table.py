"""Who may come in where: the one table of every route of the site. What is not in it fails the tests.

A new page is one line in PAGES: its route as `urls.py` spells it, and whom it lets in. If it takes a form, `sends` is a form
that it accepts, so that the tests can try to slip more into it. A new table in the admin is one line in ADMIN_TABLES, a
new route of the API one in API, a live page one in WEBSOCKETS.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from accounts import batches, files
from accounts.contributions.terms import VERSION
from accounts.models import KeyTask

if TYPE_CHECKING:
    from tests.access.conftest import World

# What a request meets.
IN, LOGIN, FORBIDDEN, NOT_FOUND = "let in", "sent to the login", "forbidden", "not found"

ROLES = ("anonymous", "revoked", "ada", "bob", "staff", "root")
"""Nobody; nobody, with a revoked token of ada's; two users; a member of staff without rights; a superuser."""

Access = dict[str, str]

ANYBODY: Access = dict.fromkeys(ROLES, IN)
MEMBERS: Access = {**ANYBODY, "anonymous": LOGIN, "revoked": LOGIN}
ADA_ALONE: Access = {**dict.fromkeys(ROLES, NOT_FOUND), "anonymous": LOGIN, "revoked": LOGIN, "ada": IN}
"""A page of something that is ada's: for everybody else it is not there, superusers included."""
STAFF: Access = {**dict.fromkeys(ROLES, LOGIN), "staff": IN, "root": IN}
SUPERUSER: Access = {**STAFF, "staff": FORBIDDEN}
NOBODY: Access = {**STAFF, "staff": FORBIDDEN, "root": FORBIDDEN}


@dataclass(frozen=True)
class Page:
    """Who is let in; for a route with parameters what they are (of something of ada's), and a form that it accepts."""

    access: Access
    values: Callable[["World"], dict[str, Any]] = lambda world: {}
    sends: Callable[["World"], dict[str, Any]] | None = None
    query: str = ""


def a_batch(world: "World") -> Any:
    """One of ada's, with a file of answers."""
    batch = batches.create(world.ada.pk, world.token.pk, endpoint="/v1/chat/completions", input_file="file-1")
    batch.output_file = files.keep(world.ada.pk, "a.jsonl", "batch_output", [b"{}"]).pk
    batch.save()
    return batch.pk


def _a_task() -> Any:
    return KeyTask.objects.create(kind="check", total=1).pk


_typed = {"login": "bob", "password": "wrong", "email": "new@example.org", "code": "000000"}
_offer = {"keys": "fake-contributed-key-0001", "terms": VERSION, "consent": "on", "website": ""}

PAGES: dict[str, Page] = {
    "": Page(ANYBODY),
    "contribute/": Page(ANYBODY, sends=lambda world: _offer),
    "contribute/receipt/": Page(ANYBODY, sends=lambda world: {"code": world.receipt, "act": "pause", "number": 1}),
    "status/": Page(ANYBODY),
    "status.json": Page(ANYBODY),
    "privacy/": Page(ANYBODY),
    "privacy.json": Page(ANYBODY),
    "language/": Page(ANYBODY),
    "accounts/requests/": Page(MEMBERS),
    "accounts/browser-token/": Page(MEMBERS, sends=lambda world: {"ephemeral": ""}),
    "connect/": Page(MEMBERS),
    "playground/": Page(MEMBERS),
    "accounts/requests/<str:request_id>/": Page(
        {**ADA_ALONE, "root": IN}, lambda world: {"request_id": f"req_{world.request}"}
    ),
    "openapi.json": Page(ANYBODY),
    "docs/": Page(ANYBODY),
    "favicon.ico": Page(ANYBODY),
    **dict.fromkeys(
        (
            *("accounts/inactive/", "accounts/password/reset/done/"),
            *("accounts/3rdparty/login/cancelled/", "accounts/3rdparty/login/error/"),
        ),
        Page(ANYBODY),
    ),
    **dict.fromkeys(("accounts/2fa/", "accounts/2fa/webauthn/"), Page(MEMBERS)),
    "accounts/": Page(ANYBODY),
    "accounts/usage/": Page(MEMBERS),
    "accounts/usage.csv": Page(MEMBERS),
    "accounts/batches/": Page(MEMBERS),
    "accounts/batches/<str:batch_id>/cancel/": Page(
        ADA_ALONE, lambda world: {"batch_id": a_batch(world)}, sends=lambda world: {"a": "b"}
    ),
    "accounts/batches/<str:batch_id>/<str:kind>/": Page(
        ADA_ALONE, lambda world: {"batch_id": a_batch(world), "kind": "output"}
    ),
    "accounts/tokens/": Page(MEMBERS),
    "accounts/tokens/new/": Page(MEMBERS, sends=lambda world: {"name": "mine"}),
    "accounts/tokens/<int:pk>/": Page(
        ADA_ALONE, lambda world: {"pk": world.token.pk}, sends=lambda world: {"name": "mine"}
    ),
    "accounts/tokens/<int:pk>/rotate/": Page(
        ADA_ALONE, lambda world: {"pk": world.token.pk}, sends=lambda world: {"hours": "1"}
    ),
    "accounts/tokens/<int:pk>/revoke/": Page(
        ADA_ALONE, lambda world: {"pk": world.token.pk}, sends=lambda world: {"a": "b"}
    ),
    # The door. Where one must have proved who one is a moment ago, or have something to change, the rest are told no.
    **dict.fromkeys(
        (
            *(
                "accounts/login/",
                "accounts/logout/",
                "accounts/signup/",
                "accounts/confirm-email/",
            ),
            *("accounts/login/code/confirm/", "accounts/password/reset/", "accounts/password/reset/confirm/"),
            *("accounts/password/reset/complete/", "accounts/2fa/authenticate/"),
            *("accounts/2fa/webauthn/login/", "accounts/3rdparty/signup/"),
            *("accounts/social/login/cancelled/", "accounts/social/login/error/"),
            *("accounts/social/signup/", "accounts/social/connections/"),
        ),
        Page(ANYBODY, sends=lambda world: _typed),
    ),
    **dict.fromkeys(
        (
            *("accounts/reauthenticate/code/confirm/", "accounts/email/", "accounts/password/change/"),
            *("accounts/password/set/", "accounts/3rdparty/"),
        ),
        Page(MEMBERS, sends=lambda world: _typed),
    ),
    **dict.fromkeys(
        (
            *("accounts/reauthenticate/", "accounts/reauthenticate/code/", "accounts/2fa/reauthenticate/"),
            *("accounts/2fa/totp/activate/", "accounts/2fa/recovery-codes/generate/", "accounts/2fa/webauthn/add/"),
            *("accounts/2fa/webauthn/reauthenticate/", "accounts/2fa/webauthn/keys/<int:pk>/remove/"),
            "accounts/2fa/webauthn/keys/<int:pk>/edit/",
        ),
        Page(
            {**MEMBERS, **dict.fromkeys(("ada", "bob", "staff", "root"), FORBIDDEN)},
            lambda world: {"pk": 1},
            sends=lambda world: _typed,
        ),
    ),
    **dict.fromkeys(
        (*("accounts/2fa/totp/deactivate/", "accounts/2fa/recovery-codes/", "accounts/2fa/recovery-codes/download/"),),
        Page({**MEMBERS, **dict.fromkeys(("ada", "bob", "staff", "root"), NOT_FOUND)}, sends=lambda world: _typed),
    ),
    # The admin; its tables are below.
    "admin/": Page(STAFF),
    "admin/login/": Page({**STAFF, "ada": FORBIDDEN, "bob": FORBIDDEN}),
    "admin/logout/": Page(ANYBODY),
    "admin/password_change/": Page(STAFF),
    "admin/password_change/done/": Page(STAFF),
    "admin/autocomplete/": Page(SUPERUSER, query="app_label=accounts&model_name=issuedtoken&field_name=user"),
    "admin/jsi18n/": Page(STAFF),
    "admin/search/": Page(STAFF),
    "admin/<app_label>/": Page({**STAFF, "staff": NOT_FOUND}, lambda world: {"app_label": "accounts"}),
    "admin/r/<path:content_type_id>/<path:object_id>/": Page(
        {**STAFF, "staff": NOT_FOUND, "root": NOT_FOUND}, lambda world: {"content_type_id": 1, "object_id": 1}
    ),
    "admin/<url>": Page({**STAFF, "staff": NOT_FOUND, "root": NOT_FOUND}, lambda world: {"url": "nothing"}),
    "admin/live/": Page(SUPERUSER),
    "admin/accounts/usagerecord/export/": Page(SUPERUSER),
    "admin/accounts/contributedkey/import/": Page(SUPERUSER),
    "admin/accounts/contributedkey/task/<uuid:pk>/": Page(SUPERUSER, lambda world: {"pk": _a_task()}),
    "admin/accounts/projectpair/<int:pk>/join/": Page(SUPERUSER, lambda world: {"pk": 1}),
    "admin/accounts/projectpair/<int:pk>/decline/": Page(SUPERUSER, lambda world: {"pk": 1}),
    "admin/compat/modelmapping/try/": Page(SUPERUSER),
    "admin/accounts/user/<id>/password/": Page(SUPERUSER, lambda world: {"id": world.ada.pk}),
}

# Who, of those that may see a table at all, may add a row to it and delete one.
BY_PEOPLE, ONLY_DELETED, BY_THE_SITE = (SUPERUSER, SUPERUSER), (NOBODY, SUPERUSER), (NOBODY, NOBODY)

ADMIN_TABLES = {
    "accounts/contributedkey": BY_PEOPLE,
    "accounts/conversation": ONLY_DELETED,
    "accounts/invitation": BY_PEOPLE,
    "accounts/issuedtoken": BY_PEOPLE,
    "accounts/keyday": BY_THE_SITE,
    "accounts/keyevent": BY_THE_SITE,
    "accounts/learnedquota": ONLY_DELETED,
    "accounts/modelprice": BY_PEOPLE,
    "accounts/plan": BY_PEOPLE,
    "accounts/projectpair": BY_THE_SITE,
    "accounts/staffact": BY_THE_SITE,
    "accounts/storedresponse": ONLY_DELETED,
    "accounts/tierquota": BY_PEOPLE,
    "accounts/usagerecord": BY_THE_SITE,
    "accounts/usagetotal": BY_THE_SITE,
    "accounts/user": BY_PEOPLE,
    "auth/group": BY_PEOPLE,
    "compat/modelmapping": BY_PEOPLE,
}

TOKEN, OPEN, OWN = "a token", "anybody", "a token of its owner's: for others it is not there"
NOT_OTHERS = "a token of its owner's: for others it may not be there, as Gemini says"
LINK = "whoever has the link"

API = {
    "audio/speech": TOKEN,
    "audio/transcriptions": TOKEN,
    "audio/translations": TOKEN,
    "batches": TOKEN,
    "batches/{batch_id}": OWN,
    "batches/{batch_id}/cancel": OWN,
    "chat": TOKEN,
    "chat/completions": TOKEN,
    "completions": TOKEN,
    "contributions": OPEN,
    "conversations": TOKEN,
    "conversations/{conversation_id}": OWN,
    "conversations/{conversation_id}/items": OWN,
    "conversations/{conversation_id}/items/{item_id}": OWN,
    "embeddings": TOKEN,
    "files": TOKEN,
    "files/{file_id}": OWN,
    "files/{file_id}/content": OWN,
    "images/edits": TOKEN,
    "images/files/{name}": LINK,
    "images/generations": TOKEN,
    "images/variations": TOKEN,
    "messages": TOKEN,
    "messages/count_tokens": TOKEN,
    "models": TOKEN,
    "moderations": TOKEN,
    "models/{model_id}": TOKEN,
    "responses": TOKEN,
    "responses/input_tokens": TOKEN,
    "responses/{response_id}": OWN,
    "responses/{response_id}/cancel": OWN,
    "responses/{response_id}/input_items": OWN,
    "uploads": TOKEN,
    "uploads/{upload_id}/cancel": OWN,
    "uploads/{upload_id}/complete": OWN,
    "uploads/{upload_id}/parts": OWN,
    "usage": TOKEN,
    "upload/v1/files": TOKEN,
    "upload/v1beta/files": TOKEN,
    "v1beta/files": TOKEN,
    "v1beta/files/{file_id}": NOT_OTHERS,
    "v1beta/models": TOKEN,
    "v1beta/models/{model_id}": TOKEN,
    **{
        f"{version}models/{{model_id}}:{method}": TOKEN
        for version in ("", "v1beta/")
        for method in (
            *("generateContent", "streamGenerateContent", "countTokens"),
            *("embedContent", "batchEmbedContents"),
        )
    },
}
"""The routes of compat/urls.py."""

PROBES = {"/healthz", "/readyz", "/metrics"}
"""Answered to anybody, with no word of anybody."""

WEBSOCKETS: dict[str, Access] = {"admin/live/feed": SUPERUSER}
"""Live pages, by the route in tumbler_site/routing.py."""

"""The app of the surface tests, which stores."""

import json
from typing import Any

import pytest

from accounts.in_db import in_db
from accounts.issuing import issue_token
from accounts.models import StoredResponse, User
from accounts.stored.behind import look_up
from tests.live.openapi import check
from tests.surface.conftest import (  # noqa: F401 (fixtures)
    MODEL,
    Answered,
    Site,
    database_threads,
    gemini,
    permissions_afterwards,
    site,
)

CALL = {"functionCall": {"name": "look", "args": {"at": "sea"}}, "thoughtSignature": "c2ln"}
LOOK = {"type": "function", "name": "look"}


class Asking:
    """A client of the Responses API; what it is answered is held to OpenAI's document."""

    def __init__(self, site: Site) -> None:  # noqa: F811
        self.site = site
        self.gemini = site.gemini

    async def ask(self, path: str, method: str = "GET", token: str = "", query: str = "", **members: Any) -> Answered:
        headers = (("authorization", f"Bearer {token}"),) if token else ()
        body = json.dumps(members).encode() if method == "POST" else b""
        return await self.site.ask(f"/v1/{path}", body, method=method, headers=headers, query=query.encode())

    async def create(self, given: Any = "Hi", **members: Any) -> dict[str, Any]:
        """A response of which all went well."""
        answered = await self.ask("responses", "POST", **{"model": MODEL, "input": given, **members})
        assert answered.status == 200, answered.body
        check(answered.json, "Response")
        return answered.json

    async def begin(self, *items: dict[str, Any], **members: Any) -> str:
        """The id of a new conversation with these items."""
        answered = await self.ask("conversations", "POST", items=list(items), **members)
        assert answered.status == 200, answered.body
        check(answered.json, "ConversationResource")
        return answered.json["id"]

    async def get(self, path: str, schema: str, query: str = "") -> dict[str, Any]:
        answered = await self.ask(path, query=query)
        assert answered.status == 200, answered.body
        check(answered.json, schema)
        return answered.json

    async def rows(self) -> list[StoredResponse]:
        """All that is stored, once all of it is."""
        return await look_up(self.site.user.pk, lambda: list(StoredResponse.objects.order_by("created")))

    async def another(self) -> str:
        """The token of somebody else."""
        return (await in_db(lambda: issue_token(User.objects.create_user("bob"))))[1]

    def will_say(self, *parts: dict[str, Any]) -> None:
        candidate = {"content": {"role": "model", "parts": list(parts)}, "finishReason": "STOP"}
        self.gemini.reply = {**self.gemini.reply, "candidates": [candidate]}

    @property
    def sent(self) -> list[dict[str, Any]]:
        """The contents of the last call of Gemini."""
        return self.gemini.calls[-1][3]["contents"]


@pytest.fixture
def api(storing, site: Site) -> Asking:  # noqa: F811
    return Asking(site)

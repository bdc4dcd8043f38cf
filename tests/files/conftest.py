"""Files and batches over the whole app in this process; forms as OpenAI's clients send them."""

import json

import httpx
import pytest
from asgiref.sync import sync_to_async

from accounts.issuing import issue_token
from accounts.models import User
from tests.surface.conftest import (  # noqa: F401 (fixtures)
    Site,
    database_threads,
    gemini,
    permissions_afterwards,
    site,
)


class Files:
    """The files of one user, asked for by their token."""

    def __init__(self, asked: Site) -> None:
        self.site = asked

    async def upload(self, content=b"Hello.", name="note.txt", purpose="user_data", **members):
        form = httpx.Request(
            "POST", "http://localhost/", data={"purpose": purpose, **members}, files={"file": (name, content)}
        )
        headers = (("content-type", form.headers["content-type"]),)
        return await self.site.ask("/v1/files", form.read(), headers=headers)

    async def kept(self, *about, **more):
        """The id of a file that was taken."""
        answered = await self.upload(*about, **more)
        assert answered.status == 200, answered.body
        return answered.json["id"]

    async def get(self, path="", query=""):
        return await self.site.ask(f"/v1/files{path}", method="GET", query=query.encode())

    async def delete(self, file_id):
        return await self.site.ask(f"/v1/files/{file_id}", method="DELETE")


@pytest.fixture
def files(site):  # noqa: F811
    return Files(site)


@pytest.fixture
async def others_files(site):  # noqa: F811
    """Those of somebody else, who knows ada's ids."""
    user = await sync_to_async(User.objects.create_user)("bob")
    _, token = await sync_to_async(issue_token)(user)
    return Files(Site(site.gemini, user, token))


def as_lines(*rows):
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)

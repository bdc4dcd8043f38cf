"""What the routes of files share, whatever their words."""

from urllib.parse import quote

from rest_framework.request import Request

from accounts import files
from accounts.in_db import in_db, in_db_soon
from accounts.models import IssuedToken, StoredFile
from compat.answers import Download, Response
from compat.asyncview import AsyncAPIView
from compat.errors import NotFound
from compat.relay import copies


class FilesView(AsyncAPIView):
    """The caller's own files alone are there."""

    needs = IssuedToken.Scope.FILES
    endpoint = "files"

    async def found(self, file_id: str) -> StoredFile:
        """The caller's own file. Raises NotFound, for another's as well."""
        file = await in_db_soon(files.find, self.caller.user_id, file_id)
        if file is None:
            raise no_such_file(file_id)
        return file


class ContentView(FilesView):
    """What is in one of them."""

    async def get(self, request: Request, file_id: str) -> Response:
        """The bytes as they came. Raises NotFound."""
        file = await self.found(file_id)
        await in_db_soon(files.require_readable, file)
        name = quote(files.name_of(file), safe="")
        headers = {
            "content-type": "application/octet-stream",
            "content-disposition": f"attachment; filename*=UTF-8''{name}",
        }
        return Download(files.read(file), file.bytes, headers)


async def erase(user_id: int, file_id: str) -> bool:
    """Erase the caller's own file and, in the background, its copies at Gemini; False when there is none."""
    is_erased = await in_db(files.delete, user_id, file_id)
    if is_erased:
        copies.discard(file_id)
    return is_erased


def no_such_file(file_id: str) -> NotFound:
    """What is told of a file that is not there, or another's."""
    return NotFound(f"No such File object: {file_id[:80]}", param="id")

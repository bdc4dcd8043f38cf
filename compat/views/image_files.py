"""GET of an image by its link."""

from urllib.parse import parse_qs

from rest_framework.request import Request

from accounts import kept_images
from accounts.in_db import in_db_soon
from compat.answers import Answer, Response
from compat.asyncview import AsyncAPIView
from compat.image_links import over, read_link

_HARMLESS = {
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; sandbox",
    "cross-origin-resource-policy": "cross-origin",
    "referrer-policy": "no-referrer",
    "content-disposition": "inline",
}


class ImageFile(AsyncAPIView):
    """An image by its link, to whoever has it."""

    is_open = True
    endpoint = "images.files"

    async def get(self, request: Request, name: str) -> Response:
        """The bytes. Nothing in them can run, should a browser take them for something else."""
        query = parse_qs(request.scope["query_string"].decode("latin-1"))  # type: ignore[attr-defined]
        image_id, key = read_link(name, query)
        found = await in_db_soon(kept_images.open_kept, image_id, key)
        if found is None:
            raise over()
        content_type, data = found
        return Answer(data, headers={"content-type": content_type, **_HARMLESS})

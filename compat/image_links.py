"""Links to kept images: signed for one image and one end, and holding the key that alone opens it."""

import base64
import binascii
import uuid
from collections.abc import Mapping

from django.core.signing import BadSignature, Signer
from django.utils import timezone

from accounts.kept_images import Kept
from compat.edge import origin_of
from compat.errors import LinkOver
from compat.request import LeanRequest

_EXTENSIONS = {"image/png": "png", "image/jpeg": "jpg", "image/webp": "webp"}
_OVER = "This link is broken, or its time is over: images are kept for a short while only."


def to_link(request: LeanRequest, kept: Kept, content_type: str) -> str:
    """The address of an image, on the host that the client asked."""
    key = base64.urlsafe_b64encode(kept.key).decode().rstrip("=")
    name = f"{kept.id}.{_EXTENSIONS.get(content_type, 'png')}"
    signature = _signature(str(kept.id), str(kept.expires), key)
    query = f"expires={kept.expires}&key={key}&signature={signature}"
    return f"{origin_of(request)}/v1/images/files/{name}?{query}"


def read_link(name: str, query: Mapping[str, list[str]]) -> tuple[uuid.UUID, bytes]:
    """The id of an image and the key to it. Raises LinkOver for every link that is none of ours, or whose time is over."""
    expires, key, signature = (query.get(part, [""])[0] for part in ("expires", "key", "signature"))
    image_id = name.partition(".")[0]
    try:
        _signer().unsign(f"{image_id}:{expires}:{key}:{signature}")
        if int(expires) <= timezone.now().timestamp():
            raise LinkOver(_OVER)
        return uuid.UUID(image_id), base64.urlsafe_b64decode(key + "=")
    except (BadSignature, ValueError, binascii.Error):
        raise LinkOver(_OVER) from None


def over() -> LinkOver:
    """The error of a link whose image is not there any more."""
    return LinkOver(_OVER)


def _signature(image_id: str, expires: str, key: str) -> str:
    return _signer().signature(f"{image_id}:{expires}:{key}")


def _signer() -> Signer:
    return Signer(salt="compat.image_links")

"""Links to uploads: Gemini's clients send the pieces of a file to one, and no token with them."""

from django.core.signing import BadSignature, Signer

from compat.edge import origin_of
from compat.errors import LinkOver
from compat.request import LeanRequest

PARAMETER = "upload_id"
_OVER = "This link is broken, or its time is over: a file has an hour to come."


def to_upload_link(request: LeanRequest, upload_id: str) -> str:
    """The address for the pieces of a file, on the host that the client asked."""
    return f"{origin_of(request)}/upload/v1beta/files?{PARAMETER}={_signer().sign(upload_id)}&upload_protocol=resumable"


def read_upload_link(given: str) -> str:
    """The id of the upload that a link is to. Raises LinkOver for every link that is none of ours."""
    try:
        return _signer().unsign(given)
    except BadSignature:
        raise over() from None


def over() -> LinkOver:
    """The error of a link to nothing, or to nothing any more."""
    return LinkOver(_OVER)


def _signer() -> Signer:
    return Signer(salt="compat.upload_links")

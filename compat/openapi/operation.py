"""What the API document tells of one method of one route, and the errors that many of them share."""

from typing import Any, NamedTuple

from compat import errors
from compat.errors import CompatError
from compat.schemas import answers

FORM = "multipart/form-data"
Errors = tuple[type[CompatError], ...]


class Operation(NamedTuple):
    """One method of one route."""

    name: str
    """Its operationId; client generators make a function of it."""
    group: str
    summary: str
    description: str
    answer: type
    """A struct; `bytes` where it is no JSON."""
    errors: Errors
    request: type | None = None
    takes: str = "application/json"
    """The media type of the request."""
    form: type | None = None
    """The same request as a form, where both are taken."""
    example: dict[str, Any] | None = None
    """A request that works."""
    status: int = 200
    gives: str = "application/json"
    """The media type of the answer; of several that it may have, the usual one."""
    event: type | None = None
    """The data of each event, for a route that streams when it is asked to."""
    parameters: tuple[dict[str, Any], ...] = ()
    needs_token: bool = True
    error: type = answers.Error
    """The envelope of its errors."""
    many: bool = False
    """True where the answer is a list of what `answer` is."""
    of_gemini: bool = False
    """True for Gemini's own routes: they are not below /v1, and take a token where Gemini's clients send their keys."""


DOOR: Errors = (
    *(errors.MissingToken, errors.InvalidToken, errors.NotPermitted, errors.RateLimited),
    *(errors.InternalError, errors.StorageUnavailable),
)
BODY: Errors = (errors.InvalidRequest, errors.BodyTooLarge, errors.UnsupportedMedia)
ASKING: Errors = (
    *(*DOOR, *BODY, errors.ContextTooLong, errors.ContentFiltered, errors.ModelNotAllowed, errors.UnknownModel),
    *(errors.PoolExhausted, errors.QuotaSpent, errors.UpstreamError, errors.UpstreamUnavailable),
    *(errors.NoUpstreamKey, errors.UpstreamTimeout),
)


def paged(usual: int, most: int) -> tuple[dict[str, Any], ...]:
    """The parameters of a route that lists in pages."""
    return (
        {
            "name": "limit",
            "in": "query",
            "required": False,
            "description": "How many at most.",
            "schema": {"type": "integer", "minimum": 1, "maximum": most, "default": usual},
        },
        {
            "name": "after",
            "in": "query",
            "required": False,
            "description": "The id of the last one of the page before.",
            "schema": {"type": "string"},
        },
        {
            "name": "order",
            "in": "query",
            "required": False,
            "description": "By the time at which they were made: the newest first, or the oldest.",
            "schema": {"type": "string", "enum": ["desc", "asc"], "default": "desc"},
        },
    )

"""DRF's APIView with async handlers; the only file that knows how.

Nothing is negotiated and nothing rendered: handlers answer bytes, for a JSON client that asks for `*/*` or nothing must be
served like any other. Authentication comes before the body is read.
"""

import logging
import time
from collections.abc import Awaitable, Callable
from functools import update_wrapper
from typing import Any, NamedTuple

from django.db import DatabaseError, DataError
from rest_framework import exceptions
from rest_framework.views import APIView

from accounts.callers import Caller
from accounts.in_db import DatabaseAway
from accounts.live.traffic import traffic
from accounts.metering import NO_COUNTS, TokenCounts
from accounts.sealing import Unsealable
from compat import edge
from compat.answers import Answer, Response
from compat.authentication import identify, permit, remembered
from compat.body import ClientGone, read_body
from compat.errors import (
    CompatError,
    InternalError,
    InvalidRequest,
    NotFound,
    StorageUnavailable,
    WrongMethod,
    from_refusal,
)
from compat.forms import Form, read_form
from compat.ids import new_hex
from compat.relay.job import Job
from compat.request import LeanRequest, ViewRequest
from compat.translation.refusals import Untranslatable

logger = logging.getLogger(__name__)


class InBatch(NamedTuple):
    """What came of one request of a batch."""

    request_id: str
    answered: Answer | CompatError
    counts: TokenCounts = NO_COUNTS
    """As its usage record has them."""


class AsyncAPIView(APIView):
    """The base of every OpenAI route. Handlers are `async def get/post(self, request, …)` and return a response."""

    is_open = False
    """Whether it asks for no token: anybody may come, or a link says who does."""
    endpoint = ""
    """What usage records and metrics call it."""
    needs = ""
    """The scope that a token must have; "" where any token will do."""

    request: ViewRequest
    caller: Caller
    """Whose request this is, on routes that ask."""

    _handlers: dict[str, str]
    """The names of those that answer, by method."""

    def __init__(self) -> None:
        # Not super().__init__(): it looks for options, and a view has none.
        self.job: Job | None = None

    def __init_subclass__(cls) -> None:
        """HEAD is answered as GET is."""
        super().__init_subclass__()
        if hasattr(cls, "get"):
            cls.head = cls.get  # type: ignore[attr-defined]
        cls._handlers = {name.upper(): name for name in cls.http_method_names if hasattr(cls, name)}

    @classmethod
    def as_view(cls) -> Any:  # type: ignore[override]
        """A function that makes a view and gives its answer to wait for; to the eye it is DRF's, which does this by detours."""

        def view(request: LeanRequest, **arguments: Any) -> Awaitable[Response]:
            return cls().dispatch(request, **arguments)

        return update_wrapper(view, super().as_view())

    async def dispatch(self, request: LeanRequest, *args: Any, **kwargs: Any) -> Response:  # type: ignore[override]
        """Find the caller, check what they may do, run the handler; every error becomes the envelope."""
        started, request_id = time.monotonic(), ""
        try:
            self.prepare(request)
            edge.check_host(request)
            if request.method == "OPTIONS":
                response: Response = edge.preflight(request)
            else:
                # Not initialize_request(): it looks up parsers, authenticators and a negotiator that nobody asks here.
                self.request = ViewRequest(request)
                if not self.is_open:
                    needs = self.needs
                    caller = remembered(request, needs) or await identify(request, needs)
                    self.caller = self.request.user = caller
                response = await self.handler(request.method or "")(self.request, *args, **kwargs)
        except ClientGone:
            raise
        except Exception as error:  # noqa: BLE001 (the last stop: whatever it is, the client gets the envelope)
            request_id = self._request_id()
            told = self._client_error(error, request_id)
            traffic.erred(self.endpoint, told.status, told.code)
            response = self.error_answer(told, request_id)
        edge.finish(response, request, request_id or self._request_id(), started, self.job)
        return response

    async def answer_in_batch(self, caller: Caller, request: LeanRequest) -> InBatch:
        """What comes of one POST of a batch of the caller's: what the view answers, or why it does not.

        The request came by no connection; the credential was checked when the batch was made.
        """
        try:
            permit(caller, self.needs)
            self.request, self.caller = ViewRequest(request), caller
            answered: Answer | CompatError = await self.post(self.request)  # type: ignore[attr-defined]
        except Exception as error:  # noqa: BLE001 (as in dispatch)
            answered = self._client_error(error, self._request_id())
        return InBatch(self._request_id(), answered, self.job.counts if self.job else NO_COUNTS)

    def prepare(self, request: LeanRequest) -> None:
        """What a view does before anything else is looked at."""

    def handler(self, method: str) -> Callable[..., Awaitable[Response]]:
        """What answers this method. Raises WrongMethod."""
        name = self._handlers.get(method)
        if name is None:
            raise WrongMethod(method, [known for known in self.allowed_methods if known != "OPTIONS"])
        handler: Callable[..., Awaitable[Response]] = getattr(self, name)
        return handler

    def error_answer(self, error: CompatError, request_id: str) -> Answer:
        """An error in the envelope of the view's dialect: OpenAI's, unless a view has another."""
        return edge.error_response(error)

    def _request_id(self) -> str:
        """`req_` and 32 hex digits, as OpenAI's: those of its usage record where it will have one."""
        return f"req_{(self.job and self.job.id) or new_hex()}"

    def body(self) -> Awaitable[bytes]:
        """The JSON body. Raises BodyTooLarge, UnsupportedMedia."""
        return read_body(self.request._request)

    def form(self, most_bytes: int | None = None) -> Awaitable[Form]:
        """The members of a form, `most_bytes` in all. Raises BodyTooLarge, UnsupportedMedia, InvalidRequest."""
        return read_form(self.request._request, most_bytes)

    def _client_error(self, error: Exception, request_id: str) -> CompatError:
        """The client's error for whatever a handler raised, and the end of its account."""
        while isinstance(error, ExceptionGroup):
            error = error.exceptions[0]
        found = _foreseen(error)
        if found is None:
            logger.error("%s failed", request_id, exc_info=error)
            found = InternalError(f"The server had an error while processing your request ({request_id}).")
        if self.job is not None:
            self.job.settle(found.status, found)
        return found


def _foreseen(error: Exception) -> CompatError | None:
    """The client's error for what may be expected to go wrong; None for our own mistakes."""
    match error:
        case CompatError():
            return error
        case Untranslatable():
            return from_refusal(error)
        case exceptions.APIException():
            return InvalidRequest("The request was refused.")
        case Unsealable():
            return NotFound("It cannot be read any more: the encryption key that it was kept under is gone.")
        case DataError():
            # PostgreSQL's word for a NUL, say in an id: nothing of ours is called so.
            return InvalidRequest("The request names something that no name can be.")
        case DatabaseError():
            # That one waited in vain needs no traceback; a query that failed does.
            logger.error("the database is out of reach", exc_info=None if isinstance(error, DatabaseAway) else error)
            return StorageUnavailable("The database is out of reach just now: try again in a few seconds.", 5)
    return None

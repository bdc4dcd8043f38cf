"""Batches: POST and GET batches, GET batches/{id}, POST batches/{id}/cancel."""

from datetime import datetime
from functools import partial

import msgspec
from rest_framework.request import Request

from accounts import batches, files
from accounts import models as tables
from accounts.batches import Status
from accounts.in_db import in_db, in_db_soon
from accounts.models import IssuedToken
from accounts.paging import Page, rows_of
from compat.answers import Answer, Response
from compat.asyncview import AsyncAPIView
from compat.batches.waking import wake
from compat.errors import InvalidRequest, NotFound
from compat.query import page_in, query_of
from compat.schemas.batches import (
    Batch,
    BatchCounts,
    BatchError,
    BatchErrors,
    BatchList,
    BatchRequest,
    BatchUsage,
    CachedDetails,
    ThoughtDetails,
)
from compat.translation.decoding import decode

_encode = msgspec.json.Encoder().encode
_request = msgspec.json.Decoder(BatchRequest)
_USUAL, _MOST = 20, 100


class Batches(AsyncAPIView):
    """The caller's batches, and one more."""

    needs = IssuedToken.Scope.FILES
    endpoint = "batches"

    async def get(self, request: Request) -> Response:
        """OpenAI's list of batches."""
        page = page_in(query_of(request), usual=_USUAL, most=_MOST)
        found, has_more = await in_db_soon(_listed, self.caller.user_id, page)
        first, last = (found[0].id, found[-1].id) if found else (None, None)
        return Answer(_encode(BatchList(found, first, last, has_more)))

    async def post(self, request: Request) -> Response:
        """Begin one. Raises InvalidRequest, NotFound."""
        asked = decode(await self.body(), _request)
        file = await in_db_soon(files.find, self.caller.user_id, asked.input_file_id)
        if file is None:
            raise NotFound(f"No such File object: {asked.input_file_id[:80]}", param="input_file_id")
        if file.purpose != "batch":
            raise InvalidRequest(
                "Invalid 'input_file_id': the file's purpose is not 'batch'.",
                param="input_file_id",
                code="invalid_value",
            )
        lives = asked.output_expires_after
        begin = partial(
            batches.create,
            self.caller.user_id,
            self.caller.token_id,
            endpoint=asked.endpoint,
            input_file=file.pk,
            metadata=asked.metadata,
            output_seconds=lives.seconds if lives else None,
        )
        try:
            batch = await in_db(begin)
        except batches.TooMany:
            raise InvalidRequest(
                f"You have {batches.MOST_OPEN} batches that have not ended: wait for some, or cancel them.",
                code="too_many_batches",
            ) from None
        wake()
        return Answer(_encode(_told(batch)))


class OneBatch(AsyncAPIView):
    """One of the caller's batches."""

    needs = IssuedToken.Scope.FILES
    endpoint = "batches"

    async def get(self, request: Request, batch_id: str) -> Response:
        """OpenAI's batch object. Raises NotFound, for another's as well."""
        batch = await in_db_soon(_find, self.caller.user_id, batch_id)
        if batch is None:
            raise _no_such_batch(batch_id)
        return Answer(_encode(batch))


class BatchCancel(AsyncAPIView):
    """The end of one of the caller's batches before its time."""

    needs = IssuedToken.Scope.FILES
    endpoint = "batches"

    async def post(self, request: Request, batch_id: str) -> Response:
        """Have it stopped. Raises NotFound, InvalidRequest."""
        try:
            batch = await in_db(batches.cancel, self.caller.user_id, batch_id)
        except batches.CannotCancel:
            raise InvalidRequest("The batch has ended, or is about to.", code="batch_ended") from None
        if batch is None:
            raise _no_such_batch(batch_id)
        wake()
        return Answer(_encode(_told(batch)))


def _no_such_batch(batch_id: str) -> NotFound:
    return NotFound(f"No such Batch object: {batch_id[:80]}", param="id")


def _find(user_id: int, batch_id: str) -> Batch | None:
    found = batches.of_user(user_id).filter(pk=batch_id).first()
    return None if found is None else _told(found)


def _listed(user_id: int, page: Page) -> tuple[list[Batch], bool]:
    found, has_more = rows_of(batches.of_user(user_id), page)
    return [_told(batch) for batch in found], has_more


def _told(batch: tables.Batch) -> Batch:
    errors = [BatchError(**error) for error in batch.errors]

    def ended_as(status: str) -> int | None:
        return _seconds(batch.ended_at) if batch.status == status else None

    return Batch(
        id=batch.pk,
        endpoint=batch.endpoint,
        model=batch.model or None,
        errors=BatchErrors(errors) if errors else None,
        input_file_id=batch.input_file,
        completion_window="24h",
        status=batch.status,
        output_file_id=batch.output_file or None,
        error_file_id=batch.error_file or None,
        created_at=int(batch.created.timestamp()),
        in_progress_at=_seconds(batch.in_progress_at),
        expires_at=int(batch.expires.timestamp()),
        finalizing_at=_seconds(batch.finalizing_at),
        completed_at=ended_as(Status.COMPLETED),
        failed_at=ended_as(Status.FAILED),
        expired_at=ended_as(Status.EXPIRED),
        cancelling_at=_seconds(batch.cancelling_at),
        cancelled_at=ended_as(Status.CANCELLED),
        request_counts=BatchCounts(batch.total, batch.completed, batch.failed),
        usage=_usage(batch) if batch.prompt_tokens else None,
        metadata=batches.metadata_of(batch),
    )


def _usage(batch: tables.Batch) -> BatchUsage:
    return BatchUsage(
        batch.prompt_tokens,
        CachedDetails(batch.cached_tokens),
        batch.completion_tokens,
        ThoughtDetails(batch.reasoning_tokens),
        batch.prompt_tokens + batch.completion_tokens,
    )


def _seconds(moment: datetime | None) -> int | None:
    return None if moment is None else int(moment.timestamp())

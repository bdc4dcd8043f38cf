"""GET and POST contributions: the terms, and keys without an account against a receipt. No token is asked for."""

import asyncio
import time

import msgspec
from django.conf import settings
from rest_framework.request import Request

from accounts.addresses import client_address, household
from accounts.contributions import checking, flood, intake
from accounts.contributions.offer import Caps, Offer, Unacceptable, read_hours, read_keys, require_consent
from accounts.contributions.pace import until_the_beat
from accounts.contributions.terms import TERMS, VERSION
from accounts.in_db import in_db
from compat.answers import Answer, Response
from compat.asyncview import AsyncAPIView
from compat.errors import BodyTooLarge, InvalidRequest, RateLimited
from compat.schemas.contributions import ContributionRequest
from compat.translation.decoding import decode

MAX_BODY_BYTES = 32 * 1024

_contribution = msgspec.json.Decoder(ContributionRequest)
_encode = msgspec.json.Encoder().encode


class Contributions(AsyncAPIView):
    """Keys in, a receipt out: the same answer, after the same time, whatever the keys are."""

    is_open = True
    endpoint = "contributions"

    async def get(self, request: Request) -> Response:
        """The terms to agree to, and their version."""
        return Answer(
            _encode(
                {
                    "object": "contribution.terms",
                    "version": VERSION,
                    "terms": TERMS,
                    "reciprocity": settings.RECIPROCITY,
                }
            )
        )

    async def post(self, request: Request) -> Response:
        """202 with the receipt's code. Raises RateLimited, BodyTooLarge, InvalidRequest."""
        started = time.monotonic()
        self._pass_the_gate()
        body = await self._small_body()
        try:
            offer = _to_offer(decode(body, _contribution))
        except Unacceptable as refusal:
            raise InvalidRequest(refusal.message, param=refusal.field) from None
        code = await in_db(intake.receive, offer)
        checking.check_soon()
        await asyncio.sleep(until_the_beat(started))
        return Answer(
            _encode(
                {
                    "object": "contribution",
                    "status": "received",
                    "message": "Received. It will be checked. Keep the receipt: it is shown this once.",
                    "receipt": code,
                    "receipt_url": "/contribute/receipt/",
                }
            ),
            202,
        )

    def _pass_the_gate(self) -> None:
        request = self.request._request
        client = request.scope.get("client") or ("",)
        forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "")
        address = client_address(str(client[0]), [forwarded] if forwarded else [])
        wait = flood.contributions.wait(household(address))
        if wait:
            raise RateLimited("There were many contributions lately. Please come back later.", wait)

    async def _small_body(self) -> bytes:
        declared = self.request._request.META.get("CONTENT_LENGTH") or "0"
        if declared.isdecimal() and int(declared) > MAX_BODY_BYTES:
            raise BodyTooLarge(f"A contribution is at most {MAX_BODY_BYTES // 1024} KiB.")
        body = await self.body()
        if len(body) > MAX_BODY_BYTES:
            raise BodyTooLarge(f"A contribution is at most {MAX_BODY_BYTES // 1024} KiB.")
        return body


def _to_offer(sent: ContributionRequest) -> Offer:
    """What was sent, checked as the page's form is. Raises Unacceptable."""
    require_consent(VERSION if sent.consent is True else str(sent.consent))
    keys = [*([sent.key] if sent.key is not None else []), *(sent.keys or [])]
    hours = read_hours(sent.hours_utc.first, sent.hours_utc.until) if sent.hours_utc else ()
    caps = Caps(sent.keep_share, tuple(sent.models), hours, sent.paid)
    return Offer(read_keys(keys, "key" if sent.keys is None else "keys"), sent.project, caps)

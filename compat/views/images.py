"""POST images/generations, images/edits and images/variations."""

import asyncio
import base64
import time

import msgspec
from rest_framework.request import Request

from accounts import kept_images
from accounts.in_db import in_db
from accounts.models import IssuedToken
from accounts.remembered_settings import settings
from compat import imaging, relay
from compat.answers import Answer, Response
from compat.errors import InvalidRequest, UpstreamError, from_refusal
from compat.forms import is_form
from compat.image_links import to_link
from compat.relay import Job
from compat.relay.calls import plan
from compat.relay.job import CLIENT_LEFT
from compat.schemas.gemini import InlineData, Reply
from compat.schemas.images import (
    ImageEditForm,
    ImageEditRequest,
    ImageOptions,
    ImageReference,
    ImageRequest,
    ImageVariationForm,
)
from compat.translation.content import Part, data_of
from compat.translation.decoding import convert, decode
from compat.translation.images.answer import (
    ImageEvents,
    Told,
    draws_or_says_why_not,
    format_of,
    images_of,
    length_of,
    to_images,
    without_image,
)
from compat.translation.images.request import ImageTranslation, address, drawing, to_edit, uploads
from compat.translation.origins import all_in
from compat.translation.usage import estimate_tokens
from compat.views.answering import AnsweringView
from compat.views.documents import documents_of

_generation = msgspec.json.Decoder(ImageRequest)
_edit = msgspec.json.Decoder(ImageEditRequest)


class _ImagesView(AnsweringView):
    """What these endpoints share."""

    needs = IssuedToken.Scope.CHAT
    content = "prompt"
    """The member that Gemini's filter blocks."""
    kind = ""
    """How the names of its events begin."""

    async def drawn(self, translation: ImageTranslation) -> Response:
        """Ask for the images, one a call, and answer with those that came."""
        request = translation.request
        job = await self._admitted(translation)
        told = Told(request, int(time.time()))
        if request.stream:
            return await self.streamed(job, _ConvertedEvents(self.kind, told))
        try:
            return await self._whole(job, told)
        except asyncio.CancelledError:
            job.settle(CLIENT_LEFT)
            raise

    async def _admitted(self, translation: ImageTranslation) -> Job:
        request, n = translation.request, translation.request.n or 1
        if request.response_format == "url" and not self._serves_links():
            raise InvalidRequest(
                "Links are not served here: ask with response_format b64_json.",
                param="response_format",
                code="unsupported_value",
            )
        targets = drawing((await self.targets(translation.model)).targets, translation.model)
        calls = plan(n, targets, [translation.to_body])
        job = self.job = Job(self.caller, self.endpoint, translation.model, targets, calls, stream=bool(request.stream))
        job.prompt_tokens = estimate_tokens(translation.prompt_characters)
        job.sub_user = self.sub_user(request.user)
        job.says_something = draws_or_says_why_not
        job.blocked = (self.content, "moderation_blocked")
        await job.admit(n)
        return job

    async def _whole(self, job: Job, told: Told) -> Response:
        answered, errors = await relay.complete_some(job)
        replies = [reply for _, reply in answered]
        refused = [without_image(reply) for reply in replies if not images_of(reply)]
        errors += [from_refusal(refusal) for refusal in refused]
        if len(errors) == len(job.calls):
            raise errors[0]
        found = [image for reply in replies for image in images_of(reply)]
        await asyncio.gather(*(_convert(image, told.request) for image in found))
        data = await self._data(found, told.request)
        counted = job.usage.known and job.usage.completion
        length = 0 if counted else length_of(len(found))
        usage = job.usage if counted else job.estimated(length)
        formats = [format_of(image) for image in found]
        answer = to_images(told, data, formats, usage, replies, [error.body() for error in errors])
        job.settle(characters=length)
        return Answer(answer)

    async def _data(self, images: list[InlineData], request: ImageOptions) -> list[dict[str, str]]:
        """The images themselves, or links to them."""
        if not self._wants_links(request):
            return [{"b64_json": image.data} for image in images]
        decoded = [(f"image/{format_of(image)}", _decoded(image)) for image in images]
        try:
            kept = await in_db(kept_images.keep, self.caller.user_id, decoded)
        except kept_images.NoRoom:
            raise InvalidRequest(
                "The images are too large to be kept for links: ask with response_format b64_json.",
                param="response_format",
                code="unsupported_value",
            ) from None
        asked = self.request._request
        return [{"url": to_link(asked, one, kind)} for one, (kind, _) in zip(kept, decoded, strict=True)]

    def _wants_links(self, request: ImageOptions) -> bool:
        """As OpenAI's models do: `dall-e-*` answer with links unless told otherwise, the others with the images."""
        wanted = request.response_format
        named = (request.model or "").startswith("dall-e")
        return wanted == "url" or (wanted is None and named and self._serves_links())

    def _serves_links(self) -> bool:
        """Not in a batch: they would be over before anybody reads its results."""
        return settings.IMAGE_LINK_SECONDS > 0 and not self.caller.in_batch


class ImageGenerations(_ImagesView):
    """Words in, images out."""

    endpoint = "images.generations"
    origins = all_in("prompt")
    kind = "image_generation"

    async def post(self, request: Request) -> Response:
        """Validate, translate, ask, answer."""
        return await self.drawn(ImageTranslation(decode(await self.body(), _generation)))


class ImageEdits(_ImagesView):
    """Images and words in, images out."""

    endpoint = "images.edits"
    origins = all_in("prompt")
    kind = "image_edit"

    async def post(self, request: Request) -> Response:
        """Validate, translate, ask, answer: a form, or JSON that names its images by their addresses."""
        asked: ImageEditForm | ImageEditRequest
        mask: bytes | None
        first: bytes | None
        if is_form(self.request._request):
            asked = convert(await self.form(), ImageEditForm)
            mask = asked.mask.data if asked.mask else None
            first = uploads(asked)[0].data
        else:
            asked = decode(await self.body(), _edit)
            await self._have_files(asked)
            mask = _mask_of(asked.mask) if asked.mask else None
            first = _bytes_of(asked.images[0], "images[0]") if mask else None
        return await self.drawn(ImageTranslation(asked, None if mask is None else await _plain(mask, first)))

    async def _have_files(self, asked: ImageEditRequest) -> None:
        """Put the caller's own files in the place of their ids."""
        places = [(image, f"images[{index}]") for index, image in enumerate(asked.images)]
        places += [(asked.mask, "mask")] if asked.mask else []
        kept = [(image, image.file_id, path) for image, path in places if image.file_id and not image.image_url]
        if not kept:
            return
        named = [(file_id, f"{path}.file_id") for _, file_id, path in kept]
        documents = (await documents_of(self.caller.user_id, named)).by_id
        for image, file_id, _ in kept:
            data = base64.b64encode(documents[file_id].content).decode()
            image.image_url = f"data:application/octet-stream;base64,{data}"


class ImageVariations(_ImagesView):
    """An image in, others like it out."""

    endpoint = "images.variations"
    origins = all_in("image")
    content = "image"

    async def post(self, request: Request) -> Response:
        """Validate, translate, ask, answer."""
        return await self.drawn(ImageTranslation(to_edit(convert(await self.form(), ImageVariationForm))))


class _ConvertedEvents(ImageEvents):
    """The same events, their images in the format that was asked for."""

    async def read(self, first_choice: int, reply: Reply) -> bytes:  # type: ignore[override]
        """The images that a reply brings."""
        for image in images_of(reply):
            await _convert(image, self.told.request)
        return super().read(first_choice, reply)


async def _convert(image: InlineData, request: ImageOptions) -> None:
    """Give an image the format that was asked for, if it has another. Raises UpstreamError."""
    wanted = request.output_format
    if wanted is None or format_of(image) == wanted:
        return
    try:
        converted = await imaging.convert(_decoded(image), wanted, request.output_compression)
    except imaging.Unreadable:
        raise UpstreamError("Gemini's image could not be read, so it was not converted.") from None
    image.mimeType, image.data = f"image/{wanted}", base64.b64encode(converted).decode()


def _decoded(image: InlineData) -> bytes:
    try:
        return base64.b64decode(image.data, validate=True)
    except ValueError:
        raise UpstreamError("Gemini's image could not be read.") from None


def _bytes_of(image: ImageReference, path: str) -> bytes | None:
    """The image of a data URL; None for one that Gemini is to fetch."""
    url = address(image, path)
    return base64.b64decode(data_of(url, path)) if url[:5].lower() == "data:" else None


def _mask_of(mask: ImageReference) -> bytes:
    data = _bytes_of(mask, "mask")
    if data is None:
        raise InvalidRequest(
            "Send the mask as a data URL: it is not fetched from here.",
            param="mask.image_url",
            code="unsupported_value",
        )
    return data


async def _plain(mask: bytes, first: bytes | None) -> Part:
    try:
        plain = await imaging.plain_mask(mask, first)
    except imaging.Unreadable as why:
        raise InvalidRequest(f"Invalid 'mask': {why}", param="mask", code="invalid_value") from None
    return {"inlineData": {"mimeType": "image/png", "data": base64.b64encode(plain).decode()}}

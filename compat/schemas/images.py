"""Requests for images, changed images and variations, as OpenAI's clients send them. Unknown members are ignored."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from compat.schemas.uploads import Upload

DEFAULT_MODEL = "gpt-image-1"
DEFAULT_VARIATION_MODEL = "dall-e-2"
Prompt = Annotated[str, Meta(min_length=1, max_length=32_000)]
Quality = Literal["auto", "low", "medium", "high", "standard", "hd", "xhigh", "max"]
Format = Literal["png", "jpeg", "webp"]


class ImageOptions(Struct, kw_only=True):
    """What both endpoints take."""

    prompt: Prompt
    model: Annotated[str, Meta(min_length=1, max_length=256)] | None = None
    n: Annotated[int, Meta(ge=1, le=10)] | None = None
    size: Annotated[str, Meta(max_length=32)] | None = None
    quality: Quality | None = None
    response_format: Literal["url", "b64_json"] | None = None
    output_format: Format | None = None
    output_compression: Annotated[int, Meta(ge=0, le=100)] | None = None
    background: Literal["transparent", "opaque", "auto"] | None = None
    moderation: Literal["low", "auto"] | None = None
    stream: bool | None = None
    partial_images: Annotated[int, Meta(ge=0, le=3)] | None = None
    user: Annotated[str, Meta(max_length=1024)] | None = None


class ImageRequest(ImageOptions, kw_only=True):
    """An image to be drawn from words."""

    style: Literal["vivid", "natural"] | None = None


class ImageReference(Struct):
    """An image to start from: a data URL, an https URL, or a file of the caller's own."""

    image_url: str | None = None
    file_id: str | None = None


class ImageEditRequest(ImageOptions, kw_only=True):
    """Images to be changed by words, as JSON."""

    images: Annotated[list[ImageReference], Meta(min_length=1, max_length=16)]
    mask: ImageReference | None = None
    input_fidelity: Literal["high", "low"] | None = None


class ImageEditForm(ImageOptions, kw_only=True):
    """The same as a form (multipart/form-data): `image` is a file, or `image[]` several."""

    image: Upload | Annotated[list[Upload], Meta(min_length=1, max_length=16)]
    mask: Upload | None = None
    input_fidelity: Literal["high", "low"] | None = None


class ImageVariationForm(Struct, kw_only=True):
    """One image, as a form, from which others are drawn without a word."""

    image: Upload
    model: Annotated[str, Meta(min_length=1, max_length=256)] | None = None
    n: Annotated[int, Meta(ge=1, le=10)] | None = None
    size: Annotated[str, Meta(max_length=32)] | None = None
    response_format: Literal["url", "b64_json"] | None = None
    user: Annotated[str, Meta(max_length=1024)] | None = None

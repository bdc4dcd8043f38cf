"""Images as bytes: another format, and a mask made plain. Pillow is loaded with the first that needs it.

Both are done off the event loop, two at a time: an image of some megabytes takes a hundred while it is worked on.
"""

import asyncio
import io
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image

# Gemini's largest is 4096 by 4096; a file of a few bytes may claim to be any size.
MOST_PIXELS = 25_000_000
_threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="imaging")
_READ = ("PNG", "JPEG", "WEBP")


class Unreadable(Exception):
    """The bytes are not the image that they should be; the message says why."""


async def convert(data: bytes, wanted: str, compression: int | None) -> bytes:
    """The image as png, jpeg or webp; `compression` is the quality of the latter two in per cent, as OpenAI's.

    Raises Unreadable.
    """
    return await asyncio.get_running_loop().run_in_executor(_threads, _convert, data, wanted, compression)


async def plain_mask(data: bytes, first: bytes | None) -> bytes:
    """A mask of OpenAI's, whose transparent pixels are to be changed, as a png that is white there and black elsewhere.

    `first` is the image that it masks, where that is at hand. Raises Unreadable, also for a mask without transparency or
    of another size.
    """
    return await asyncio.get_running_loop().run_in_executor(_threads, _plain_mask, data, first)


def _convert(data: bytes, wanted: str, compression: int | None) -> bytes:
    image = _opened(data)
    written = io.BytesIO()
    if wanted == "png":
        image.save(written, "PNG")
    else:
        plain = image.convert("RGB") if wanted == "jpeg" else image
        plain.save(written, wanted.upper(), quality=100 if compression is None else compression)
    return written.getvalue()


def _plain_mask(data: bytes, first: bytes | None) -> bytes:
    mask = _opened(data)
    if not mask.has_transparency_data:
        raise Unreadable("It needs an alpha channel, which is transparent where the image is to be changed.")
    if first is not None and _opened(first).size != mask.size:
        raise Unreadable("It must be as large as the first image.")
    written = io.BytesIO()
    alpha = mask.convert("RGBA").getchannel("A")
    alpha.point([255] + [0] * 255).save(written, "PNG")
    return written.getvalue()


def _opened(data: bytes) -> "Image":
    from PIL import Image, UnidentifiedImageError

    try:
        image = Image.open(io.BytesIO(data), formats=_READ)
        if image.width * image.height > MOST_PIXELS:
            raise Unreadable(f"It is too large: at most {MOST_PIXELS // 1_000_000} million pixels are taken.")
        image.load()
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        raise Unreadable("It cannot be read: only png, jpeg and webp are.") from None
    return image

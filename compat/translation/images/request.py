"""A request for images → the body of generateContent, built anew for each model that is asked."""

from collections.abc import Sequence
from typing import Any

from compat.schemas.images import (
    DEFAULT_MODEL,
    DEFAULT_VARIATION_MODEL,
    ImageEditForm,
    ImageEditRequest,
    ImageOptions,
    ImageReference,
    ImageRequest,
    ImageVariationForm,
)
from compat.schemas.uploads import Upload
from compat.translation.content import Part, to_image, uploaded_image
from compat.translation.families import Family, family_of
from compat.translation.images.sizes import is_huge, read_size, to_image_config
from compat.translation.parameters import Fate
from compat.translation.refusals import Untranslatable

IMAGE_PARAMETERS: dict[str, Fate] = {
    "prompt": Fate("mapped", "the text of the only turn"),
    "model": Fate("mapped", f"the model mapping's targets that draw; `{DEFAULT_MODEL}` when absent"),
    "n": Fate("mapped", "as many calls at once, 10 at most, 4 of the largest size; see *Several images*"),
    "size": Fate("mapped", "imageConfig.aspectRatio and imageSize, the nearest that the model has; see *Sizes*"),
    "quality": Fate("mapped", "high, hd, xhigh, max without a size: imageSize 2K where the model has it; else ignored"),
    "response_format": Fate("mapped", "b64_json, or url: a link of ours; when absent url for `dall-e-*` alone"),
    "output_format": Fate(
        "mapped", "the image is converted where Gemini made another; when absent it is as Gemini made it"
    ),
    "output_compression": Fate("mapped", "the quality of a jpeg or webp that is converted"),
    "background": Fate("mapped", "transparent is refused: Gemini's models paint one"),
    "stream": Fate("mapped", "image_generation.completed, image_edit.completed"),
    "style": Fate("mapped", "vivid and natural: a sentence behind the prompt"),
    "image": Fate("mapped", "inlineData before the prompt; 16 at most (`image[]`)"),
    "images": Fate("mapped", "the same by data URL, public https URL, or file_id"),
    "mask": Fate("mapped", "a black and white image behind the others, and a sentence: Gemini takes it for a hint"),
    "partial_images": Fate("ignored", "Gemini sends none"),
    "moderation": Fate("ignored", "Gemini's own filter decides"),
    "input_fidelity": Fate("ignored", ""),
    "user": Fate("ignored", "its type is checked; a token that tells sub-users keeps a hash of it with the usage"),
}

# Of the largest images; ten of them would take half a gigabyte here.
_MOST_HUGE = 4
# What an image of a prompt counts for in an estimate of its tokens, in characters.
_CHARACTERS_OF_AN_IMAGE = 1_000
_STYLES = {
    "vivid": "Style: vivid, hyper-real and dramatic.",
    "natural": "Style: natural, not hyper-real.",
}
_MASKED = (
    "The last image is a mask of the first: change the first one only where the mask is white, "
    "and leave it as it is where the mask is black."
)
_VARIED = "Draw a variation of this image: the same subject in the same style, composed anew."


class ImageTranslation:
    """One request, checked once. `mask` is the image of the mask: white where the first image is to be changed.

    Raises Untranslatable for what no model could be asked.
    """

    def __init__(self, request: ImageOptions, mask: Part | None = None) -> None:
        refuse_transparency(request.background, "background")
        self.request = request
        self.model = request.model or DEFAULT_MODEL
        self._size = read_size(request.size)
        if is_huge(self._size) and (request.n or 1) > _MOST_HUGE:
            raise Untranslatable(
                f"Invalid 'n': at most {_MOST_HUGE} images of that size at once.", "n", "integer_above_max_value"
            )
        self._mask = mask
        # An upload is the same for every model; what a reference becomes differs.
        self._uploads = _to_parts(uploads(request)) if isinstance(request, ImageEditForm) else []
        self._addresses = _addresses(request) if isinstance(request, ImageEditRequest) else []

    def to_body(self, model: str, _: int) -> dict[str, Any]:
        """The body for a Gemini model that draws: one image a call."""
        family = family_of(model)
        request = self.request
        parts = [*self._images(family), *([self._mask] if self._mask else []), {"text": self._words()}]
        config: dict[str, Any] = {"responseModalities": ["IMAGE"]}
        if image_config := to_image_config(self._size, request.quality, family):
            config["imageConfig"] = image_config
        return {"contents": [{"role": "user", "parts": parts}], "generationConfig": config}

    @property
    def prompt_characters(self) -> int:
        """A rough size of the prompt, for estimates."""
        request = self.request
        images = len(self._uploads) + len(self._addresses) + bool(self._mask)
        return len(request.prompt) + _CHARACTERS_OF_AN_IMAGE * images

    def _images(self, family: Family) -> list[Part]:
        named = enumerate(self._addresses)
        return self._uploads or [to_image(url, f"images[{index}].image_url", family) for index, url in named]

    def _words(self) -> str:
        request = self.request
        style = _STYLES.get(request.style or "") if isinstance(request, ImageRequest) else None
        return "\n\n".join(filter(None, (request.prompt, style, _MASKED if self._mask else None)))


def to_edit(asked: ImageVariationForm) -> ImageEditForm:
    """A variation as the edit that it is to a model of Gemini's."""
    return ImageEditForm(
        prompt=_VARIED,
        image=asked.image,
        model=asked.model or DEFAULT_VARIATION_MODEL,
        n=asked.n,
        size=asked.size,
        response_format=asked.response_format,
        user=asked.user,
    )


def drawing(targets: Sequence[str], model: str) -> tuple[str, ...]:
    """The targets that draw. Raises Untranslatable when none does."""
    found = tuple(target for target in targets if family_of(target).images)
    if not found:
        raise Untranslatable(
            f"The model `{model[:100]}` does not draw: ask an image model, such as `{DEFAULT_MODEL}`.",
            "model",
            "unsupported_value",
        )
    return found


def uploads(request: ImageEditForm) -> list[Upload]:
    """The images of a form."""
    return request.image if isinstance(request.image, list) else [request.image]


def address(image: ImageReference, path: str) -> str:
    """Where a referenced image is. Raises Untranslatable for one that has no address."""
    if image.image_url is None:
        raise Untranslatable(
            "Send the image in image_url, or name a file of yours in file_id.",
            f"{path}.image_url",
            "missing_required_parameter",
        )
    return image.image_url


def _addresses(request: ImageEditRequest) -> list[str]:
    return [address(image, f"images[{index}]") for index, image in enumerate(request.images)]


def _to_parts(images: list[Upload]) -> list[Part]:
    return [
        uploaded_image(image.data, image.content_type, "image" if len(images) == 1 else f"image[{index}]")
        for index, image in enumerate(images)
    ]


def refuse_transparency(background: str | None, path: str) -> None:
    """Raise Untranslatable where no background is wanted."""
    if background == "transparent":
        raise Untranslatable(
            "Gemini's models paint a background always: leave it out, or send 'opaque' or 'auto'.",
            path,
            "unsupported_value",
        )

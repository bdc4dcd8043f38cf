"""The words of the API document for images."""

from compat import errors
from compat.openapi.operation import ASKING, FORM, Operation
from compat.schemas import image_answers
from compat.schemas.images import ImageEditForm, ImageEditRequest, ImageRequest, ImageVariationForm

_STREAM = (
    "With `stream: true` each image is one event when it is there, named by its type; Gemini sends no partial images. An "
    "error after the first event is an event `error`."
)

IMAGES: dict[tuple[str, str], Operation] = {
    ("/images/generations", "POST"): Operation(
        name="createImage",
        group="Images",
        summary="Draw images from words",
        description="Images by Gemini's image models, one call each. Where some come and others fail, the answer holds those "
        f"that came, and `errors`. {_STREAM}",
        request=ImageRequest,
        example={"model": "gpt-image-1", "prompt": "A lighthouse at dusk, as a woodcut", "size": "1024x1024"},
        answer=image_answers.Images,
        event=image_answers.ImageEvent,
        errors=ASKING,
    ),
    ("/images/edits", "POST"): Operation(
        name="createImageEdit",
        group="Images",
        summary="Change images by words",
        description="The same with images to start from: as JSON by their addresses, or as a form with the files, `image` or "
        f"`image[]`. A mask is a hint to Gemini, not a border. {_STREAM}",
        request=ImageEditRequest,
        form=ImageEditForm,
        example={
            "model": "gpt-image-1",
            "prompt": "Put a hat on the cat",
            "images": [{"image_url": "https://example.com/cat.png"}],
        },
        answer=image_answers.Images,
        event=image_answers.ImageEvent,
        errors=ASKING,
    ),
    ("/images/variations", "POST"): Operation(
        name="createImageVariation",
        group="Images",
        summary="Draw an image anew",
        description="Variations of an image, by the same models as edits, which are asked for one in our words. The answer comes "
        "whole.",
        request=ImageVariationForm,
        takes=FORM,
        example={"image": "@cat.png", "n": 2, "size": "1024x1024"},
        answer=image_answers.Images,
        errors=ASKING,
    ),
    ("/images/files/{name}", "GET"): Operation(
        name="retrieveImageFile",
        group="Images",
        summary="Open the link to an image",
        description="What `response_format: url` answers leads here. The link alone opens the image, for an hour at most, and no "
        "token is needed. This route is ours, not OpenAI's.",
        answer=bytes,
        gives="image/png",
        errors=(errors.LinkOver, errors.InternalError, errors.StorageUnavailable),
        needs_token=False,
        parameters=(
            {
                "name": "name",
                "in": "path",
                "required": True,
                "description": "The image's name in the link.",
                "schema": {"type": "string"},
                "example": "5f0c….png",
            },
            *(
                {"name": name, "in": "query", "required": True, "description": words, "schema": {"type": "string"}}
                for name, words in (
                    ("expires", "Unix seconds at which the link ends."),
                    ("key", "What the image is sealed with; kept nowhere else."),
                    ("signature", "Of all the others."),
                )
            ),
        ),
    ),
}

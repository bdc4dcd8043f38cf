"""Requests for images → Gemini's, and replies → OpenAI's words."""

import base64
import json

import msgspec
import pytest

from compat.schemas.chat import ChatRequest, ImageConfig
from compat.schemas.gemini import Reply
from compat.schemas.images import ImageEditForm, ImageEditRequest, ImageRequest, ImageVariationForm
from compat.schemas.uploads import Upload
from compat.simulator.validation import violations
from compat.translation.chat.request import ChatTranslation
from compat.translation.families import family_of
from compat.translation.images.answer import ImageEvents, Told, images_of, to_images, without_image
from compat.translation.images.request import IMAGE_PARAMETERS, ImageTranslation, drawing
from compat.translation.images.sizes import chosen_image_config, read_size, to_image_config
from compat.translation.refusals import Untranslatable
from compat.translation.usage import Usage
from tests.gemini_replies import reply
from tests.live.openapi import check

FLASH, PRO, LITE, OLD = (
    "gemini-3.1-flash-image",
    "gemini-3-pro-image",
    "gemini-3.1-flash-lite-image",
    "gemini-2.5-flash-image",
)
PNG = b"\x89PNG\r\n\x1a\n" + bytes(16)
DATA_URL = "data:image/png;base64," + base64.b64encode(PNG).decode()
INLINE = {"inlineData": {"mimeType": "image/png", "data": base64.b64encode(PNG).decode()}}


def body(request, model=FLASH, mask=None):
    made = ImageTranslation(request, mask).to_body(model, 1)
    assert not violations(model, made) if model != OLD else True
    return made


def parts(request, **more):
    return body(request, **more)["contents"][0]["parts"]


SIZES = [
    # What is asked for: the shape, and the size by family: 3.1 flash, 3 pro, 2.5.
    ("1024x1024", "1:1", "1K", "1K"),
    ("1536x1024", "3:2", "1K", "1K"),
    ("1024x1536", "2:3", "1K", "1K"),
    ("1792x1024", "16:9", "1K", "1K"),
    ("1024x1792", "9:16", "1K", "1K"),
    ("256x256", "1:1", "512", "1K"),
    ("512x512", "1:1", "512", "1K"),
    ("2048x2048", "1:1", "2K", "2K"),
    ("3840x2160", "16:9", "2K", "2K"),
    ("4096x4096", "1:1", "4K", "4K"),
    ("1536x864", "16:9", "1K", "1K"),
    ("1024x1280", "4:5", "1K", "1K"),
    ("99999x10", "21:9", "1K", "1K"),
]


@pytest.mark.parametrize(("size", "ratio", "flash", "pro"), SIZES)
def test_a_size_becomes_the_nearest_that_the_model_has(size, ratio, flash, pro):
    if size != "99999x10":
        assert to_image_config(read_size(size), None, family_of(FLASH)) == {"aspectRatio": ratio, "imageSize": flash}
    assert to_image_config(read_size(size), None, family_of(PRO)) == {"aspectRatio": ratio, "imageSize": pro}
    assert to_image_config(read_size(size), None, family_of(OLD)) == {"aspectRatio": ratio}


def test_the_longest_shapes_are_those_of_the_newest_models():
    assert to_image_config((4096, 1024), None, family_of(FLASH))["aspectRatio"] == "4:1"
    assert to_image_config((512, 4096), None, family_of(FLASH))["aspectRatio"] == "1:8"


@pytest.mark.parametrize("size", [None, "auto"])
@pytest.mark.parametrize(
    ("quality", "config"),
    [
        (None, {}),
        ("auto", {}),
        ("low", {}),
        ("standard", {}),
        ("high", {"imageSize": "2K"}),
        ("hd", {"imageSize": "2K"}),
    ],
)
def test_without_a_size_the_quality_chooses_it(size, quality, config):
    assert to_image_config(read_size(size), quality, family_of(PRO)) == config
    assert to_image_config(read_size(size), quality, family_of(OLD)) == {}


@pytest.mark.parametrize("size", ["", "big", "1024", "0x0", "1024X1024", "1024x1024 ", "-1x5", "1x1", "١٠٢٤x١٠٢٤"])
def test_what_is_no_size_is_refused(size):
    with pytest.raises(Untranslatable) as caught:
        ImageTranslation(ImageRequest(prompt="A cat", size=size))
    assert (caught.value.param, caught.value.code) == ("size", "invalid_value")


@pytest.mark.parametrize("model", [FLASH, PRO, LITE, OLD])
def test_words_become_a_turn_that_wants_an_image_alone(model):
    request = ImageRequest(prompt="A cat", size="1536x1024", quality="high")
    made = body(request, model)
    assert made["contents"] == [{"role": "user", "parts": [{"text": "A cat"}]}]
    assert made["generationConfig"]["responseModalities"] == ["IMAGE"]
    assert made["generationConfig"]["imageConfig"]["aspectRatio"] == "3:2"


@pytest.mark.parametrize("style", ["vivid", "natural"])
def test_a_style_is_said_in_words(style):
    [part] = parts(ImageRequest(prompt="A cat", style=style))
    assert part["text"].startswith("A cat\n\n") and style in part["text"]


@pytest.mark.parametrize(
    "request_",
    [
        ImageEditForm(prompt="A hat", image=Upload("a.png", "image/jpeg", PNG)),
        ImageEditForm(prompt="A hat", image=[Upload("a.png", "", PNG)]),
        msgspec.convert({"prompt": "A hat", "images": [{"image_url": DATA_URL}]}, ImageEditRequest),
    ],
    ids=["a file", "files", "JSON"],
)
def test_images_come_before_the_words(request_):
    assert parts(request_) == [INLINE, {"text": "A hat"}]


def test_a_mask_comes_last_and_is_explained():
    given, mask, words = parts(ImageEditForm(prompt="A hat", image=Upload("a", "", PNG)), mask=INLINE)
    assert given == mask == INLINE
    assert words["text"].startswith("A hat\n\n") and "mask" in words["text"]


@pytest.mark.parametrize(
    ("images", "param", "code"),
    [
        ([{"image_url": DATA_URL}, {}], "images[1].image_url", "missing_required_parameter"),
        ([{"image_url": "http://127.0.0.1/a.png"}], "images[0].image_url", "remote_images_disabled"),
        ([{"image_url": "data:image/svg+xml;base64,PHN2Zy8+"}], "images[0].image_url", "invalid_value"),
    ],
)
def test_images_that_cannot_be_had_are_refused(images, param, code):
    with pytest.raises(Untranslatable) as caught:
        body(msgspec.convert({"prompt": "A hat", "images": images}, ImageEditRequest))
    assert (caught.value.param, caught.value.code) == (param, code)


def test_only_models_that_draw_are_asked():
    assert drawing(("gemini-3.8-flash", FLASH, PRO), "x") == (FLASH, PRO)
    with pytest.raises(Untranslatable) as caught:
        drawing(("gemini-3.8-flash",), "gpt-4o")
    assert (caught.value.param, caught.value.code) == ("model", "unsupported_value")


def test_every_member_has_its_fate_and_no_other():
    members = {
        field
        for struct in (ImageRequest, ImageEditRequest, ImageEditForm, ImageVariationForm)
        for field in struct.__struct_fields__
    }
    assert members == set(IMAGE_PARAMETERS)


# --- In a chat --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("chosen", "config"),
    [
        ({"aspect_ratio": "16:9", "image_size": "2K"}, {"aspectRatio": "16:9", "imageSize": "2K"}),
        ({"aspect_ratio": "21:9"}, {"aspectRatio": "21:9"}),
        ({"size": "1024x1536"}, {"aspectRatio": "2:3", "imageSize": "1K"}),
        ({"size": "auto", "quality": "high"}, {"imageSize": "2K"}),
        ({}, {}),
    ],
)
def test_a_chat_shapes_its_images(chosen, config):
    assert chosen_image_config(ImageConfig(**chosen), family_of(FLASH)) == config


@pytest.mark.parametrize(
    ("chosen", "param"),
    [({"aspect_ratio": "2:1"}, "aspect_ratio"), ({"image_size": "8K"}, "image_size"), ({"size": "x"}, "size")],
)
def test_a_shape_that_no_model_draws_is_refused(chosen, param):
    with pytest.raises(Untranslatable) as caught:
        chosen_image_config(ImageConfig(**chosen), family_of(FLASH))
    assert caught.value.param == f"image_config.{param}"


def conversation(images):
    messages = [
        {"role": "user", "content": "A cat"},
        {"role": "assistant", "content": "Here:", "images": images},
        {"role": "user", "content": "With a hat"},
    ]
    return msgspec.convert({"model": "x", "messages": messages}, ChatRequest)


def contents(chat, model):
    made = ChatTranslation(chat, lambda call_id, generation: None).to_body(model, 1)
    assert not violations(model, made)
    return [(content["role"], content["parts"]) for content in made["contents"]]


def test_an_image_of_an_earlier_answer_is_seen_by_a_model_that_draws():
    chat = conversation([{"index": 0, "type": "image_url", "image_url": {"url": DATA_URL}}])
    before = [("user", [{"text": "A cat"}]), ("model", [{"text": "Here:"}])]
    drawn = [{"text": "The image that you drew:"}, INLINE]
    assert contents(chat, FLASH) == [*before, ("user", [*drawn, {"text": "With a hat"}])]
    assert contents(chat, "gemini-3.8-flash") == [*before, ("user", [{"text": "With a hat"}])]


@pytest.mark.parametrize("images", [None, [], "x", ["x"], [{"type": "image"}], {"a": 1}])
def test_images_of_another_shape_are_passed_over(images):
    assert len(contents(conversation(images), FLASH)[2][1]) == 1


# --- Answers ----------------------------------------------------------------------------------------------

USAGE = {
    "promptTokenCount": 263,
    "candidatesTokenCount": 1_130,
    "totalTokenCount": 1_393,
    "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 5}, {"modality": "IMAGE", "tokenCount": 258}],
    "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 1_120}],
}


def read(*given, **more):
    return msgspec.convert(reply(*given, **more), Reply)


def told(**members):
    return Told(ImageRequest(prompt="A cat", **members), 1_700_000_000)


def events(text):
    return [json.loads(event.split("\ndata: ")[1]) for event in text.decode().split("\n\n") if event]


def test_an_answer_tells_what_is_true_of_its_images():
    drawn = read(INLINE, usage=USAGE)
    answer = json.loads(
        to_images(
            told(size="1024x1024", quality="high"), [{"b64_json": "aW1n"}], ["png"], Usage().merged(drawn.usageMetadata),
            [drawn], [],
        )
    )  # fmt: skip
    check(answer, "ImagesResponse")
    assert answer == {
        "created": 1_700_000_000,
        "data": [{"b64_json": "aW1n"}],
        "background": "opaque",
        "output_format": "png",
        "size": "1024x1024",
        "quality": "high",
        "usage": {
            "input_tokens": 263,
            "output_tokens": 1_130,
            "total_tokens": 1_393,
            "input_tokens_details": {"image_tokens": 258, "text_tokens": 5},
            "output_tokens_details": {"image_tokens": 1_120, "text_tokens": 10},
        },
    }


def test_what_is_not_known_of_every_image_is_not_told():
    answer = json.loads(
        to_images(told(size="1536x1024"), [{"url": "https://x/"}] * 2, ["png", "jpeg"], Usage(), [], [])
    )
    check(answer, "ImagesResponse")
    assert not {"size", "quality", "output_format", "errors"} & set(answer)


def test_images_that_are_only_thought_of_are_no_answer():
    assert images_of(read({**INLINE, "thought": True}, "text")) == []
    assert [image.mimeType for image in images_of(read("Here:", INLINE))] == ["image/png"]


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        ("IMAGE_SAFETY", "moderation_blocked"),
        ("IMAGE_PROHIBITED_CONTENT", "moderation_blocked"),
        ("IMAGE_RECITATION", "moderation_blocked"),
        ("SAFETY", "moderation_blocked"),
        ("NO_IMAGE", "no_image"),
        ("IMAGE_OTHER", "no_image"),
        ("STOP", "no_image"),
        ("OF_TOMORROW", "no_image"),
    ],
)
def test_an_answer_without_an_image_says_why(reason, code):
    refusal = without_image(read("I would rather not.", finish=reason))
    assert refusal.code == code and reason in refusal.message
    assert "rather" not in refusal.message, "no text of the upstream's is passed on"


@pytest.mark.parametrize(
    ("kind", "schema"), [("image_generation", "ImageGenStreamEvent"), ("image_edit", "ImageEditStreamEvent")]
)
def test_a_stream_has_an_event_for_each_image_when_it_is_there(kind, schema):
    writer = ImageEvents(kind, told())
    assert writer.read(0, read({"text": "Here:"}, finish=None, usage={})) == b""
    [first] = events(writer.read(0, read(INLINE, finish=None, usage=USAGE)))
    assert writer.unfinished()
    assert writer.read(0, read("", usage=USAGE)) == b""
    [second] = events(writer.read(1, read(INLINE, usage=USAGE)))
    assert writer.close(Usage()) == b"" and not writer.unfinished()
    for event in (first, second):
        check(event, schema)
        assert event["type"] == f"{kind}.completed"
        assert base64.b64decode(event["b64_json"]) == PNG
        assert event["usage"]["total_tokens"] == 1_393


def test_a_stream_that_drew_nothing_says_why_at_its_end():
    writer = ImageEvents("image_generation", told())
    assert writer.read(0, read(finish="IMAGE_SAFETY")) == b""
    with pytest.raises(Untranslatable) as caught:
        writer.close(Usage())
    assert caught.value.code == "moderation_blocked"


def test_an_error_in_a_stream_is_an_event_of_its_own():
    text = ImageEvents("image_generation", told()).error(
        {"message": "m", "type": "t", "param": None, "code": None}, 502
    )
    assert text.startswith(b"event: error\ndata: ")
    assert events(text)[0]["error"]["message"] == "m"

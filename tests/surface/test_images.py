"""Images through the whole app: what is asked upstream, what is answered and charged, forms, masks, and bad requests."""

import base64
import io
import json

import httpx
import pytest
from PIL import Image

from accounts import files
from accounts.in_db import in_db
from accounts.issuing import issue_token
from accounts.models import User
from compat.gemini.failures import failure_of
from compat.simulator.media import image
from tests.live.openapi import check

MODEL = "gemini-3.1-flash-image"
GENERATIONS, EDITS, VARIATIONS = "/v1/images/generations", "/v1/images/edits", "/v1/images/variations"
USAGE = {
    "promptTokenCount": 263,
    "candidatesTokenCount": 1_120,
    "totalTokenCount": 1_383,
    "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 5}, {"modality": "IMAGE", "tokenCount": 258}],
    "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 1_120}],
}
DRAWN = {"inlineData": image({}), "thoughtSignature": "c2lnbg==" * 1_000}


def reply(*parts, finish="STOP"):
    return {
        "candidates": [{"content": {"role": "model", "parts": list(parts)}, "finishReason": finish}],
        "usageMetadata": USAGE,
    }


def picture(kind="PNG", size=(8, 8), colour=(0, 0, 0, 0), mode="RGBA"):
    written = io.BytesIO()
    Image.new(mode, size, colour if mode == "RGBA" else colour[:3]).save(written, kind)
    return written.getvalue()


def opened(answered, place=0):
    data = base64.b64decode(answered.json["data"][place]["b64_json"])
    return Image.open(io.BytesIO(data))


@pytest.fixture
def site(site):
    site.gemini.reply = reply(DRAWN)
    return site


async def generate(site, **members):
    return await site.ask(GENERATIONS, json.dumps({"model": MODEL, "prompt": "A cat", **members}).encode())


async def edit(site, data, files):
    form = httpx.Request("POST", "http://x/", data={"model": MODEL, "prompt": "A hat", **data}, files=files)
    headers = (("content-type", form.headers["content-type"]),)
    return await site.ask(EDITS, form.read(), headers=headers, pieces=5)


async def test_words_become_an_image_and_are_charged(site):
    answered = await generate(site, size="1024x1024")
    assert answered.status == 200
    check(answered.json, "ImagesResponse")
    assert opened(answered).size == (1024, 1024)
    assert answered.json["usage"]["input_tokens_details"] == {"image_tokens": 258, "text_tokens": 5}
    [(method, model, _, body)] = site.gemini.calls
    assert (method, model, body["store"]) == ("generateContent", MODEL, False)
    [record] = await site.records()
    assert (record.endpoint, record.status, record.total_tokens) == ("images.generations", 200, 1_383)
    assert answered.headers["x-request-id"] == f"req_{record.pk.hex}"
    assert "c2lnbg" not in answered.body.decode(), "an image's signature, of a megabyte, stays here"


async def test_each_image_is_a_call_of_its_own_and_all_are_charged(site):
    answered = await generate(site, n=3)
    assert len(answered.json["data"]) == len(site.gemini.calls) == 3
    assert answered.json["usage"]["total_tokens"] == 3 * 1_383
    [record] = await site.records()
    assert record.total_tokens == 3 * 1_383


async def test_images_that_came_are_answered_though_others_were_refused(site, monkeypatch):
    replies = [reply(DRAWN), reply(finish="IMAGE_SAFETY"), reply(DRAWN)]
    generate_usual = site.gemini.generate

    async def generate_in_turn(model, key, body):
        site.gemini.reply = replies[len(site.gemini.calls)]
        return await generate_usual(model, key, body)

    monkeypatch.setattr(site.gemini, "generate", generate_in_turn)
    answered = await generate(site, n=3)
    check(answered.json, "ImagesResponse")
    assert answered.status == 200
    assert len(answered.json["data"]) == 2
    assert [error["code"] for error in answered.json["errors"]] == ["moderation_blocked"]
    [record] = await site.records()
    assert (record.status, record.total_tokens) == (200, 3 * 1_383)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (reply(finish="IMAGE_SAFETY"), "moderation_blocked"),
        (reply(finish="NO_IMAGE"), "no_image"),
        (reply({"text": "I would rather not."}), "no_image"),
        ({"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, "usageMetadata": USAGE}, "moderation_blocked"),
    ],
    ids=["the image is blocked", "no image", "words", "the prompt is blocked"],
)
async def test_what_gemini_does_not_draw_is_a_400_that_no_client_repeats(site, answer, code, stream):
    site.gemini.reply = answer
    answered = await generate(site, stream=stream)
    assert (answered.status, answered.error["code"], answered.error["param"]) == (400, code, "prompt")
    assert answered.error["type"] == "invalid_request_error"
    assert len(site.gemini.calls) == 1
    [record] = await site.records()
    assert (record.status, record.error_code) == (400, code)


async def test_a_failing_upstream_is_told_as_everywhere(site):
    site.gemini.failure = failure_of(503, b"{}")
    answered = await generate(site, n=2)
    assert (answered.status, answered.error["code"]) == (503, "upstream_unavailable")


@pytest.mark.parametrize("n", [None, 2])
async def test_a_stream_has_an_event_for_each_image(site, n):
    answered = await generate(site, stream=True, n=n, partial_images=2, size="1024x1024", response_format="url")
    events = [json.loads(event.split("\ndata: ")[1]) for event in answered.body.decode().split("\n\n") if event]
    assert answered.headers["content-type"].startswith("text/event-stream")
    assert len(events) == (n or 1)
    for event in events:
        check(event, "ImageGenStreamEvent")
        assert event["usage"]["output_tokens_details"] == {"image_tokens": 1_120, "text_tokens": 0}
    [record] = await site.records()
    assert (record.stream, record.total_tokens) == (True, 1_383 * (n or 1))


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("kind", ["png", "jpeg", "webp"])
async def test_an_image_is_converted_to_the_format_that_was_asked_for(site, kind, stream):
    answered = await generate(site, output_format=kind, output_compression=50, stream=stream)
    told = json.loads(answered.body.decode().split("\ndata: ")[1]) if stream else answered.json
    data = base64.b64decode((told if stream else told["data"][0])["b64_json"])
    assert told["output_format"] == kind
    assert Image.open(io.BytesIO(data)).format == kind.upper()


async def test_an_image_that_cannot_be_converted_is_the_upstreams_fault(site):
    broken = {"mimeType": "image/jpeg", "data": base64.b64encode(b"\xff\xd8\xff no more").decode()}
    site.gemini.reply = reply({"inlineData": broken})
    answered = await generate(site, output_format="png")
    assert (answered.status, answered.error["code"]) == (502, "upstream_error")
    assert (await generate(site)).json["data"] == [{"b64_json": broken["data"]}], (
        "as it came, unless asked for otherwise"
    )


@pytest.mark.parametrize("members", [{"output_format": "jpeg"}, {"response_format": "url"}])
async def test_an_image_that_is_no_base64_is_the_upstreams_fault(site, members):
    site.gemini.reply = reply({"inlineData": {"mimeType": "image/png", "data": "<svg>"}})
    answered = await generate(site, **members)
    assert (answered.status, answered.error["code"]) == (502, "upstream_error")


# --- Edits ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["image", "image[]"])
async def test_a_form_brings_images_to_start_from(site, name):
    files = [(name, ("a.png", picture(), "image/png")), (name, ("b.jpg", picture("JPEG", mode="RGB"), "image/jpeg"))]
    answered = await edit(site, {"n": "2", "size": "1024x1024"}, files)
    assert answered.status == 200, answered.body
    check(answered.json, "ImagesResponse")
    assert len(answered.json["data"]) == 2
    [first, second, words] = site.gemini.calls[0][3]["contents"][0]["parts"]
    assert [one["inlineData"]["mimeType"] for one in (first, second)] == ["image/png", "image/jpeg"]
    assert base64.b64decode(first["inlineData"]["data"]) == picture()
    assert words == {"text": "A hat"}
    [record] = await site.records()
    assert record.endpoint == "images.edits"


async def test_a_mask_becomes_white_where_it_is_transparent(site):
    mask = Image.new("RGBA", (8, 8), (9, 9, 9, 255))
    mask.putpixel((3, 4), (0, 0, 0, 0))
    written = io.BytesIO()
    mask.save(written, "PNG")
    files = [("image", ("a.png", picture(), "image/png")), ("mask", ("m.png", written.getvalue(), "image/png"))]
    assert (await edit(site, {}, files)).status == 200
    _, sent, words = site.gemini.calls[0][3]["contents"][0]["parts"]
    plain = Image.open(io.BytesIO(base64.b64decode(sent["inlineData"]["data"])))
    white = [(x, y) for x in range(8) for y in range(8) if plain.getpixel((x, y)) == 255]
    assert (plain.mode, white) == ("L", [(3, 4)])
    assert "mask" in words["text"]


@pytest.mark.parametrize("stream", [False, True])
async def test_json_names_images_by_their_addresses(site, stream):
    url = "data:image/png;base64," + base64.b64encode(picture()).decode()
    images = [{"image_url": url}, {"image_url": "https://example.com/cat.png"}]
    body = {"model": MODEL, "prompt": "A hat", "images": images, "mask": {"image_url": url}, "stream": stream}
    answered = await site.ask(EDITS, json.dumps(body).encode())
    assert answered.status == 200, answered.body
    if stream:
        check(json.loads(answered.body.decode().split("\ndata: ")[1]), "ImageEditStreamEvent")
    parts = site.gemini.calls[0][3]["contents"][0]["parts"]
    assert parts[1] == {"fileData": {"fileUri": "https://example.com/cat.png", "mimeType": "image/png"}}


async def test_json_names_files_of_the_callers_own(site):
    file = await in_db(files.keep, site.user.pk, "cat.png", "vision", [picture()])
    body = {"model": MODEL, "prompt": "A hat", "images": [{"file_id": file.pk}], "mask": {"file_id": file.pk}}
    assert (await site.ask(EDITS, json.dumps(body).encode())).status == 200
    given, mask, _ = site.gemini.calls[0][3]["contents"][0]["parts"]
    assert base64.b64decode(given["inlineData"]["data"]) == picture() and "inlineData" in mask


async def test_a_file_of_another_is_not_there(site):
    bob = await in_db(User.objects.create_user, "bob")
    file = await in_db(files.keep, bob.pk, "cat.png", "vision", [picture()])
    body = {"model": MODEL, "prompt": "A hat", "images": [{"file_id": file.pk}]}
    answered = await site.ask(EDITS, json.dumps(body).encode())
    assert (answered.status, answered.error["param"]) == (404, "images[0].file_id")
    assert await site.untouched()


PNG, WIDE = ("a.png", picture(), "image/png"), ("w.png", picture(size=(9, 8)), "image/png")
PLAIN, TEXT = ("p.png", picture(mode="RGB"), "image/png"), ("a.txt", b"no image", "image/png")
HUGE = ("h.png", base64.b64decode(image({"imageSize": "4K", "aspectRatio": "1:1"})["data"]).replace(
    (4096).to_bytes(4, "big"), (60_000).to_bytes(4, "big")), "image/png")  # fmt: skip
BAD_FORMS = [
    ("no image", {}, [("file", PNG)], "image", "missing_required_parameter"),
    ("a text as image", {"image": "cat.png"}, [("file", PNG)], "image", "invalid_type"),
    ("an image that is none", {}, [("image", TEXT)], "image", "invalid_value"),
    ("one of several that is none", {}, [("image[]", PNG), ("image[]", TEXT)], "image[1]", "invalid_value"),
    ("17 images", {}, [("image[]", PNG)] * 17, "image", "array_above_max_length"),
    ("n as words", {"n": "two"}, [("image", PNG)], "n", "invalid_type"),
    ("n 11", {"n": "11"}, [("image", PNG)], "n", "integer_above_max_value"),
    ("a mask without transparency", {}, [("image", PNG), ("mask", PLAIN)], "mask", "invalid_value"),
    ("a mask of another size", {}, [("image", PNG), ("mask", WIDE)], "mask", "invalid_value"),
    ("a mask that is none", {}, [("image", PNG), ("mask", TEXT)], "mask", "invalid_value"),
    ("a mask of 3,600 million pixels", {}, [("image", PNG), ("mask", HUGE)], "mask", "invalid_value"),
    ("two masks", {}, [("image", PNG), ("mask", PNG), ("mask", PNG)], "mask", "invalid_type"),
]


@pytest.mark.parametrize(
    ("data", "files", "param", "code"), [row[1:] for row in BAD_FORMS], ids=[r[0] for r in BAD_FORMS]
)
async def test_a_bad_form_is_refused_and_harms_nobody(site, data, files, param, code):
    answered = await edit(site, data, files)
    assert (answered.status, answered.error["param"], answered.error["code"]) == (400, param, code), answered.body
    assert await site.untouched()


# --- Variations -------------------------------------------------------------------------------------------


async def vary(site, data, files):
    form = httpx.Request("POST", "http://x/", data=data, files=files)
    headers = (("content-type", form.headers["content-type"]),)
    return await site.ask(VARIATIONS, form.read(), headers=headers)


async def test_an_image_alone_is_drawn_anew_as_often_as_asked(site, image_mappings):
    answered = await vary(site, {"n": "2", "size": "1024x1024"}, [("image", PNG)])
    assert answered.status == 200, answered.body
    check(answered.json, "ImagesResponse")
    assert [set(one) for one in answered.json["data"]] == [{"url"}] * 2, "as dall-e-2 does unless told otherwise"
    assert answered.headers["x-tumbler-model"] == "gemini-3.1-flash-lite-image"
    [given, words] = site.gemini.calls[0][3]["contents"][0]["parts"]
    assert base64.b64decode(given["inlineData"]["data"]) == picture() and "variation" in words["text"]
    [record] = await site.records()
    assert (record.endpoint, record.model) == ("images.variations", "dall-e-2")
    named = await vary(site, {"model": MODEL}, [("image", PNG)])
    assert set(named.json["data"][0]) == {"b64_json"} and named.headers["x-tumbler-model"] == MODEL


@pytest.mark.parametrize(
    ("data", "files", "param", "code"),
    [
        ({"n": "1"}, [("file", PNG)], "image", "missing_required_parameter"),
        ({}, [("image[]", PNG), ("image[]", PNG)], "image", "invalid_type"),
        ({}, [("image", TEXT)], "image", "invalid_value"),
        ({"n": "11"}, [("image", PNG)], "n", "integer_above_max_value"),
        ({"size": "large"}, [("image", PNG)], "size", "invalid_value"),
        ({"response_format": "json"}, [("image", PNG)], "response_format", "invalid_value"),
        ({"model": "gpt-4o"}, [("image", PNG)], "model", "unsupported_value"),
    ],
)
async def test_a_bad_variation_is_refused_and_harms_nobody(site, image_mappings, data, files, param, code):
    answered = await vary(site, data, files)
    assert (answered.status, answered.error["param"], answered.error["code"]) == (400, param, code), answered.body
    assert await site.untouched()


async def test_an_image_that_gemini_will_not_vary_is_told_by_its_member(site):
    site.gemini.reply = {"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": USAGE}
    answered = await vary(site, {"model": MODEL}, [("image", PNG)])
    assert (answered.status, answered.error["param"], answered.error["code"]) == (400, "image", "moderation_blocked")


# --- Bad requests -----------------------------------------------------------------------------------------

BAD = [
    ("no prompt", {"prompt": None}, "prompt", "invalid_type"),
    ("an empty prompt", {"prompt": ""}, "prompt", "string_below_min_length"),
    ("a prompt of 40,000 characters", {"prompt": "x" * 40_000}, "prompt", "string_above_max_length"),
    ("n 0", {"n": 0}, "n", "integer_below_min_value"),
    ("n 11", {"n": 11}, "n", "integer_above_max_value"),
    ("five of the largest", {"n": 5, "size": "4096x4096"}, "n", "integer_above_max_value"),
    ("a size that is none", {"size": "large"}, "size", "invalid_value"),
    ("a size of words", {"size": "x" * 99}, "size", "string_above_max_length"),
    ("a quality that is none", {"quality": "best"}, "quality", "invalid_value"),
    ("another response format", {"response_format": "json"}, "response_format", "invalid_value"),
    ("a gif", {"output_format": "gif"}, "output_format", "invalid_value"),
    ("compression 101", {"output_compression": 101}, "output_compression", "integer_above_max_value"),
    ("four partial images", {"partial_images": 4}, "partial_images", "integer_above_max_value"),
    ("a transparent background", {"background": "transparent"}, "background", "unsupported_value"),
    ("another style", {"style": "cubist"}, "style", "invalid_value"),
    ("stream as text", {"stream": "true"}, "stream", "invalid_type"),
    ("user as object", {"user": {}}, "user", "invalid_type"),
    ("a model that writes", {"model": "gpt-4o"}, "model", "unsupported_value"),
]


@pytest.mark.parametrize(("members", "param", "code"), [row[1:] for row in BAD], ids=[row[0] for row in BAD])
async def test_a_bad_request_is_refused_and_harms_nobody(site, members, param, code):
    answered = await generate(site, **members)
    assert (answered.status, answered.error["param"], answered.error["code"]) == (400, param, code), answered.body
    assert len(answered.body) < 1_000
    assert await site.untouched()


async def test_null_is_as_absent(site):
    names = ("n", "size", "quality", "response_format", "output_format", "output_compression", "background")
    assert (await generate(site, **dict.fromkeys((*names, "moderation", "stream", "style", "user")))).status == 200


async def test_only_edits_take_a_form(site):
    answered = await site.ask(GENERATIONS, b"", headers=(("content-type", "multipart/form-data; boundary=x"),))
    assert (answered.status, answered.error["code"]) == (415, "unsupported_media_type")


# --- In a chat and in responses ---------------------------------------------------------------------------


async def test_a_response_for_an_image_is_answered_by_a_model_that_draws(site, image_mappings):
    site.gemini.reply = reply(DRAWN)
    asked = {"model": "gpt-4o", "input": "A cat", "tools": [{"type": "image_generation", "size": "1024x1536"}]}
    answered = await site.ask("/v1/responses", json.dumps(asked).encode())
    assert answered.status == 200, answered.body
    [item] = answered.json["output"]
    assert (item["type"], item["status"], item["result"]) == (
        "image_generation_call",
        "completed",
        DRAWN["inlineData"]["data"],
    )
    assert (answered.json["model"], answered.headers["x-tumbler-model"]) == ("gpt-4o", MODEL)
    assert site.gemini.calls[0][3]["generationConfig"]["imageConfig"] == {"aspectRatio": "2:3", "imageSize": "1K"}


async def test_a_token_that_may_not_use_the_model_that_draws_gets_no_image(site, image_mappings):
    _, site.token = await in_db(lambda: issue_token(site.user, allowed_models=["gpt-4o"]))
    asked = {"model": "gpt-4o", "input": "A cat", "tools": [{"type": "image_generation"}]}
    answered = await site.ask("/v1/responses", json.dumps(asked).encode())
    assert (answered.status, answered.error["code"]) == (403, "model_not_allowed")


@pytest.mark.parametrize(
    ("members", "config"),
    [
        ({"modalities": ["image"]}, {"responseModalities": ["IMAGE"]}),
        ({"modalities": ["image", "text"]}, {"responseModalities": ["TEXT", "IMAGE"]}),
        (
            {"image_config": {"aspect_ratio": "16:9"}},
            {"responseModalities": ["TEXT", "IMAGE"], "imageConfig": {"aspectRatio": "16:9"}},
        ),
    ],
)
async def test_a_chat_says_what_its_images_are_like(site, members, config):
    answered = await site.chat(model=MODEL, **members)
    assert answered.status == 200
    assert answered.json["choices"][0]["message"]["images"][0]["image_url"]["url"].startswith("data:image/png;base64,")
    assert site.gemini.calls[0][3]["generationConfig"] == config


async def test_a_chat_of_a_size_that_is_none_is_refused(site):
    answered = await site.chat(model=MODEL, image_config={"size": "large"})
    assert (answered.status, answered.error["param"]) == (400, "image_config.size")
    assert await site.untouched()

"""The doors of images, drawn and changed: a text stands where an image has its base64, which is passed on unread."""

import base64
import json
from typing import Any

import httpx

from compat.schemas.images import ImageVariationForm
from compat.schemas.uploads import Upload
from compat.translation.images.request import ImageTranslation, to_edit
from tests import gemini_replies
from tests.doors.door import Asked, AskedInForm, Door, Error, Told
from tests.live import openapi

_PNG = b"\x89PNG\r\n\x1a\n"
_DATA_URL = "data:image/png;base64," + base64.b64encode(_PNG).decode()
# 50 tokens: the text of the tests of limits, which has no place here.
_LONG = 50


class ImageGenerations(Door):
    """POST images/generations."""

    name = "images.generations"
    path = "/v1/images/generations"
    model = "gemini-3.1-flash-image"
    event = "ImageGenStreamEvent"
    talks = calls_functions = names_model = False
    estimated_tokens = 1_120

    def ask(self, model: str, *, text: str = "Hello", stream: bool = False, **members: Any) -> Asked:
        members.pop("longest", None)
        return Asked(self.path, {"model": model, "prompt": text, **({"stream": True} if stream else {}), **members})

    def read(self, response: httpx.Response) -> Told:
        if response.status_code != 200:
            return Told(response, error=self.read_error(response))
        if not response.headers["content-type"].startswith("text/event-stream"):
            payload = response.json()
            openapi.check(payload, "ImagesResponse")
            return self._told(Told(response, finish="stop"), payload["data"], payload["usage"])
        told = Told(response, prompt_tokens=0, completion_tokens=0)
        for event in response.text.split("\n\n")[:-1]:
            name, data = [line for line in event.splitlines() if not line.startswith(":")]
            payload = json.loads(data.removeprefix("data: "))
            assert name == f"event: {payload['type']}"
            if payload["type"] == "error":
                told.error = Error(**payload["error"])
                continue
            openapi.check(payload, self.event)
            self._told(told, [payload], payload["usage"])
        told.finish = None if told.error else "stop"
        return told

    def _told(self, told: Told, images: list[dict[str, Any]], usage: dict[str, Any]) -> Told:
        told.text += "".join(image["b64_json"] for image in images)
        told.prompt_tokens, told.completion_tokens = usage["input_tokens"], usage["output_tokens"]
        return told

    def reply(self, text: str, **how: Any) -> dict[str, Any]:
        parts = [{"inlineData": {"mimeType": "image/png", "data": text}}] if text else []
        return gemini_replies.reply(*parts, **how)


class ImageEdits(ImageGenerations):
    """POST images/edits, as JSON."""

    name = "images.edits"
    path = "/v1/images/edits"
    event = "ImageEditStreamEvent"
    added_tokens = 250

    def ask(self, model: str, *, text: str = "Hello", stream: bool = False, **members: Any) -> Asked:
        asked = super().ask(model, text=text, stream=stream, **members)
        asked.body["images"] = [{"image_url": _DATA_URL}]
        return asked


class ImageVariations(ImageGenerations):
    """POST images/variations: a form without a word of the client's; what makes a request longer is in its image."""

    name = "images.variations"
    path = "/v1/images/variations"
    streams = takes_json = names_model = False

    @property
    def added_tokens(self) -> int:  # type: ignore[override]
        asked = to_edit(ImageVariationForm(image=Upload("", "", _PNG)))
        return -(-ImageTranslation(asked).prompt_characters // 4) - _LONG

    def ask(self, model: str, *, text: str = "Hello", stream: bool = False, **members: Any) -> Asked:
        members.pop("longest", None)
        body = {
            "image": _PNG + text.encode(),
            "response_format": "b64_json",
            **({"model": model} if model else {}),
            **members,
        }
        return AskedInForm(self.path, body)

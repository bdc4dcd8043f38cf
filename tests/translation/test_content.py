"""Content parts → parts: what bytes must show, what base64 may look like, and which addresses Gemini may be sent to."""

import base64

import pytest

from compat.translation.mime_types import _BY_EXTENSION
from tests.translation.translating import PNG, PNG_URL, contents, data_url, refusal, user

PICTURES = {
    "image/png": PNG,
    "image/jpeg": b"\xff\xd8\xff\xe0" + bytes(12),
    "image/webp": b"RIFF\x24\x00\x00\x00WEBPVP8 " + bytes(8),
    "image/heic": b"\x00\x00\x00\x18ftypheic" + bytes(8),
    "image/heif": b"\x00\x00\x00\x18ftypmif1" + bytes(8),
}


def part(content_part, **more):
    (made,) = contents(user([content_part]), **more)
    (only,) = made["parts"]
    return only


def image(url, **members):
    return {"type": "image_url", "image_url": {"url": url, **members}}


def refused(content_part):
    return refusal(messages=[user([{"type": "text", "text": "x"}, content_part])])


# --- Text ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["text", "input_text", "output_text"])
def test_texts_by_each_of_their_names(kind):
    assert part({"type": kind, "text": "Hi", "cache_control": {"type": "ephemeral"}}) == {"text": "Hi"}


def test_texts_stay_apart_and_empty_ones_are_left_out():
    parts = [{"type": "text", "text": text} for text in ("a", "", "b")]
    assert contents(user(parts)) == [{"role": "user", "parts": [{"text": "a"}, {"text": "b"}]}]


@pytest.mark.parametrize("text", ["\x00", "\u2028 \u0085", "data: [DONE]\r\n\r\n", "</script>", "😀", "‮abc​"])
def test_a_text_is_passed_on_as_it_is(text):
    assert part({"type": "text", "text": text}) == {"text": text}


# --- Images ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("mime_type", "payload"), PICTURES.items())
def test_an_image_is_known_by_its_first_bytes(mime_type, payload):
    encoded = base64.b64encode(payload).decode()
    assert part(image(data_url(payload, mime_type))) == {"inlineData": {"mimeType": mime_type, "data": encoded}}


@pytest.mark.parametrize("declared", ["image/jpg", "image/jpeg", "application/octet-stream", ""])
def test_a_mislabelled_image_gets_the_type_of_its_bytes(declared):
    assert part(image(data_url(PNG, declared)))["inlineData"]["mimeType"] == "image/png"


def test_an_image_url_may_be_a_plain_string():
    assert part({"type": "image_url", "image_url": PNG_URL}) == part(image(PNG_URL))


@pytest.mark.parametrize("head", ["data:image/png;base64,", "DATA:image/png;base64,", "Data:IMAGE/PNG;BASE64,"])
def test_the_words_of_a_data_url_are_read_in_any_case(head):
    assert part(image(head + PNG_URL.partition(",")[2]))["inlineData"]["mimeType"] == "image/png"


@pytest.mark.parametrize(
    "head", ["data:;base64,", "data:image/png;charset=utf-8;base64,", "data:image/png;name=a.png;base64,"]
)
def test_a_data_url_may_have_parameters_or_no_type(head):
    assert part(image(head + PNG_URL.partition(",")[2]))["inlineData"]["mimeType"] == "image/png"


# Bytes whose base64 holds + and / and needs padding.
_AWKWARD = PNG + b"\xfb\xff\xfe"


@pytest.mark.parametrize(
    "spelling",
    [
        lambda text: text.rstrip("="),
        lambda text: text.replace("+", "-").replace("/", "_"),
        lambda text: text.replace("+", "-").replace("/", "_").rstrip("="),
        lambda text: "\n".join(text[i : i + 8] for i in range(0, len(text), 8)),
        lambda text: f" {text}\r\n",
        lambda text: f"\u00a0{text}\u2003",
    ],
    ids=[
        "no padding",
        "url-safe",
        "url-safe without padding",
        "broken into lines",
        "spaces around",
        "wide spaces around",
    ],
)
def test_base64_is_put_into_the_standard_form(spelling):
    standard = base64.b64encode(_AWKWARD).decode()
    assert "+" in standard or "/" in standard
    assert part(image(f"data:image/png;base64,{spelling(standard)}"))["inlineData"]["data"] == standard


@pytest.mark.parametrize(
    "url",
    [
        "data:image/png;base64,",
        "data:image/png;base64,!!!!",
        "data:image/png;base64,iVBORw0KGgo=AAAA",
        "data:image/png;base64,a",
        "data:image/png;base64,ⅣⅣⅣⅣ",
        "data:image/png,rawbytes",
        "data:image/png",
        "data:",
        data_url(b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/svg+xml"),
        data_url(b"<html></html>", "text/html"),
        data_url(b"GIF89a" + bytes(16), "image/gif"),
        data_url(b"BM" + bytes(16), "image/bmp"),
        data_url(b"not an image", "image/png"),
        data_url(b"RIFF....WAVEfmt ", "image/webp"),
        data_url(b"\x89PN", "image/png"),
    ],
)
def test_what_is_no_image_is_refused_by_its_path(url):
    error = refused(image(url))
    assert (error.code, error.param) == ("invalid_value", "messages[0].content[1].image_url")
    assert url[30:] not in error.message or len(url) < 31


@pytest.mark.parametrize(
    ("detail", "level"),
    [
        ("low", "MEDIA_RESOLUTION_LOW"),
        ("high", "MEDIA_RESOLUTION_HIGH"),
        ("original", "MEDIA_RESOLUTION_HIGH"),
        ("auto", None),
        (None, None),
        ("unheard-of", None),
    ],
)
def test_detail_is_the_resolution_of_the_part_since_gemini_3(detail, level):
    expected = {"level": level} if level else None
    assert part(image(PNG_URL, detail=detail)).get("mediaResolution") == expected
    assert "mediaResolution" not in part(image(PNG_URL, detail=detail), model="gemini-2.5-flash")


# --- Addresses -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "mime_type"),
    [
        ("https://example.com/a.png", "image/png"),
        ("https://example.com/a.jpg?size=2#top", "image/jpeg"),
        ("https://EXAMPLE.com/a", None),
        ("https://example.com:443/a.webp", "image/webp"),
        ("https://sub.example.co.uk/path%20with/a.gif", None),
        ("https://xn--e1afmkfd.xn--p1ai/a.png", "image/png"),
        ("https://www.youtube.com/watch?v=abc", None),
    ],
)
def test_a_public_https_address_is_passed_on_for_gemini_to_fetch(url, mime_type):
    data = {"fileUri": url} | ({"mimeType": mime_type} if mime_type else {})
    assert part(image(url)) == {"fileData": data}


def test_the_scheme_of_an_address_is_written_as_gemini_reads_it():
    assert part(image("HTTPS://example.com/a.png"))["fileData"]["fileUri"] == "https://example.com/a.png"


@pytest.mark.parametrize("extension", [name for names in _BY_EXTENSION.values() for name in names.split()])
def test_every_type_that_is_guessed_from_a_name_is_one_that_gemini_takes(extension):
    assert "mimeType" in part(image(f"https://example.com/a.{extension}"))["fileData"]


PRIVATE = [
    "http://127.0.0.1:6379/",
    "http://169.254.169.254/latest/meta-data/",
    "http://[::ffff:7f00:1]/",
    "http://0x7f.1/",
    "http://2130706433/",
    "https://ok@127.0.0.1/",
    "http://evil\\@127.0.0.1/",
    "https://evil\\@127.0.0.1/",
    "file:///etc/passwd",
    "gopher://127.0.0.1/_x",
    "gopher:",
    "//x",
    "//example.com/a.png",
    "http://example.com/a.png",
    "https://127.0.0.1/",
    "https://127.1/",
    "https://0x7f.0.0.1/",
    "https://0177.0.0.1/",
    "https://2130706433/",
    "https://[::1]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[fe80::1%25eth0]/",
    "https://0/",
    "https://localhost/",
    "https://localhost:8443/",
    "https://LOCALHOST/",
    "https://foo.localhost/",
    "https://printer.local/",
    "https://metadata.google.internal/",
    "https://router.lan/",
    "https://nas.home/",
    "https://1.0.0.127.in-addr.arpa/",
    "https://intranet/",
    "https://example.com:8443/",
    "https://example.com:22/",
    "https://example.com:99999/",
    "https://example.com:x/",
    "https://user:secret@example.com/",
    "https://@example.com/",
    "https://example.com@127.0.0.1/",
    "https://example.com\\@127.0.0.1/",
    "https://exam ple.com/",
    "https://example.com/\r\nX-Evil: 1",
    "https://example.com/\t",
    "https://１２７.０.０.１/",
    "https://ⓔxample.com/",
    "https://example。com/",
    "https://127.0.0.1./",
    "https://%31%32%37.0.0.1/",
    "https://-example.com/",
    "https://example..com/",
    "https://.com/",
    "https://" + "a" * 64 + ".com/",
    "https://" + "a." * 130 + "com/",
    "https:///etc/passwd",
    "https:example.com",
    "https://",
    "ftp://example.com/a.png",
    "javascript:alert(1)",
    "gs://bucket/a.png",
    "",
    " ",
    "a.png",
    "/etc/passwd",
]


@pytest.mark.parametrize("url", PRIVATE)
def test_no_other_address_leaves_this_house(url):
    for content_part, member in ((image(url), "image_url"), ({"type": "image_url", "image_url": url}, "image_url")):
        error = refused(content_part)
        assert (error.code, error.param) == ("remote_images_disabled", f"messages[0].content[1].{member}")


@pytest.mark.parametrize("url", [url for url in PRIVATE if url.lower().startswith("http")])
def test_documents_have_the_same_rule(url):
    error = refused({"type": "file", "file": {"file_data": url}})
    assert error.param == "messages[0].content[1].file.file_data"


# --- Sounds ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("format", "mime_type"),
    [
        ("wav", "audio/wav"),
        ("mp3", "audio/mp3"),
        ("MP3", "audio/mp3"),
        ("aac", "audio/aac"),
        ("ogg", "audio/ogg"),
        ("flac", "audio/flac"),
        ("aiff", "audio/aiff"),
        ("opus", "audio/ogg"),
    ],
)
def test_a_sound_has_the_type_of_its_format(format, mime_type):
    data = base64.b64encode(b"sound").decode()
    made = part({"type": "input_audio", "input_audio": {"data": data, "format": format}})
    assert made == {"inlineData": {"mimeType": mime_type, "data": data}}


def test_a_sound_without_a_format_is_wav_and_its_data_may_be_a_data_url():
    made = part({"type": "input_audio", "input_audio": {"data": data_url(b"sound", "audio/x-wav")}})
    assert made["inlineData"] == {"mimeType": "audio/wav", "data": base64.b64encode(b"sound").decode()}


@pytest.mark.parametrize(
    ("audio", "member"),
    [
        ({"data": "AAAA", "format": "m4a"}, "format"),
        ({"data": "AAAA", "format": ""}, "format"),
        ({"data": "*", "format": "wav"}, "data"),
    ],
)
def test_a_sound_that_gemini_cannot_hear_is_refused(audio, member):
    error = refused({"type": "input_audio", "input_audio": audio})
    assert error.param == f"messages[0].content[1].input_audio.{member}"


# --- Documents -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("file", "mime_type"),
    [
        ({"file_data": data_url(b"%PDF-1.7", "application/pdf")}, "application/pdf"),
        ({"file_data": data_url(b"%PDF-1.7", "application/octet-stream")}, "application/pdf"),
        ({"file_data": base64.b64encode(b"%PDF-1.7").decode(), "filename": "a.pdf"}, "application/pdf"),
        ({"file_data": base64.b64encode(b"a,b").decode(), "filename": "a.csv"}, "text/csv"),
        ({"file_data": data_url(b"# Hi", "text/markdown")}, "text/markdown"),
        ({"file_data": data_url(b"{}", "application/json")}, "text/plain"),
        ({"file_data": data_url(b"<a/>", "application/xml")}, "text/xml"),
        ({"file_data": data_url(b"fn main", "text/x-rust")}, "text/plain"),
        ({"file_data": base64.b64encode(b"fn main").decode(), "filename": "main.RS"}, "text/plain"),
        ({"file_data": data_url(b"sound", "audio/x-wav")}, "audio/wav"),
        ({"file_data": data_url(PNG, "image/png")}, "image/png"),
        ({"file_data": base64.b64encode(PNG).decode(), "filename": "a.jpg"}, "image/png"),
        ({"file_data": data_url(b"video", "video/mp4")}, "video/mp4"),
        ({"file_data": data_url(b"sound", "audio/mp3")}, "audio/mp3"),
    ],
)
def test_a_document_has_the_type_that_its_bytes_its_url_or_its_name_tell(file, mime_type):
    assert part({"type": "file", "file": file})["inlineData"]["mimeType"] == mime_type


def test_a_document_by_public_address_is_passed_on():
    made = part({"type": "file", "file": {"file_data": "https://example.com/a.pdf", "filename": "a.pdf"}})
    assert made == {"fileData": {"fileUri": "https://example.com/a.pdf", "mimeType": "application/pdf"}}


@pytest.mark.parametrize(
    ("file", "member"),
    [
        ({"file_id": "file-abc"}, "file_data"),
        ({}, "file_data"),
        ({"file_data": ""}, "file_data"),
        ({"file_data": "*not base64*"}, "file_data"),
        ({"file_data": data_url(b"PK\x03\x04", "application/zip")}, "file_data"),
        ({"file_data": base64.b64encode(b"PK").decode()}, "file_data"),
        ({"file_data": data_url(b"<svg/>", "image/svg+xml")}, "file_data"),
    ],
)
def test_a_document_that_gemini_cannot_read_is_refused_by_its_path(file, member):
    assert refused({"type": "file", "file": file}).param == f"messages[0].content[1].file.{member}"


@pytest.mark.parametrize(
    "content_part", [image(PNG_URL), image("https://example.com/a.png"), {"type": "text", "text": "x"}]
)
@pytest.mark.parametrize("model", ["gemini-2.5-flash", "gemini-4-hydrogen", "gemma-4-31b-it", "gemini-3-pro-image"])
def test_every_family_takes_the_parts(content_part, model):
    assert part(content_part, model=model)

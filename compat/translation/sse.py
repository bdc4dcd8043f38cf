"""Server-Sent Events as OpenAI frames them: one line of JSON an event, no ids; names only where an API has them."""

DONE = b"data: [DONE]\n\n"
# A bare comment line, without the blank line that some clients take for an empty event.
KEEP_ALIVE = b": keep-alive\n"

# Legal inside JSON text, but line ends to clients that split by str.splitlines: U+2028, U+2029, U+0085.
_LINE_ENDS = ((b"\xe2\x80\xa8", b"\\u2028"), (b"\xe2\x80\xa9", b"\\u2029"), (b"\xc2\x85", b"\\u0085"))


def to_event(json: bytes) -> bytes:
    """One data event around JSON that holds no line break of its own."""
    if not json.isascii():
        for raw, escaped in _LINE_ENDS:
            if raw in json:
                json = json.replace(raw, escaped)
    return b"data: " + json + b"\n\n"


def to_named_event(name: str, json: bytes) -> bytes:
    """The same with a name of ours before it."""
    return b"event: " + name.encode() + b"\n" + to_event(json)

"""The bytes of Gemini's event stream → the JSON text of each event, however the bytes are cut."""

import re

_BLANK_LINE = re.compile(rb"\r\n\r\n|\n\n|\r\r")
_LINE_END = re.compile(rb"\r\n|\n|\r")
MAX_EVENT_BYTES = 32 * 1024 * 1024


class EventTooLarge(Exception):
    """One event is larger than any answer has reason to be."""


class EventReader:
    """Takes bytes as they arrive and gives back whole events.

    Between the events Gemini may put a bare error object without `data:`, printed over many lines: it is given back as an
    event too. Lines are split at CR and LF alone, for U+2028 is legal inside JSON.
    """

    def __init__(self) -> None:
        # Pieces of an event that has not ended, joined once when it does: an image in small pieces is megabytes of them.
        self._pieces: list[bytes] = []
        self._size = 0
        self._tail = b""
        self._bare = b""

    def feed(self, data: bytes) -> list[bytes]:
        """The JSON texts of the events that `data` completes. Raises EventTooLarge."""
        if self._pieces and not _BLANK_LINE.search(self._tail + data):
            self._keep(data)
            return []
        buffer = b"".join((*self._pieces, data)) if self._pieces else data
        events: list[bytes] = []
        start = 0
        for blank in _BLANK_LINE.finditer(buffer):
            self._take(buffer[start : blank.start()], events)
            start = blank.end()
        self._pieces.clear()
        self._size, self._tail = 0, b""
        if start < len(buffer):
            self._keep(buffer[start:])
        return events

    def close(self) -> list[bytes]:
        """What the end of the stream completes: a last event without its blank line, or a bare error object."""
        events: list[bytes] = []
        self._take(b"".join(self._pieces), events)
        self._pieces.clear()
        if self._bare.strip():
            events.append(self._bare.strip())
            self._bare = b""
        return events

    def _keep(self, piece: bytes) -> None:
        self._pieces.append(piece)
        self._size += len(piece)
        # As much of a blank line as may stand before the next piece.
        self._tail = (self._tail + piece[-3:])[-3:]
        if self._size + len(self._bare) > MAX_EVENT_BYTES:
            raise EventTooLarge

    def _take(self, block: bytes, events: list[bytes]) -> None:
        # Nearly every block is one line of data.
        if block.startswith(b"data:") and b"\n" not in block and b"\r" not in block:
            events.append(block[5:].strip())
            return
        lines = _LINE_END.split(block.removeprefix(b"\xef\xbb\xbf"))
        data = [line[5:].removeprefix(b" ") for line in lines if line.startswith(b"data:")]
        if data:
            events.append(b"\n".join(data).strip())
            return
        fields = (b":", b"event:", b"id:", b"retry:")
        bare = [line for line in lines if line.strip() and not line.startswith(fields)]
        if bare:
            self._bare += b"\n".join(bare) + b"\n"

"""Continuation tokens: where an answer that was too long for one request goes on (Gemini API reference, section 5)."""

from base64 import urlsafe_b64decode, urlsafe_b64encode

_OPENING = b"continue at "


def make_token(characters: int) -> str:
    """The token after so many characters of the text."""
    return urlsafe_b64encode(_OPENING + str(characters).encode()).decode()


def read_token(token: str) -> int | None:
    """The characters already sent; None for a token that is not ours."""
    try:
        raw = urlsafe_b64decode(token)
    except ValueError:
        return None
    number = raw.removeprefix(_OPENING)
    return int(number) if raw.startswith(_OPENING) and number.isdigit() else None

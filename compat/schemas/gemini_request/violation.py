"""What is wrong with a request body, said as the Gemini API says it."""

from typing import NamedTuple


class Violation(NamedTuple):
    """One reason for a 400: the field in the API's own spelling (`contents[0].parts[1].text`) and the sentence."""

    field: str
    message: str
    # The JSON does not fit the message types at all; the API then looks no further and lists each in a BadRequest.
    malformed: bool = False

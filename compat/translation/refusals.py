"""What a translation refuses: a fact about the request, not an HTTP answer."""


class Untranslatable(Exception):
    """The request cannot be put in Gemini's terms; `param` names the member, `code` is OpenAI's where it has one."""

    def __init__(self, message: str, param: str | None = None, code: str | None = "invalid_value") -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        self.code = code

"""Secret: a text that cannot be printed, logged or pickled by mistake."""

_MASK = "***"


class Secret:
    """A secret text. Only `reveal()` gives it; str, repr and format give ***, and a pickle holds *** alone."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself. Ask for it where it is used, and pass the Secret everywhere else."""
        return self._text

    def __str__(self) -> str:
        return _MASK

    __repr__ = __str__

    def __format__(self, spec: str) -> str:
        return format(_MASK, spec)

    def __reduce__(self) -> tuple[type["Secret"], tuple[str]]:
        return Secret, (_MASK,)

    def __copy__(self) -> "Secret":
        return self

    def __deepcopy__(self, memo: object) -> "Secret":
        # A copy stays in this process, where pickling's mask would only break the holder (dataclasses.asdict copies).
        return self

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)

"""The scripts of the limits, and the connection they go by."""

from pathlib import Path

from accounts import shared_store
from accounts.shared_store import Away, Wire, wire_to

__all__ = ["Away", "Script", "Wire", "wire_to"]

_FOLDER = Path(__file__).parent / "lua"


class Script(shared_store.Script):
    """One script of the folder lua/, with what all of them begin with."""

    def __init__(self, name: str) -> None:
        super().__init__((_FOLDER / "common.lua").read_text() + (_FOLDER / f"{name}.lua").read_text())

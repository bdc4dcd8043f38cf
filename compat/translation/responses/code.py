"""code_interpreter_call: what Gemini's codeExecution ran, as an item that grows, and the events that tell of it."""

from collections.abc import Iterator
from typing import Any

import msgspec

from compat.schemas.gemini import Candidate, Content

Event = dict[str, Any]
OUTPUTS = "code_interpreter_call.outputs"


def in_pieces(candidate: Candidate) -> Iterator[Candidate]:
    """A candidate part by part where code is among its parts, for what was said before and after it."""
    parts = (candidate.content and candidate.content.parts) or []
    if not any(part.executableCode or part.codeExecutionResult for part in parts):
        yield candidate
        return
    for part in parts[:-1]:
        yield Candidate(content=Content([part]))
    yield msgspec.structs.replace(candidate, content=Content(parts[-1:]))


class CodeCall:
    """One run of code. Pictures that come behind its result are its outputs as well."""

    def __init__(self, item_id: str, container_id: str, place: int, *, tells_outputs: bool) -> None:
        self.item: dict[str, Any] = {
            "id": item_id,
            "type": "code_interpreter_call",
            "status": "in_progress",
            "container_id": container_id,
            "code": "",
            "outputs": None,
        }
        self.is_run = False
        """Whether its result has come."""
        self._place = {"item_id": item_id, "output_index": place}
        self._tells_outputs = tells_outputs

    def write(self, code: str) -> Iterator[Event]:
        """The code, which always comes whole."""
        yield self._told("response.code_interpreter_call.in_progress")
        yield self._told("response.code_interpreter_call_code.delta", delta=code)
        self.item["code"] = code
        yield self._told("response.code_interpreter_call_code.done", code=code)
        self.item["status"] = "interpreting"
        yield self._told("response.code_interpreter_call.interpreting")

    def hear(self, outcome: str, output: str) -> None:
        """What it printed, and whether it went well (Gemini API, CodeExecutionResult.Outcome)."""
        self.is_run = True
        self.item["status"] = "completed" if outcome == "OUTCOME_OK" else "failed"
        self._put({"type": "logs", "logs": output})

    def show(self, url: str) -> None:
        """A picture that it drew."""
        self._put({"type": "image", "url": url})

    def end(self) -> Iterator[Event]:
        """Nothing more comes of it."""
        if not self.is_run:
            self.item["status"] = "incomplete"
        yield self._told("response.code_interpreter_call.completed")

    def _put(self, output: dict[str, str]) -> None:
        if self._tells_outputs:
            self.item["outputs"] = [*(self.item["outputs"] or ()), output]

    def _told(self, kind: str, **members: str) -> Event:
        return {"type": kind, **self._place, **members}

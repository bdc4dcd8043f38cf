"""The requests of this process as live pages see them: those that run, and the last that ended. In memory only."""

from collections import deque
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from accounts.metering.lines import Admission, Settlement

KEPT = 500


class Running(Protocol):
    """A request that is under way; what can be told of it changes meanwhile."""

    attempts: int
    model: str
    """The Gemini model that answers; empty while none was asked."""

    @property
    def tokens(self) -> int:
        """As Gemini has counted them up to now."""


class Traffic:
    """Told at the beginning and the end of every request, watched or not: so it does next to nothing."""

    def __init__(self) -> None:
        self.running: dict[str, tuple[Admission, Running]] = {}
        """By the id of the usage record that each will have; the oldest first."""
        self.latest: deque[tuple[Admission, Settlement]] = deque(maxlen=KEPT)
        self.ended_count = 0
        """All that ever ended here: the number of the last one in `latest`."""
        self.ended_tokens = 0

    def began(self, admission: "Admission", running: Running) -> None:
        """A request was admitted."""
        self.running[admission.id] = admission, running

    def ended(self, admission: "Admission", settlement: "Settlement") -> None:
        """It was settled, whichever way."""
        self.running.pop(admission.id, None)
        self.latest.append((admission, settlement))
        self.ended_count += 1
        self.ended_tokens += settlement.counts.total

    def forget(self) -> None:
        """As new: for tests."""
        self.__init__()  # type: ignore[misc]


traffic = Traffic()

"""What was asked of the simulator, for tests that look at the upstream side."""

from collections import Counter, deque
from dataclasses import asdict, dataclass

from compat.simulator.wire import JsonObject

_MOST_CALLS = 200_000


@dataclass(slots=True)
class Call:
    """One call; times are the simulator's Unix seconds, status 0 means that no answer was begun."""

    time: float
    key: str
    project: str
    model: str
    method: str
    status: int = 0
    completed: bool = False
    closed_by_client_at: float | None = None
    ended_at: float | None = None
    store: bool | None = None
    prompt_chars: int = 0
    body_bytes: int = 0


class CallLog:
    """The calls in order of arrival; the oldest fall out when there are very many."""

    __slots__ = ("_calls", "in_flight")

    def __init__(self) -> None:
        self._calls: deque[Call] = deque(maxlen=_MOST_CALLS)
        self.in_flight = 0

    def begin(self, call: Call) -> Call:
        """Keep a call that has just come in."""
        self._calls.append(call)
        self.in_flight += 1
        return call

    def end(self, call: Call, now: float) -> None:
        """The call is over, one way or another."""
        call.ended_at = now
        self.in_flight -= 1

    def clear(self) -> None:
        """Forget the calls; those in flight stay counted."""
        self._calls.clear()

    def listed(self) -> JsonObject:
        """All calls and a few totals; store_not_false counts generate calls that could have been logged upstream."""
        generating = [call for call in self._calls if call.method.lower().endswith("generatecontent")]
        return {
            "total": len(self._calls),
            "in_flight": self.in_flight,
            "store_not_false": sum(call.store is not False for call in generating),
            "calls": [asdict(call) for call in self._calls],
        }

    def counted(self) -> JsonObject:
        """Calls by status, and by project, model and status."""
        places = Counter((call.project, call.model, call.status) for call in self._calls)
        return {
            "total": len(self._calls),
            "by_status": {str(status): count for status, count in Counter(c.status for c in self._calls).items()},
            "by_project": [
                {"project": project, "model": model, "status": status, "calls": count}
                for (project, model, status), count in sorted(places.items())
            ],
        }

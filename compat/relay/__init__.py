"""The loop of attempts: lease a key, call Gemini, let the failing rest and ask the next; every ending is accounted."""

from compat.relay.calls import Call
from compat.relay.job import Job
from compat.relay.pump import Pump, open_stream
from compat.relay.whole import complete, complete_some, count, embed

__all__ = ["Call", "Job", "Pump", "complete", "complete_some", "count", "embed", "open_stream"]

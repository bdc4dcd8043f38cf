"""Gemini for a day: the simulator's quotas and refusals, with the day's deaths and outages, in virtual time."""

import asyncio
import random
from collections import Counter, defaultdict, deque
from typing import NamedTuple

import msgspec

from benchmarks.day.trace import MINUTE, Day, Request
from compat.gemini.failures import failure_of
from compat.schemas.gemini import Reply
from compat.simulator import quota_refusals, refusals
from compat.simulator.faults import Fault
from compat.simulator.keys import Key, read_key
from compat.simulator.models import CATALOGUE
from compat.simulator.quotas import Quotas
from compat.simulator.refusals import Refused
from compat.simulator.wire import encode

_ONE_WAY = 0.06
_JITTER = 0.5
_DEAD, _LEAKED = Fault("dead"), Fault("leaked")
# A slot that the quota has freed just now counts from this many seconds on as one that could have been used: a pool keeps
# a second between its clock and Gemini's, and needs a moment.
UNUSED_SECONDS = 2.0
KNOWN_AFTER_SECONDS = 15.0
"""So long after an outage nobody can know yet that it is over."""


class Seen(NamedTuple):
    """One call, as the upstream saw it."""

    at: float
    model: str
    outcome: str
    """`answered`, `quota`, `key`, `overloaded` or `address`."""


class Upstream:
    """Has the one method that the gateways need of compat.gemini.client.GeminiClient."""

    def __init__(self, day: Day) -> None:
        self._day = day
        self.quotas = Quotas(projects=day.quotas)
        self._rng = random.Random(1)
        self.calls: list[Seen] = []
        self._counted: Counter[tuple[str, str, int]] = Counter()
        """Requests that used quota, by project, model and Pacific day (0 or 1)."""
        self._coming: Counter[tuple[str, str]] = Counter()
        """Calls on their way."""
        self._sent: dict[tuple[str, str], deque[tuple[float, int]]] = defaultdict(lambda: deque(maxlen=32))

    def now(self) -> float:
        """Seconds since the start of the day."""
        return asyncio.get_running_loop().time()

    async def generate(self, model: str, key: str, body: bytes) -> Reply:
        """As GeminiClient.generate; the prompt is the number of the request."""
        request = self._day.requests[int(msgspec.json.decode(body)["contents"][0]["parts"][0]["text"])]
        await self.receive(model, key, request.tokens)
        await asyncio.sleep(request.seconds + self._one_way())
        return msgspec.convert(_reply(request), Reply)

    async def receive(self, model: str, key: str, tokens: int) -> None:
        """Take one call in, on its way and back if it is refused; raises GeminiFailure."""
        place = (read_key(key).project, model)
        self._coming[place] += 1
        await asyncio.sleep(self._one_way())
        self._coming[place] -= 1
        outcome, refused = self._decide(model, read_key(key), tokens)
        self.calls.append(Seen(self.now(), model, outcome))
        if refused is not None:
            await asyncio.sleep(self._one_way())
            raise failure_of(refused.status, encode(refused.body()))

    def _one_way(self) -> float:
        # Seconds from us to the upstream, or back: no two packets take the same time.
        return _ONE_WAY * self._rng.lognormvariate(0.0, _JITTER)

    def _decide(self, model: str, key: Key, tokens: int) -> tuple[str, Refused | None]:
        at, day = self.now(), self._day
        for wave in day.waves:
            if wave.model is None and wave.hits(model, at):
                return "address", refusals.of_model("bare429", model)
        if day.is_dead(key.text, at):
            return "key", refusals.of_key(_DEAD if key.faults else _LEAKED, key)
        facts = CATALOGUE[model]
        exceeded = self.quotas.take(key, facts, tokens, day.starts + at)
        if exceeded:
            return "quota", quota_refusals.quota_refusal(facts, exceeded, paid=key.paid)
        self._counted[key.project, model, int(at >= day.midnight)] += 1
        self._sent[key.project, model].append((at, tokens))
        if any(wave.hits(model, at) for wave in day.waves):
            # It has used its quota all the same (see Failure.used_quota).
            return "overloaded", refusals.of_model("overloaded", model)
        return "answered", None

    def has_slot(self, request: Request) -> bool:
        """True when some key would have answered it now, and some seconds ago already."""
        now, day = self.now(), self._day
        if any(wave.hits(request.model, at) for wave in day.waves for at in (now, now - KNOWN_AFTER_SECONDS)):
            return False
        alive = {read_key(key).project for key in day.keys if not day.is_dead(key, now)}
        return any(self._had_room(project, request, now - UNUSED_SECONDS) for project in alive)

    def _had_room(self, project: str, request: Request, then: float) -> bool:
        """True when at that time, and with everything sent since, the project had room for the request."""
        limits, place = self._day.quotas[project][request.model], (project, request.model)
        sent = [tokens for at, tokens in self._sent[place] if at > then - MINUTE]
        return (
            self._counted[(*place, int(then >= self._day.midnight))] + self._coming[place] < limits.rpd
            and len(sent) + self._coming[place] < limits.rpm
            # As it is estimated before the call: nobody knows better then.
            and sum(sent) + max(request.tokens, request.characters // 4) <= limits.tpm
        )


def _reply(request: Request) -> dict[str, object]:
    return {
        "candidates": [{"content": {"role": "model", "parts": [{"text": "Yes."}]}, "finishReason": "STOP", "index": 0}],
        "usageMetadata": {
            "promptTokenCount": request.tokens,
            "candidatesTokenCount": 200,
            "totalTokenCount": request.tokens + 200,
        },
    }

"""What is wrong with a model or with our address, rather than with a key."""

from collections import deque

_FAILURES_IN_A_ROW = 5
_BREAKER_DOMAINS = 3
_BREAKER_WINDOW = 5.0
_MOST_RETRIES = 20.0
_RETRIES_AN_ANSWER = 0.25
_RETRIES_A_SECOND = 10.0
_PROBE_SECONDS = 3.0
_LOOK_AGAIN_SECONDS = 0.25
# With the probe it is shorter than a client waits: who comes while it is shut sees whether it opens.
_LONGEST_REST = 10.0


class Gate:
    """Shut for a while after failures, and for twice as long each time after; then one request at a time tries.

    Refusals come within a second or two. So one that tries holds the others up for three seconds only, however long its
    answer takes.
    """

    __slots__ = ("_first_rest", "_is_tried", "_rest", "_trying_until", "shut_until")

    def __init__(self, first_rest: float) -> None:
        self._first_rest = self._rest = first_rest
        self._is_tried = False
        self._trying_until = 0.0
        self.shut_until = 0.0

    def wait(self, now: float) -> float:
        """Seconds until a request may pass; 0: at once."""
        if not self._is_tried:
            return 0.0
        if now < self.shut_until:
            return self.shut_until - now
        # The one that tries may be answered at any moment.
        return min(_LOOK_AGAIN_SECONDS, max(0.0, self._trying_until - now))

    def passes(self, now: float) -> None:
        """A request goes upstream."""
        if self._is_tried:
            self._trying_until = now + _PROBE_SECONDS

    def shut(self, now: float) -> bool:
        """Let nothing pass for a while; False when it is shut already."""
        if now < self.shut_until:
            return False
        self.shut_until = now + self._rest
        self._rest = min(_LONGEST_REST, 2 * self._rest)
        self._is_tried, self._trying_until = True, 0.0
        return True

    def open(self) -> None:
        """A request was answered."""
        if self._is_tried:
            self._rest = self._first_rest
            self._is_tried = False
            self.shut_until = self._trying_until = 0.0

    @property
    def is_tried(self) -> bool:
        """True from the moment it is shut until a request was answered."""
        return self._is_tried


class ModelHealth(Gate):
    """A model that is overloaded, broken or too slow several times in a row is left alone for a while."""

    __slots__ = ("_in_a_row",)

    def __init__(self) -> None:
        super().__init__(first_rest=5.0)
        self._in_a_row = 0

    def went_wrong(self, now: float) -> None:
        """It failed."""
        self._in_a_row += 1
        if self._in_a_row >= _FAILURES_IN_A_ROW:
            self.shut(now)


class Breaker(Gate):
    """Shut when several quota domains are refused at once without a quota's name: then it is our address, not them."""

    __slots__ = ("_refused",)

    def __init__(self) -> None:
        super().__init__(first_rest=10.0)
        self._refused: deque[tuple[float, str]] = deque()

    def refused(self, domain: str, now: float) -> bool:
        """Note a bare refusal; True when it is our address that is refused: the breaker is shut, or was until just now."""
        self._refused.append((now, domain))
        while self._refused and self._refused[0][0] < now - _BREAKER_WINDOW:
            self._refused.popleft()
        if not self.is_tried and len({name for _, name in self._refused}) < _BREAKER_DOMAINS:
            return False
        self.shut(now)
        return True


class Gates:
    """What every request passes on its way upstream: one gate for our address, and one for its model."""

    def __init__(self) -> None:
        self._address = Breaker()
        self._models: dict[str, ModelHealth] = {}
        """Those that failed since they answered last."""
        self.in_trouble = False
        """False while all of them are open and nothing has failed, so that nobody has to ask which."""

    def wait(self, model: str, now: float) -> float:
        """Seconds until a request for the model may pass; 0: at once."""
        wait, health = self._address.wait(now), self._models.get(model)
        return wait if health is None else max(wait, health.wait(now))

    def passes(self, model: str, now: float) -> None:
        """A request for the model goes upstream."""
        self._address.passes(now)
        if model in self._models:
            self._models[model].passes(now)

    def answered(self, model: str) -> None:
        """A request was answered: our address and the model are well."""
        self._address.open()
        self._models.pop(model, None)
        self.in_trouble = bool(self._models)

    def model_failed(self, model: str, now: float) -> None:
        """A request failed by the model's fault."""
        self._models.setdefault(model, ModelHealth()).went_wrong(now)
        self.in_trouble = True

    def bare_refusal(self, domain: str, now: float) -> bool:
        """A quota domain was refused without a quota's name; True when it means our address: then nothing passes for a while."""
        is_ours = self._address.refused(domain, now)
        self.in_trouble = self.in_trouble or is_ours
        return is_ours

    def model_rests(self, model: str, now: float) -> bool:
        """True while a model that failed several times in a row is left alone."""
        return model in self._models and self._models[model].wait(now) > 0

    def shut(self, now: float) -> dict[str, float]:
        """What is left alone just now, and for how many seconds: models by name, "" for everything."""
        gates: dict[str, Gate] = {"": self._address, **self._models}
        return {name: gate.shut_until - now for name, gate in gates.items() if gate.shut_until > now}


class RetryBudget:
    """Retries may add a quarter to the load, and ten a second: an upstream that breaks down is not asked thrice as much."""

    def __init__(self) -> None:
        self._left = _MOST_RETRIES
        self._filled_at = 0.0

    def answered(self) -> None:
        """A request was answered."""
        if self._left < _MOST_RETRIES:
            self._left = min(_MOST_RETRIES, self._left + _RETRIES_AN_ANSWER)

    def take(self, now: float) -> bool:
        """True when one more request may be asked again."""
        self._left = min(_MOST_RETRIES, self._left + max(0.0, now - self._filled_at) * _RETRIES_A_SECOND)
        self._filled_at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True

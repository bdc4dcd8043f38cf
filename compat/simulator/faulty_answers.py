"""Well-formed answers that are not what one hoped for (faults.ANSWERS), shaped like the recorded ones."""

from collections.abc import Callable

from compat.simulator.answers import Answer, Candidate
from compat.simulator.continuation import make_token
from compat.simulator.faults import Fault
from compat.simulator.safety import ratings
from compat.simulator.usage import Usage
from compat.simulator.wire import JsonObject

_HUGE_MILLIONS = 8
_MILLION = 1_000_000


def spoil(answer: Answer, fault: Fault) -> None:
    """Do to the answer what the fault says; a fault of another kind does nothing."""
    change = _CHANGES.get(fault.name)
    if change is not None:
        change(answer, fault)


def _block_prompt(answer: Answer, fault: Fault) -> None:
    reason = fault.argument.upper().replace("-", "_") or "PROHIBITED_CONTENT"
    answer.feedback = {"blockReason": reason, "safetyRatings": ratings(["HATE_SPEECH"])}
    answer.candidates = []
    if answer.usage is not None:
        answer.usage.thoughts = 0


def _cut_short(candidate: Candidate, finish: str, closing: JsonObject | None = None) -> None:
    """Keep the first half of the text and nothing else."""
    text = candidate.text
    half = text[: len(text) // 2]
    candidate.parts = [{"text": half}] if half else []
    candidate.finish = finish
    candidate.closing = closing or {}


def _finish_otherwise(answer: Answer, fault: Fault) -> None:
    for candidate in answer.candidates:
        _cut_short(candidate, fault.argument.upper().replace("-", "_") or "OTHER")


def _stop_for_safety(answer: Answer, fault: Fault) -> None:
    for candidate in answer.candidates:
        _cut_short(candidate, "SAFETY", {"safetyRatings": ratings(["HATE_SPEECH"])})


def _recite(answer: Answer, fault: Fault) -> None:
    source = {"startIndex": 0, "endIndex": 20, "uri": "https://www.example.com/"}
    for candidate in answer.candidates:
        _cut_short(candidate, "RECITATION", {"citationMetadata": {"citationSources": [source]}})


def _continue_later(answer: Answer, fault: Fault) -> None:
    for candidate in answer.candidates:
        _cut_short(candidate, "CONTINUATION")
        candidate.closing = {"continuationToken": make_token(len(candidate.text))}


def _malform(answer: Answer, fault: Fault) -> None:
    message = "Malformed function call: print(default_api.call_it(argument='unfinished"
    for candidate in answer.candidates:
        candidate.parts = []
        candidate.finish = "MALFORMED_FUNCTION_CALL"
        candidate.closing = {"finishMessage": message}


def _empty(answer: Answer, fault: Fault) -> None:
    for candidate in answer.candidates:
        candidate.parts = []
        candidate.closing = {}


def _never_finish(answer: Answer, fault: Fault) -> None:
    for candidate in answer.candidates:
        candidate.finish = None


def _stop_twice(answer: Answer, fault: Fault) -> None:
    answer.two_stops = True


def _drop_usage(answer: Answer, fault: Fault) -> None:
    answer.usage = None


class AbsurdUsage(Usage):
    """Counts nobody can have meant."""

    def at(self, candidates: int) -> JsonObject:
        """Less than nothing, more than everything, and falling."""
        return {"promptTokenCount": -7, "candidatesTokenCount": 10**15 - candidates, "totalTokenCount": -1}


def _count_absurdly(answer: Answer, fault: Fault) -> None:
    answer.usage = AbsurdUsage({})


def _speak_tomorrow(answer: Answer, fault: Fault) -> None:
    for candidate in answer.candidates:
        candidate.parts = [*candidate.parts, {"hologram": {"from": "tomorrow"}}]
        candidate.finish = "FINISH_REASON_OF_TOMORROW"


def _swell(answer: Answer, fault: Fault) -> None:
    line = "All work and no play makes a simulator dull. \n"
    text = line * (fault.number(_HUGE_MILLIONS) * _MILLION // len(line))
    for candidate in answer.candidates:
        candidate.parts = [{"text": text}]
    answer.in_one_event = True


_CHANGES: dict[str, Callable[[Answer, Fault], None]] = {
    "promptblocked": _block_prompt,
    "safety": _stop_for_safety,
    "recitation": _recite,
    "malformed": _malform,
    "finish": _finish_otherwise,
    "continue": _continue_later,
    "empty": _empty,
    "nofinish": _never_finish,
    "twostops": _stop_twice,
    "nousage": _drop_usage,
    "absurdusage": _count_absurdly,
    "unknownenums": _speak_tomorrow,
    "huge": _swell,
}

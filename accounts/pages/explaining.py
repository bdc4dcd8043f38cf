"""A request explained: from its usage record to what happened, in order and in words. Of keys it knows nothing."""

import uuid
from typing import Any, NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.models import UsageRecord
from accounts.templatetags.pages import duration

Words = str | Promise

ANSWERED = "answered"
# Shorter gaps between attempts are no waiting.
_PAUSE_MS = 30

VERDICTS: dict[str, Words] = {
    ANSWERED: _("answered"),
    "quota": _("the quota was used up, so another key was asked"),
    "key": _("the key was not accepted, so another one was asked"),
    "overloaded": _("Gemini was overloaded"),
    "timeout": _("Gemini took too long"),
    "internal": _("Gemini had an error of its own"),
    "unreachable": _("Gemini could not be reached"),
    "cut_off": _("the answer was cut off"),
    "cancelled": _("Gemini gave the request up"),
    "nonsense": _("the answer could not be read"),
    "empty": _("the answer was empty"),
    "too_large": _("the answer was too large"),
    "unknown": _("something unknown went wrong at Gemini"),
    "model_gone": _("Gemini no longer has this model"),
    "location": _("Gemini does not serve the place where this server stands"),
    "blocked": _("Gemini's safety filter blocked the prompt"),
    "left": _("the client left"),
    "too_long": _("the prompt is too long for this model"),
    "bad_request": _("Gemini refused the request"),
    "foreign_object": _("the request names a file or cache that is not there"),
    "file_lost": _("a file that was left at Gemini was not there any more"),
    "file_unreadable": _("Gemini could not read a file of the request"),
    "upload_timeout": _("leaving a file at Gemini took too long"),
    "credentials": _("this server made the request wrongly"),
    "signature_missing": _("a thought signature was missing; it was mended and asked again"),
    "signature_foreign": _("a thought signature was foreign; it was mended and asked again"),
    "penalty_refused": _("the model takes no penalties; it was asked again without"),
    "logprobs_refused": _("the model tells no logprobs; it was asked again without"),
    "thinking_refused": _("the model refused the reasoning asked for; it was asked again without"),
    "system_refused": _("the model takes no system text; it was asked again with it in the conversation"),
}
"""A word for each way an attempt may end, as compat/gemini/failures.py and the relay write it down."""


class Attempt(NamedTuple):
    """One call to Gemini: times in milliseconds from the request's beginning."""

    model: str
    verdict: str
    began: int
    took: int

    @property
    def words(self) -> Words:
        """How it ended."""
        return VERDICTS.get(self.verdict, self.verdict)

    @property
    def is_good(self) -> bool:
        """True when it answered."""
        return self.verdict == ANSWERED


class Span(NamedTuple):
    """A stretch of the timeline: from 0 to 1000 of the request's time."""

    kind: str
    title: Words
    words: Words
    x: int
    width: int
    took: str


class Explained(NamedTuple):
    """What the page shows."""

    record: UsageRecord
    attempts: tuple[Attempt, ...]
    spans: tuple[Span, ...]
    models: tuple[str, ...]
    """The Gemini models in the order in which each was asked first."""
    untold: int
    """Attempts that were made and not written down."""

    @property
    def request_id(self) -> str:
        """As the client got it."""
        return f"req_{self.record.pk.hex}"


def record_id(text: str) -> uuid.UUID | None:
    """The id of the usage record that a request id names; None for a text that is none."""
    plain = text.strip().removeprefix("req_")
    try:
        return uuid.UUID(plain)
    except ValueError:
        return None


def explain(record: UsageRecord) -> Explained:
    """The request's story."""
    attempts = _attempts(record)
    models = tuple(dict.fromkeys(attempt.model for attempt in attempts))
    return Explained(record, attempts, _spans(record, attempts), models, max(0, record.attempts - len(attempts)))


def _attempts(record: UsageRecord) -> tuple[Attempt, ...]:
    if record.tried:
        return tuple(Attempt(*told) for told in record.tried)
    if record.attempts != 1:
        return ()
    # The only attempt, and it brought something: what went wrong later is told by the record's own status.
    took = max(0, record.first_byte_ms - record.queue_ms)
    return (Attempt(record.gemini_model, ANSWERED, record.queue_ms, took),)


def _spans(record: UsageRecord, attempts: tuple[Attempt, ...]) -> tuple[Span, ...]:
    """The line to wait in, each attempt, and the writing of the answer."""
    whole = max(record.total_ms, 1)

    def span(kind: str, title: Words, words: Words, began: int, took: int, *, is_coarse: bool = False) -> Span:
        began = min(began, whole)
        # A thing that took no time to speak of is seen all the same.
        width = max(6, round(min(took, whole - began) * 1000 / whole))
        told = "< 10 ms" if is_coarse and not took else duration(took)
        return Span(kind, title, words, min(round(began * 1000 / whole), 1000 - width), width, told)

    spans = [
        span("wait", _("Before the first attempt"), _("checks, limits, waiting for a free key"), 0, record.queue_ms)
    ]
    ended = record.queue_ms
    for number, attempt in enumerate(attempts, 1):
        if attempt.began - ended >= _PAUSE_MS:
            spans.append(
                span("wait", _("Pause"), _("until a key or the model was free again"), ended, attempt.began - ended)
            )
        ended = max(ended, attempt.began + attempt.took)
        title = _("Attempt %(number)d: %(model)s") % {"number": number, "model": attempt.model}
        kind = "good" if attempt.is_good else "bad"
        is_coarse = bool(record.tried)
        spans.append(span(kind, title, attempt.words, attempt.began, attempt.took, is_coarse=is_coarse))
    if attempts and attempts[-1].is_good and record.first_byte_ms <= record.total_ms:
        rest = record.total_ms - record.first_byte_ms
        spans.append(span("answer", _("The answer"), _("from the first byte to the last"), record.first_byte_ms, rest))
    return tuple(spans)


def as_counts(record: UsageRecord) -> list[tuple[Words, Any]]:
    """The record's counts of tokens, those that are zero left out but for the total."""
    rows: list[tuple[Words, int]] = [
        (_("Prompt"), record.prompt_tokens),
        (_("of it from the cache"), record.cached_tokens),
        (_("of it read by Gemini's tools"), record.tool_prompt_tokens),
        (_("Answer"), record.completion_tokens),
        (_("of it reasoning"), record.reasoning_tokens),
    ]
    return [*(row for row in rows if row[1]), (_("Total"), record.total_tokens)]

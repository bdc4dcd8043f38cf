"""From a POST to a model to its answer: whether the request is valid, whether there is quota, what comes back."""

from collections import Counter
from collections.abc import Iterable
from itertools import count
from secrets import token_urlsafe
from typing import NamedTuple

from compat.schemas.gemini_request.violation import Violation
from compat.simulator import quota_refusals, refusals
from compat.simulator.answers import Answer, make_answer
from compat.simulator.clock import Clock
from compat.simulator.embeddings import count_embedding_tokens, to_embedding, with_usage
from compat.simulator.faults import REFUSALS, TRANSPORT, Fault
from compat.simulator.faulty_answers import spoil
from compat.simulator.files import Files
from compat.simulator.keys import Key
from compat.simulator.model_facts import ModelFacts
from compat.simulator.prefix_cache import PrefixCache
from compat.simulator.quotas import Quotas
from compat.simulator.refusals import Refused
from compat.simulator.tokens import prompt_tokens
from compat.simulator.usage import Usage
from compat.simulator.validation import checked
from compat.simulator.wire import JsonObject, decode

NO_FAULT = Fault("")
_FLAKY_EACH = 2


class Asked(NamedTuple):
    """A valid request in normal form, the model and the key it is for, and what is to go wrong."""

    request: JsonObject
    facts: ModelFacts
    key: Key
    faults: tuple[Fault, ...] = ()


class Generation:
    """The simulated back end: everything between the parsed path and the bytes of the answer."""

    def __init__(self, quotas: Quotas, clock: Clock, files: Files) -> None:
        self.quotas = quotas
        self._files = files
        self._clock = clock
        self._cache = PrefixCache()
        self._flaky: Counter[str] = Counter()
        self._opening = token_urlsafe(9)
        self._numbers = count(1)

    def read(self, facts: ModelFacts, body: bytes, method: str, key: Key) -> JsonObject:
        """The request in normal form; raises Refused as the API would."""
        try:
            given = decode(body or b"{}")
        except ValueError:
            raise _unreadable() from None
        request, violations = checked(facts, given, method, key.project)
        if violations:
            raise _invalid(violations)
        if "cachedContent" in request:
            # Caches belong to a project; none is ever made here, so they are always somebody else's.
            raise Refused(403, "CachedContent not found (or permission denied)")
        self._files.look_up(request, key.project)
        return request

    def answer(self, asked: Asked, *, streamed: bool) -> Answer:
        """The answer to a valid generate request, spoilt by the faults; raises Refused for faults and quotas."""
        request, facts, key, faults = asked
        if facts.kind == "special":
            raise refusals.interactions_only()
        counts = prompt_tokens(request)
        tokens = sum(counts.values())
        self._admit(facts, key, faults, tokens)
        cached = self._cache.cached_tokens(request, facts, key.project, tokens)
        usage = Usage(counts, cached)
        answer = make_answer(request, facts, key.project, self._response_id(), usage, streamed=streamed)
        for fault in faults:
            if fault.name != "continue" or "continuationToken" not in request:
                spoil(answer, fault)
        return answer

    def embed(self, asked: Asked, *, batch: bool) -> JsonObject:
        """The reply to a valid embedContent or batchEmbedContents; raises Refused for faults and quotas."""
        request, facts, key, faults = asked
        requests = request["requests"] if batch else [request]
        counts = count_embedding_tokens(requests)
        self._admit(facts, key, faults, sum(counts.values()))
        embeddings = [to_embedding(one, facts) for one in requests]
        reply: JsonObject = {"embeddings": embeddings} if batch else {"embedding": embeddings[0]}
        return with_usage(reply, facts, counts)

    def count(self, asked: Asked) -> JsonObject:
        """The reply to a valid countTokens, which costs no quota."""
        counts = prompt_tokens(asked.request.get("generateContentRequest", asked.request))
        details = [{"modality": modality, "tokenCount": tokens} for modality, tokens in counts.items() if tokens]
        return {"totalTokens": sum(counts.values()), "promptTokensDetails": details}

    def _admit(self, facts: ModelFacts, key: Key, faults: Iterable[Fault], tokens: int) -> None:
        for fault in faults:
            if fault.name in REFUSALS:
                self._refuse(fault, facts, key)
        exceeded = self.quotas.take(key, facts, tokens, self._clock())
        if exceeded:
            raise quota_refusals.quota_refusal(facts, exceeded, paid=key.paid)

    def _refuse(self, fault: Fault, facts: ModelFacts, key: Key) -> None:
        if fault.name in quota_refusals.PRETENDED:
            raise quota_refusals.quota_refusal(facts, quota_refusals.PRETENDED[fault.name], paid=key.paid)
        if fault.name != "flaky":
            raise refusals.of_model(fault.name, facts.id)
        self._flaky[key.text] += 1
        if self._flaky[key.text] % max(1, fault.number(_FLAKY_EACH)) == 0:
            raise refusals.of_model("overloaded", facts.id)

    def _response_id(self) -> str:
        return f"{self._opening}{next(self._numbers):011x}"


def wire_fault(faults: Iterable[Fault]) -> Fault:
    """The first of the faults that concerns the wire (or is so large that the client may leave before its end)."""
    return next((fault for fault in faults if fault.name in TRANSPORT or fault.name == "huge"), NO_FAULT)


def prompt_characters(request: JsonObject) -> int:
    """How long the texts of the contents are together."""
    parts = (part for content in request.get("contents") or () for part in content.get("parts") or ())
    return sum(len(part.get("text", "")) for part in parts)


def _unreadable() -> Refused:
    sentence = "Invalid JSON payload received. Unexpected token."
    return Refused(400, sentence, [refusals.bad_request([("", sentence)])])


def _invalid(violations: list[Violation]) -> Refused:
    """One 400 for all; only malformed payloads list the fields, as the API does."""
    message = "\n".join(violation.message for violation in violations)
    if not violations[0].malformed:
        return Refused(400, message)
    fields = [(violation.field, violation.message) for violation in violations]
    return Refused(400, message, [refusals.bad_request(fields)])

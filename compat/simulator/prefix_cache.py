"""Implicit caching: a long prefix that a project has sent before counts as cached (Gemini API reference, 2.9)."""

from collections import OrderedDict
from hashlib import blake2b

from compat.simulator.model_facts import ModelFacts
from compat.simulator.wire import JsonObject, encode

_BLOCK_TOKENS = 512
_BLOCK_BYTES = _BLOCK_TOKENS * 4
_MOST_BLOCKS = 20_000


class PrefixCache:
    """Digests of prompt prefixes, block by block; the oldest are forgotten."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: OrderedDict[bytes, None] = OrderedDict()

    def cached_tokens(self, request: JsonObject, facts: ModelFacts, project: str, tokens: int) -> int:
        """How many of the prompt's tokens were sent before; 0 below the model's minimum. Remembers the prompt."""
        shortest = facts.shortest_cached_prefix
        if not shortest or tokens < shortest:
            return 0
        said = [request.get("systemInstruction"), request.get("tools"), request["contents"]]
        text = encode(said)
        digest = blake2b(f"{project}/{facts.served_as}".encode(), digest_size=16)
        matched = 0
        matching = True
        for start in range(0, len(text) - _BLOCK_BYTES + 1, _BLOCK_BYTES):
            digest.update(text[start : start + _BLOCK_BYTES])
            prefix = digest.digest()
            matching = matching and prefix in self._known
            matched += matching
            self._known[prefix] = None
            self._known.move_to_end(prefix)
        while len(self._known) > _MOST_BLOCKS:
            self._known.popitem(last=False)
        cached = min(matched * _BLOCK_TOKENS, tokens - 1)
        return cached if cached >= shortest else 0

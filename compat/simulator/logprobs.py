"""logprobsResult: the tokens of the text with made-up probabilities (Gemini API reference, 4.5)."""

from compat.simulator.wire import JsonObject

_CHARACTERS_A_TOKEN = 4


def logprobs_result(text: str, top: int) -> JsonObject:
    """The chosen tokens and, beside each, so many alternatives of which the chosen one is the first."""
    tokens = [text[at : at + _CHARACTERS_A_TOKEN] for at in range(0, len(text), _CHARACTERS_A_TOKEN)]
    chosen = [_token(token, 0) for token in tokens]
    result: JsonObject = {"chosenCandidates": chosen}
    if top:
        result["topCandidates"] = [
            {"candidates": [_token(token if rank == 0 else f"{token}~{rank}", rank) for rank in range(top)]}
            for token in tokens
        ]
    return result


def _token(token: str, rank: int) -> JsonObject:
    return {"token": token, "tokenId": 1_000 + sum(token.encode()), "logProbability": -0.125 - rank}

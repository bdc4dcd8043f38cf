"""logprobsResult → logprobs: two lists that run in parallel by step become one list of tokens."""

from typing import Any

from compat.schemas.gemini import LogprobsResult, TokenLogprob


def to_logprobs(result: LogprobsResult | None) -> dict[str, Any] | None:
    """OpenAI's logprobs object, None where Gemini gave none."""
    if result is None or not result.chosenCandidates:
        return None
    steps = result.topCandidates or []
    tokens = []
    for index, chosen in enumerate(result.chosenCandidates):
        likeliest = (steps[index].candidates or []) if index < len(steps) else []
        tokens.append({**_token(chosen), "top_logprobs": [_token(token) for token in likeliest]})
    return {"content": tokens, "refusal": None}


def _token(token: TokenLogprob) -> dict[str, Any]:
    return {"token": token.token, "logprob": token.logProbability, "bytes": list(token.token.encode())}

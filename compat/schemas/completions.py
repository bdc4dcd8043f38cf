"""POST completions, the legacy endpoint."""

from typing import Annotated, Any

from msgspec import Meta, Struct

from compat.schemas.chat import AtMost2, Penalty, Seed, Share, StreamOptions, TokenCount

Tokens = list[int]


class CompletionRequest(Struct):
    """The members that have an effect."""

    model: Annotated[str, Meta(min_length=1, max_length=256)]
    # Texts, token ids, or a list of either; which of them is told apart in the translation.
    prompt: str | list[str | int | Tokens] | None = None
    suffix: str | None = None
    max_tokens: TokenCount | None = None
    temperature: AtMost2 | None = None
    top_p: Share | None = None
    n: Annotated[int, Meta(ge=1, le=16)] | None = None
    best_of: Annotated[int, Meta(ge=1, le=20)] | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    logprobs: Annotated[int, Meta(ge=0, le=5)] | None = None
    echo: bool | None = None
    stop: str | list[str] | None = None
    presence_penalty: Penalty | None = None
    frequency_penalty: Penalty | None = None
    logit_bias: dict[str, Any] | None = None
    seed: Seed | None = None
    user: Annotated[str, Meta(max_length=1024)] | None = None

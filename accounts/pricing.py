"""What a request costs: the bundled prices of Gemini's models, and those that an operator puts before them.

Prices are looked up once for each model. A request costs the same whichever key answers, so that nobody can tell its kind.
"""

import asyncio
import contextvars
import logging
import time
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Any

from django.db import DatabaseError
from msgspec import Struct

from accounts.in_db import in_db_soon
from accounts.models import ModelPrice
from accounts.money import NANO

logger = logging.getLogger(__name__)

# So old may the operator's prices be in another process, and a bundled price that changes on a day.
REMEMBER_SECONDS = 60.0
_MILLION = 1_000_000
# Of the standard price, where the list does not say: what it asks of each model whose tiers it knows. Flex is cheaper, by how
# much is not guessed: a guess that is too low would let a budget be beaten.
_PRIORITY = 1.8


class Rates(Struct, frozen=True, gc=False):
    """Nanodollars a token. `audio` is for audio in the prompt."""

    prompt: float
    cached: float
    completion: float
    audio: float

    def times(self, factor: float) -> "Rates":
        """So many times as dear."""
        return Rates(factor * self.prompt, factor * self.cached, factor * self.completion, factor * self.audio)


class Price(Struct, frozen=True):
    """The rates of a model, and those that hold for all of a request when its prompt is longer than so many tokens."""

    rates: Rates
    long: tuple[tuple[int, Rates], ...] = ()

    def cost(self, prompt: int, completion: int, cached: int = 0, audio: int = 0) -> int:
        """Nanodollars for tokens as Gemini counts them: `cached` and `audio` are parts of `prompt`."""
        rates = self.rates
        for longer_than, dearer in self.long:
            if prompt > longer_than:
                rates = dearer
        cost = completion * rates.completion
        if cached or audio:
            cost += cached * rates.cached + audio * rates.audio
            prompt = max(0, prompt - cached - audio)
        return round(cost + prompt * rates.prompt)

    def times(self, factor: float) -> "Price":
        """So many times as dear."""
        dearer = tuple((longer_than, rates.times(factor)) for longer_than, rates in self.long)
        return Price(self.rates.times(factor), dearer)


FREE = Price(Rates(0, 0, 0, 0))


class _Known:
    """The prices at hand."""

    def __init__(self) -> None:
        self.own: dict[str, Price] | None = None
        self.by_model: dict[tuple[str, str], Price] = {}
        self.stale_at = 0.0
        self.refreshing: asyncio.Task[None] | None = None


_known = _Known()
_warned: set[str] = set()


def at_hand() -> bool:
    """True once the prices are loaded, see `load`. Those that are old are read anew, for which nobody waits."""
    if _known.own is None:
        return False
    if time.monotonic() > _known.stale_at:
        _refresh_soon()
    return True


async def load() -> None:
    """Load the prices, before the first request. Raises django.db.Error."""
    own = await in_db_soon(_read)
    _known.own, _known.by_model = own, {}
    _known.stale_at = time.monotonic() + REMEMBER_SECONDS


def price_of(model: str, tier: str = "") -> Price:
    """The price of a Gemini model in a service tier, flex, priority or the usual one; see `load` first. Never raises.

    An operator's own price holds in every tier.
    """
    price = _known.by_model.get((model, tier))
    if price is None:
        if len(_known.by_model) > 1_000:
            _known.by_model.clear()
        try:
            price = _own_price(model) or _bundled_price(model, tier)
        except Exception:
            # Whatever is wrong with the list: the record of a request is worth more than its price.
            logger.exception("No price can be told for %.100s: it is taken for free.", model)
            price = FREE
        _known.by_model[model, tier] = price
    return price


def forget(**_: object) -> None:
    """Read the operator's prices anew: they were changed in this process."""
    global _known
    _known = _Known()


def _refresh_soon() -> None:
    if _known.refreshing is None or _known.refreshing.done():
        # A context of its own: the request that noticed may be over before it is.
        task = asyncio.get_running_loop().create_task(_refresh_quietly(), context=contextvars.Context())
        _known.refreshing = task


async def _refresh_quietly() -> None:
    try:
        await load()
    except DatabaseError:
        logger.exception("the prices could not be read anew; the known ones stay")
        _known.stale_at = time.monotonic() + REMEMBER_SECONDS


def _read() -> dict[str, Price]:
    _bundled_models()  # The module is large: loaded here, it does not hold up the event loop.
    return {row.model: _price_of_row(row) for row in ModelPrice.objects.all()}


def _price_of_row(row: ModelPrice) -> Price:
    prompt, completion = _rate(row.prompt), _rate(row.completion)
    cached = prompt if row.cached is None else _rate(row.cached)
    return Price(Rates(prompt, cached, completion, prompt))


def _own_price(model: str) -> Price | None:
    """The operator's price: of the model itself, else of the longest pattern that fits."""
    own = _known.own or {}
    fitting = [pattern for pattern in own if fnmatchcase(model, pattern)]
    return own.get(model) or (own[max(fitting, key=len)] if fitting else None)


def _bundled_models() -> Any:
    """The provider `google` of genai-prices."""
    from genai_prices.data import providers

    return next(provider for provider in providers if provider.id == "google")


def _bundled_price(model: str, tier: str) -> Price:
    found = _bundled_models().find_model(model)
    listed = found is not None and any(
        variant.when.get("service_tier") == tier for variant in found.price_variants or ()
    )
    if listed:
        return _price(found.get_prices(datetime.now(UTC), {"service_tier": tier}))
    price = _standard_price(model, found)
    return price.times(_PRIORITY) if tier == "priority" else price


def _standard_price(model: str, found: Any) -> Price:
    if found is not None:
        return _price(found.get_prices(datetime.now(UTC)))
    if not model.startswith("gemini"):
        return FREE
    # Newer than the data. A guess that is too low would let a budget be beaten.
    dearest = max((_price(known.get_prices(datetime.now(UTC))) for known in _gemini_models()), key=_dearness)
    if model not in _warned:
        _warned.add(model)
        logger.warning("No price is known for %.100s: it is taken for the dearest. The admin can set one.", model)
    return dearest


def _gemini_models() -> list[Any]:
    return [known for known in _bundled_models().models if known.id.startswith("gemini")]


def _dearness(price: Price) -> tuple[float, float]:
    return price.rates.completion, price.rates.prompt


def _price(prices: Any) -> Price:
    starts = {tier.start for price in vars(prices).values() for tier in getattr(price, "tiers", ())}
    return Price(_rates(prices, 0), tuple((start, _rates(prices, start + 1)) for start in sorted(starts)))


def _rates(prices: Any, prompt_tokens: int) -> Rates:
    """The rates of a bundled price for a prompt of so many tokens."""

    def rate(name: str, default: float) -> float:
        price = vars(prices).get(f"{name}_mtok")
        if price is None:
            return default
        dollars = getattr(price, "base", price)
        for tier in getattr(price, "tiers", ()):
            if prompt_tokens > tier.start:
                dollars = tier.price
        return _rate(dollars)

    prompt = rate("input", 0)
    completion = rate("output", 0)
    # Gemini counts the tokens of pictures among those of the answer: a model that draws is charged for pictures.
    return Rates(
        prompt, rate("cache_read", prompt), max(completion, rate("output_image", 0)), rate("input_audio", prompt)
    )


def _rate(dollars_a_million: Any) -> float:
    return float(dollars_a_million) * NANO / _MILLION

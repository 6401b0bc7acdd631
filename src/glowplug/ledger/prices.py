"""The price list of providers' models: `python -m glowplug.ledger.prices`, a process of its own that ends at once.

The list (https://github.com/pydantic/genai-prices) comes with a validation library that weighs more than all of
Glowplug, so no process that stays ever imports it.  Standard input is a JSON list of [base URL, model id]; standard
output is `{"version", "prices"}` with a price, or null, for each.  Nothing is downloaded: the list is that of the
installed package.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import ROUND_CEILING, Decimal
from hashlib import sha256
from typing import TYPE_CHECKING, Final

import msgspec

from glowplug.domain.price import Price, Rates, Tier
from glowplug.money import NANO

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo, ModelPrice

PACKAGE: Final = "genai-prices"
_RATES: Final = {
    "input_mtok": "prompt",
    "output_mtok": "completion",
    "cache_read_mtok": "cached",
    "cache_write_mtok": "cache_written",
    "input_audio_mtok": "prompt_audio",
    "output_audio_mtok": "completion_audio",
}
"""The list's names for dollars per million tokens, and ours."""
_REQUESTS: Final = "requests_kcount"
"""Dollars per thousand requests."""

Pair = tuple[str, str]
"""The provider's base URL and the id it knows the model by."""


class Answer(msgspec.Struct, frozen=True):
    """What the process says."""

    version: str
    prices: tuple[Price | None, ...]
    """None: the list does not have the model, or its price is not one of tokens."""


def versioned(source: str, rates: Rates, tiers: tuple[Tier, ...], request: int) -> Price:
    """A price whose version names what it says, so that one version can never mean two things."""
    said = msgspec.json.encode((rates, tiers, request))
    return Price(version=f"{source} {sha256(said).hexdigest()[:12]}", rates=rates, tiers=tiers, request=request)


def look_up(pairs: Iterable[Pair], now: datetime) -> Answer:
    """Find the prices that are in force at `now`."""
    import genai_prices
    from genai_prices.data_snapshot import get_snapshot

    source = f"{PACKAGE} {genai_prices.__version__}"
    snapshot = get_snapshot()
    found: list[Price | None] = []
    for url, model in pairs:
        try:
            _, info = snapshot.find_provider_model(model, None, None, url)
        except LookupError:
            found.append(None)
        else:
            found.append(price_of(source, _in_force(info, now)))
    return Answer(genai_prices.__version__, tuple(found))


def _in_force(info: ModelInfo, now: datetime) -> ModelPrice:
    """The price of that day; those of an hour of the day are left alone, because we keep what we found for weeks."""
    from genai_prices.types import ModelPrice, TimeOfDateConstraint

    if isinstance(info.prices, ModelPrice):
        return info.prices
    for item in reversed(info.prices):
        constraint = item.constraint
        if constraint is None or (not isinstance(constraint, TimeOfDateConstraint) and constraint.active(now)):
            return item.prices
    return info.prices[0].prices


def price_of(source: str, listed: ModelPrice) -> Price | None:
    """A price of the list as ours.  A tier is for the whole attempt once the prompt is longer than where it starts."""
    from genai_prices.types import TieredPrices

    values = {ours: value for theirs, ours in _RATES.items() if (value := getattr(listed, theirs, None)) is not None}
    each = getattr(listed, _REQUESTS, None)
    if not {"prompt", "completion"} & values.keys():
        return None

    def rates(prompt: int) -> Rates:
        chosen = {}
        for name, value in values.items():
            if isinstance(value, TieredPrices):
                dollars = value.base
                for tier in value.tiers:
                    if tier.start <= prompt:
                        dollars = tier.price
            else:
                dollars = value
            chosen[name] = _nano(dollars)
        return Rates(**chosen)

    starts = sorted(
        {tier.start for value in values.values() if isinstance(value, TieredPrices) for tier in value.tiers}
    )
    tiers = tuple(Tier(above=start, rates=rates(start)) for start in starts)
    return versioned(source, rates(0), tiers, _nano(each / 1000) if isinstance(each, Decimal) else 0)


def _nano(dollars: Decimal) -> int:
    return int((dollars * NANO).to_integral_value(ROUND_CEILING))


def main() -> int:
    pairs = msgspec.json.decode(sys.stdin.buffer.read(), type=list[Pair])
    sys.stdout.buffer.write(msgspec.json.encode(look_up(pairs, datetime.now(UTC))))
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""The price list of providers' models: `python -m glowplug.ledger.prices`, a process of its own that ends at once.

The list (https://github.com/pydantic/genai-prices) comes with a validation library that weighs more than all of
Glowplug, so no process that stays ever imports it.  Standard input is a JSON list of [base URL, model id]; standard
output is `{"version", "prices"}` with a price, or null, for each.  Nothing is downloaded: the list is that of the
installed package.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from datetime import UTC, datetime, time
from decimal import ROUND_CEILING, Decimal
from hashlib import sha256
from typing import TYPE_CHECKING, Final

import msgspec

from glowplug.domain.price import DAY, Hours, Price, Rates, Tier
from glowplug.money import NANO

if TYPE_CHECKING:
    from genai_prices.types import ConditionalPrice, ModelPrice

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


def versioned(source: str, rates: Rates, tiers: tuple[Tier, ...], request: int, hours: tuple[Hours, ...] = ()) -> Price:
    """A price whose version names what it says, so that one version can never mean two things."""
    said = msgspec.json.encode((rates, tiers, request, hours) if hours else (rates, tiers, request))
    version = f"{source} {sha256(said).hexdigest()[:12]}"
    return Price(version=version, rates=rates, tiers=tiers, request=request, hours=hours)


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
            found.append(price_at(source, info.prices, now))
    return Answer(genai_prices.__version__, tuple(found))


def price_at(source: str, listed: ModelPrice | list[ConditionalPrice], now: datetime) -> Price | None:
    """The price of that day, with those of other hours.  In the list the last that is in force wins."""
    from genai_prices.types import ModelPrice, TimeOfDateConstraint

    if isinstance(listed, ModelPrice):
        return price_of(source, listed)
    days = [
        number
        for number, item in enumerate(listed)
        if not isinstance(item.constraint, TimeOfDateConstraint)
        and (item.constraint is None or item.constraint.active(now))
    ]
    base = days[-1] if days else 0
    price = price_of(source, listed[base].prices)
    hours = []
    for item in listed[base + 1 :]:
        if isinstance(item.constraint, TimeOfDateConstraint):
            other = price_of(source, item.prices)
            if other is None:
                return None
            start, end = _second(item.constraint.start_time), _second(item.constraint.end_time)
            hours.append(Hours(start=start, end=end, rates=other.rates, tiers=other.tiers, request=other.request))
    if price is None or not hours:
        return price
    return versioned(source, price.rates, price.tiers, price.request, tuple(hours))


def _second(moment: time) -> int:
    """Seconds since midnight UTC; a time without a zone is UTC."""
    offset = moment.utcoffset()
    seconds = moment.hour * 3600 + moment.minute * 60 + moment.second
    return int(seconds - (offset.total_seconds() if offset is not None else 0)) % DAY


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

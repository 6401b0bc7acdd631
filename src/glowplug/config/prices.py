"""A price in the file → the domain's.  Pure."""

from __future__ import annotations

from msgspec.structs import asdict

from glowplug.config.schema_price import ModelPrice
from glowplug.domain.price import Price, Rates, Tier
from glowplug.ledger.prices import versioned

_SOURCE = "configuration"


def price_of(price: ModelPrice | None) -> Price | None:
    """The version names what the price says, so that a change of the file makes another."""
    if price is None:
        return None
    tiers = sorted(price.tiers, key=lambda tier: tier.above)
    return versioned(
        _SOURCE,
        _rates(price),
        tuple(Tier(above=tier.above, rates=_rates(tier)) for tier in tiers),
        price.request,
    )


def _rates(said: object) -> Rates:
    values = asdict(said)  # type: ignore[arg-type]
    return Rates(**{name: values[name] for name in Rates.__struct_fields__})

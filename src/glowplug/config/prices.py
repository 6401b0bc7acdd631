"""A price in the file → the domain's.  Pure."""

from __future__ import annotations

from msgspec.structs import asdict

from glowplug.config.schema_price import ModelPrice, PriceTier
from glowplug.domain.price import DAY, Hours, Price, Rates, Tier
from glowplug.ledger.prices import versioned

_SOURCE = "configuration"


def price_of(price: ModelPrice | None) -> Price | None:
    """The version names what the price says, so that a change of the file makes another."""
    if price is None:
        return None
    hours = tuple(
        Hours(
            start=int(one.start) % DAY,
            end=int(one.end) % DAY,
            rates=_rates(one),
            tiers=_tiers(one.tiers),
            request=price.request,
        )
        for one in price.hours
    )
    return versioned(_SOURCE, _rates(price), _tiers(price.tiers), price.request, hours)


def _tiers(tiers: tuple[PriceTier, ...]) -> tuple[Tier, ...]:
    return tuple(Tier(above=tier.above, rates=_rates(tier)) for tier in sorted(tiers, key=lambda tier: tier.above))


def _rates(said: object) -> Rates:
    values = asdict(said)  # type: ignore[arg-type]
    return Rates(**{name: values[name] for name in Rates.__struct_fields__})

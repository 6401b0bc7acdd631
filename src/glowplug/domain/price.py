"""What tokens cost, and what an attempt did.  Integers throughout: nano-dollars, so that sums are exact.

Rates are nano-dollars for a million tokens (1 USD per million tokens = 1_000_000_000).  The cost of one line is rounded
once, up to the next nano-dollar, so that a price above zero never makes a use of zero.
"""

from __future__ import annotations

import msgspec

from glowplug.domain.tariff import MOST, Tariff
from glowplug.money import decimal_usd

DAY = 86_400


class Tokens(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an attempt used.  `prompt` holds `cached` and `cache_written`, `completion` holds `reasoning`; audio tokens
    are held by them too."""

    prompt: int = 0
    completion: int = 0
    cached: int = 0
    """Prompt tokens read from the provider's cache."""
    cache_written: int = 0
    """Prompt tokens put into it."""
    reasoning: int = 0
    prompt_audio: int = 0
    completion_audio: int = 0


class Rates(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Nano-dollars for a million tokens of each kind.  None: as the kind that holds it."""

    prompt: int = 0
    completion: int = 0
    cached: int | None = None
    cache_written: int | None = None
    prompt_audio: int | None = None
    completion_audio: int | None = None

    def tariff(self, request: int) -> Tariff:
        """These, with what holds a kind in the place of what is not said of it, and what each `request` costs."""
        return Tariff(
            self.prompt,
            self.completion,
            self.prompt if self.cached is None else self.cached,
            self.prompt if self.cache_written is None else self.cache_written,
            self.prompt if self.prompt_audio is None else self.prompt_audio,
            self.completion if self.completion_audio is None else self.completion_audio,
            request,
        )


class Tier(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Other rates for the whole attempt once its prompt has more than `above` tokens."""

    above: int
    rates: Rates


class Hours(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Other rates for attempts that begin at certain hours of the day.  Seconds since midnight UTC: from `start` up to,
    not including, `end`, over midnight when `end` is the smaller one."""

    start: int
    end: int
    rates: Rates
    tiers: tuple[Tier, ...] = ()
    request: int = 0

    def hold(self, unix: float) -> bool:
        """Whether they are in force at this moment."""
        second = int(unix % DAY)
        if self.end < self.start:
            return second >= self.start or second < self.end
        return self.start <= second < self.end


class Price(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The price of one model as of one version of the table."""

    version: str
    """Names the table and its state; stands in every line, and `price_versions` keeps what it meant."""
    rates: Rates = Rates()
    tiers: tuple[Tier, ...] = ()
    """By `above`, the lowest first."""
    request: int = 0
    """Nano-dollars for each attempt that was answered."""
    energy: int = 0
    """Nano-dollars for a kilowatt-hour that was measured."""
    hours: tuple[Hours, ...] = ()
    """Instead of what stands above; the last that are in force win."""

    @property
    def tariff(self) -> Tariff | None:
        """All there is to it, when it is the same at every hour and for every length."""
        return None if self.tiers or self.hours else self.rates.tariff(self.request)

    @property
    def free(self) -> bool:
        """Whether nothing can cost anything."""
        some = self.request or self.energy or self.tiers or self.hours
        return not some and self.rates == Rates()


LOCAL = "local"
"""The version that lines of local models without a price of their own carry."""
IMPORTED = "litellm"
"""Version of what LiteLLM said a request cost."""
REPORTED = "provider"
"""The version of lines whose cost is what the provider said."""


def energy_price(per_kwh: int) -> Price:
    """The price of local models that have none of their own, where electricity has one (nano-dollars for a
    kilowatt-hour)."""
    return Price(version=f"energy {decimal_usd(per_kwh)}/kWh", energy=per_kwh)


def attempt_cost(price: Price, tokens: Tokens, status: int, started: float) -> int:
    """What an attempt cost that began at `started` (Unix seconds) and ended with this HTTP status (0: none), in
    nano-dollars."""
    in_force = at_hour(price, started) if price.hours else price
    total = cost(in_force, tokens)
    if not 200 <= status < 400:
        total -= in_force.request
    return min(total, MOST)


def at_hour(price: Price, unix: float) -> Price | Hours:
    """What is in force at this moment."""
    return next((hours for hours in reversed(price.hours) if hours.hold(unix)), price)


def dearest(price: Price, tokens: Tokens) -> int:
    """What these tokens cost at the most, whatever the hour."""
    return max([cost(price, tokens), *(cost(hours, tokens) for hours in price.hours)])


def cost(price: Price | Hours, tokens: Tokens) -> int:
    """What these tokens of an attempt that was answered cost, in nano-dollars, other hours left aside."""
    rates = price.rates
    for tier in price.tiers:
        if tokens.prompt > tier.above:
            rates = tier.rates
    return rates.tariff(price.request).of(
        tokens.prompt,
        tokens.completion,
        tokens.cached,
        tokens.cache_written,
        tokens.prompt_audio,
        tokens.completion_audio,
    )

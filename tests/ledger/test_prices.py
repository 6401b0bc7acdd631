"""The price list, read by a process of its own."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from genai_prices.types import ModelPrice, Tier, TieredPrices

from glowplug.domain.price import Price, Rates, Tokens, cost
from glowplug.ledger.prices import look_up, price_of, versioned

NOW = datetime(2026, 11, 25, tzinfo=UTC)


def test_models_are_found_by_where_they_are_and_what_they_are_called_there() -> None:
    answer = look_up(
        [
            ("https://api.openai.com/v1", "gpt-4o"), ("http://127.0.0.1:1/v1", "gpt-4o"),
            ("https://api.openai.com/v1", "no-such-model"),
        ],
        NOW,
    )  # fmt: skip
    priced, elsewhere, unknown = answer.prices
    assert (elsewhere, unknown) == (None, None)
    assert priced is not None
    assert priced.version.startswith(f"genai-prices {answer.version} ")
    assert 0 < priced.rates.prompt < priced.rates.completion
    assert priced.rates.cached is not None


def test_our_cost_is_that_of_the_list_in_every_tier() -> None:
    listed = ModelPrice(
        input_mtok=TieredPrices(base=Decimal("1.25"), tiers=[Tier(start=200_000, price=Decimal("2.5"))]),
        output_mtok=TieredPrices(base=Decimal(10), tiers=[Tier(start=100_000, price=Decimal(15))]),
        cache_read_mtok=Decimal("0.125"),
        requests_kcount=Decimal(5),
    )
    price = price_of("list", listed)
    assert price is not None
    assert [tier.above for tier in price.tiers] == [100_000, 200_000]
    for prompt in (10, 100_000, 100_001, 200_000, 200_001, 10**6):
        tokens = Tokens(prompt=prompt, completion=77, cached=3)
        used = {"input_tokens": prompt, "output_tokens": 77, "cache_read_tokens": 3, "requests": 1}
        expected = listed.calc_price(type("Usage", (), used)())["total_price"]
        assert 0 <= cost(price, tokens) - expected * 10**9 < 1, prompt


def test_what_is_not_paid_by_the_token_has_no_price_here() -> None:
    assert price_of("list", ModelPrice(audio_hours=Decimal(1))) is None


def test_a_version_names_what_a_price_says() -> None:
    one, two = (versioned("s", Rates(prompt=rate), (), 0) for rate in (1, 2))
    assert one.version != two.version
    assert versioned("s", Rates(prompt=1), (), 0) == one == Price(version=one.version, rates=Rates(prompt=1))
    assert versioned("other", Rates(prompt=1), (), 0).version != one.version

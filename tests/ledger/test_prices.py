"""The price list, read by a process of its own."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal

from genai_prices.types import (
    ConditionalPrice,
    ModelInfo,
    ModelPrice,
    StartDateConstraint,
    Tier,
    TieredPrices,
    TimeOfDateConstraint,
)

from glowplug.domain.price import Price, Rates, Tokens, attempt_cost, cost
from glowplug.ledger.prices import look_up, price_at, price_of, versioned

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


def test_prices_by_the_hour_are_those_of_the_list_at_every_hour() -> None:
    def listed(dollars: int) -> ModelPrice:
        return ModelPrice(input_mtok=Decimal(dollars), output_mtok=Decimal(1))

    def daily(start: time, end: time, dollars: int) -> ConditionalPrice:
        return ConditionalPrice(TimeOfDateConstraint(start, end), prices=listed(dollars))

    east = timezone(timedelta(hours=8))
    conditional = [
        ConditionalPrice(prices=listed(1)),
        daily(time(2), time(3), 2),  # before the price of that day: never in force any more
        ConditionalPrice(StartDateConstraint(date(2026, 8, 17)), prices=listed(3)),
        ConditionalPrice(StartDateConstraint(date(2027, 8, 17)), prices=listed(4)),
        daily(time(9, 30, tzinfo=east), time(12, tzinfo=east), 5),
        daily(time(22, 15), time(2), 6),
    ]
    price = price_at("list", conditional, NOW)
    assert price is not None and len(price.hours) == 2
    info = ModelInfo(id="m", match=None, prices=conditional)  # type: ignore[arg-type]
    for minute in range(0, 24 * 60, 5):
        moment = NOW + timedelta(minutes=minute)
        wanted = info.get_prices(moment).input_mtok
        assert isinstance(wanted, Decimal)
        assert attempt_cost(price, Tokens(prompt=1), 200, moment.timestamp()) == wanted * 1000, moment
    assert price.version != versioned("list", price.rates, price.tiers, price.request).version


def test_the_installed_list_has_such_prices() -> None:
    (price,) = look_up([("https://api.deepseek.com", "deepseek-chat")], NOW).prices
    assert price is not None and price.hours


def test_a_price_of_some_hours_that_is_not_by_the_token_is_none() -> None:
    odd = ConditionalPrice(TimeOfDateConstraint(time(1), time(2)), prices=ModelPrice(audio_hours=Decimal(1)))
    plain = ConditionalPrice(prices=ModelPrice(input_mtok=Decimal(1)))
    assert price_at("list", [plain, odd], NOW) is None

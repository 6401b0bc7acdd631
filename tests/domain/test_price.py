"""What tokens cost: exact, rounded once, up."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glowplug.domain.price import (
    Hours,
    Price,
    Rates,
    Tier,
    Tokens,
    attempt_cost,
    cost,
    dearest,
)
from glowplug.domain.tariff import MILLION, MOST

USD = 1_000_000_000
PRICE = Price(
    version="v",
    rates=Rates(prompt=3 * USD, completion=15 * USD, cached=3 * USD // 10, cache_written=375 * USD // 100),
    tiers=(Tier(above=200_000, rates=Rates(prompt=6 * USD, completion=22 * USD)),),
)


@pytest.mark.parametrize(("tokens", "nano"), [
    (Tokens(), 0),
    (Tokens(prompt=1), 3_000),
    (Tokens(completion=1), 15_000),
    (Tokens(prompt=10, cached=10), 3_000),
    (Tokens(prompt=10, cached=4, cache_written=6), 4 * 300 + 6 * 3_750),
    (Tokens(prompt=200_000, completion=1), 600_000_000 + 15_000),
    (Tokens(prompt=200_001, completion=1), 200_001 * 6_000 + 22_000),
    (Tokens(prompt=5, cached=9), 9 * 300),
])  # fmt: skip
def test_known_costs(tokens: Tokens, nano: int) -> None:
    assert cost(PRICE, tokens) == nano


def test_what_has_no_rate_of_its_own_costs_what_holds_it() -> None:
    plain = Price(version="v", rates=Rates(prompt=2 * USD, completion=4 * USD))
    tokens = Tokens(prompt=100, completion=50, cached=20, cache_written=10, prompt_audio=5, completion_audio=7)
    assert cost(plain, tokens) == 100 * 2_000 + 50 * 4_000


def test_audio_has_rates_of_its_own_and_a_request_may_cost_by_itself() -> None:
    price = Price(
        version="v", rates=Rates(prompt=USD, completion=USD, prompt_audio=USD * 2, completion_audio=USD * 3), request=7
    )
    assert (
        cost(price, Tokens(prompt=10, completion=10, prompt_audio=4, completion_audio=3))
        == 7 + 6_000 + 8_000 + 7_000 + 9_000
    )


COUNT = st.integers(0, 1 << 40)


@given(st.integers(0, 10**14), st.integers(0, 10**14), COUNT, COUNT)
def test_rounded_once_and_up(prompt_rate: int, completion_rate: int, prompt: int, completion: int) -> None:
    price = Price(version="v", rates=Rates(prompt=prompt_rate, completion=completion_rate))
    exact = Fraction(prompt * prompt_rate + completion * completion_rate, MILLION)
    assert 0 <= cost(price, Tokens(prompt=prompt, completion=completion)) - exact < 1


@pytest.mark.parametrize(("status", "each"), [(200, 9), (0, 0), (400, 0), (503, 0), (302, 9)])
def test_only_what_was_answered_costs_what_a_request_costs(status: int, each: int) -> None:
    price = Price(version="e", rates=Rates(prompt=USD), request=9)
    assert attempt_cost(price, Tokens(prompt=2), status, 0.0) == 2_000 + each


def test_an_absurd_usage_costs_what_a_sum_can_hold() -> None:
    price = Price(version="e", rates=Rates(prompt=USD * 100))
    assert attempt_cost(price, Tokens(prompt=1 << 53), 200, 0.0) == MOST


@pytest.mark.parametrize(("price", "free"), [
    (Price(version="v"), True), (Price(version="v", request=1), False), (PRICE, False),
    (Price(version="v", rates=Rates(completion=1)), False), (Price(version="v", tiers=PRICE.tiers), False),
])  # fmt: skip
def test_free(price: Price, free: bool) -> None:
    assert price.free is free


HOUR = 3600
MIDNIGHT = 1_764_028_800.0
NIGHTLY = Price(
    version="v",
    rates=Rates(prompt=2 * USD),
    request=5,
    hours=(
        Hours(start=16 * HOUR + 1800, end=1800, rates=Rates(prompt=1 * USD), request=3),
        Hours(
            start=20 * HOUR, end=21 * HOUR, rates=Rates(prompt=4 * USD), tiers=(Tier(above=9, rates=Rates(prompt=USD)),)
        ),
    ),
)


@pytest.mark.parametrize(
    ("hour", "nano"),
    [
        (0, 1_000 + 3), (0.4999, 1_000 + 3), (0.5, 2_000 + 5), (12, 2_000 + 5), (16.4999, 2_000 + 5),
        (16.5, 1_000 + 3), (19.9999, 1_000 + 3), (20, 4_000), (20.9999, 4_000), (21, 1_000 + 3), (23.9999, 1_000 + 3),
    ],
)  # fmt: skip
@pytest.mark.parametrize("day", [0, 1, 364])
def test_the_hour_in_which_an_attempt_begins_has_its_own_price(day: int, hour: float, nano: int) -> None:
    started = MIDNIGHT + day * 24 * HOUR + hour * HOUR
    assert attempt_cost(NIGHTLY, Tokens(prompt=1), 200, started) == nano
    request = {2_005: 5, 1_003: 3}.get(nano, 0)
    assert attempt_cost(NIGHTLY, Tokens(prompt=1), 500, started) == nano - request


def test_a_long_prompt_at_an_hour_with_tiers_of_its_own() -> None:
    assert attempt_cost(NIGHTLY, Tokens(prompt=10), 200, MIDNIGHT + 20.5 * HOUR) == 10 * 1_000


def test_the_dearest_hour_is_what_is_reserved() -> None:
    assert dearest(NIGHTLY, Tokens(prompt=1)) == 4_000
    assert dearest(NIGHTLY, Tokens(prompt=100)) == 200_000 + 5
    assert dearest(PRICE, Tokens(prompt=1)) == cost(PRICE, Tokens(prompt=1))


def test_who_costs_something_at_some_hour_is_not_free() -> None:
    free = Hours(start=0, end=HOUR, rates=Rates())
    assert not Price(version="v", hours=(free,)).free
    assert Price(version="v").free

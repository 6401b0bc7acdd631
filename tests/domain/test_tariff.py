"""The arithmetic of prices that are the same at every hour."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from glowplug.domain.price import Hours, Price, Rates, Tier, Tokens, attempt_cost
from glowplug.domain.tariff import MILLION, MOST, Tariff

COUNT = st.integers(0, 1 << 40)
RATE = st.integers(0, 10**12)


@given(RATE, RATE, RATE, COUNT, COUNT)
def test_text_alone_costs_what_an_attempt_of_it_costs(
    prompt_rate: int, completion_rate: int, request: int, prompt: int, completion: int
) -> None:
    price = Price(version="v", rates=Rates(prompt=prompt_rate, completion=completion_rate), request=request)
    assert price.tariff is not None
    wanted = attempt_cost(price, Tokens(prompt=prompt, completion=completion), 200, 0.0)
    assert price.tariff.text(prompt, completion) == wanted
    assert min(price.tariff.of(prompt, completion, 0, 0, 0, 0), MOST) == wanted


@given(st.lists(RATE, min_size=6, max_size=6), st.lists(COUNT, min_size=6, max_size=6), RATE)
def test_each_kind_is_charged_once_at_its_rate(rates: list[int], counts: list[int], request: int) -> None:
    text, spoken, cached, written, heard, said = counts
    tariff = Tariff(rates[0], rates[1], *rates[2:], request)
    exact = request + Fraction(sum(a * b for a, b in zip(rates, counts, strict=True)), MILLION)
    charged = tariff.of(text + cached + written + heard, spoken + said, cached, written, heard, said)
    assert 0 <= charged - exact < 1


def test_parts_beyond_the_whole_are_charged_as_parts() -> None:
    assert Tariff(MILLION, MILLION, 1, 1, 1, MILLION, 0).of(5, 1, 0, 0, 0, 3) == 5 + 3


def test_a_price_that_depends_has_none() -> None:
    rates = Rates(prompt=1)
    assert Price(version="v", rates=rates, tiers=(Tier(above=5, rates=rates),)).tariff is None
    assert Price(version="v", rates=rates, hours=(Hours(start=0, end=60, rates=rates),)).tariff is None

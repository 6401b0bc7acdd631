"""Orders of targets."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glowplug.domain.model import Policy
from glowplug.domain.price import Price, Rates, Tier
from glowplug.routing.policy import Facts, Size, arrange, likeliest, price_of, smoothed

SIZE = Size(1000, 100)
CHEAP = Price(version="t", rates=Rates(prompt=1_000_000, completion=1_000_000))
DEAR = Price(version="t", rates=Rates(prompt=5_000_000, completion=5_000_000))
LONG = Price(version="t", rates=Rates(), tiers=(Tier(above=500, rates=Rates(prompt=9_000_000)),))


@pytest.mark.parametrize(("policy", "facts", "order"), [
    (Policy.ORDER, (Facts(busy=9), Facts()), (0, 1)),
    (Policy.LEAST_BUSY, (Facts(busy=2), Facts(busy=1), Facts(busy=1)), (1, 2, 0)),
    (Policy.LEAST_BUSY, (Facts(busy=4, weight=4), Facts(busy=2)), (0, 1)),
    (Policy.LATENCY, (Facts(first_byte=0.2), Facts(first_byte=0.1), Facts()), (2, 1, 0)),
    (Policy.PRICE, (Facts(), Facts(price=DEAR), Facts(price=CHEAP), Facts(local=True)), (3, 2, 1, 0)),
    (Policy.PRICE, (Facts(price=LONG), Facts(price=DEAR)), (1, 0)),
    (Policy.WEIGHT, (Facts(weight=0), Facts(weight=1)), (1, 0)),
])  # fmt: skip
def test_order(policy: Policy, facts: tuple[Facts, ...], order: tuple[int, ...]) -> None:
    assert arrange(policy, facts, SIZE, 0.5) == order


@given(
    st.sampled_from(Policy),
    st.lists(st.builds(Facts, weight=st.integers(0, 5), busy=st.integers(0, 5)), max_size=6),
    st.floats(0, 1, exclude_max=True),
)
def test_everybody_has_one_place(policy: Policy, facts: list[Facts], draw: float) -> None:
    assert sorted(arrange(policy, facts, SIZE, draw)) == list(range(len(facts)))


def test_draws_follow_the_weights() -> None:
    facts = (Facts(weight=1), Facts(weight=3))
    first = Counter(arrange(Policy.WEIGHT, facts, SIZE, number / 1000)[0] for number in range(1000))
    assert first == {0: 250, 1: 750}
    three = (Facts(weight=1), Facts(weight=1), Facts(weight=2))
    orders = Counter(arrange(Policy.WEIGHT, three, SIZE, (number + 0.5) / 1200) for number in range(1200))
    assert {order: count for order, count in orders.items() if order[0] == 0} == {(0, 2, 1): 200, (0, 1, 2): 100}


def test_prices() -> None:
    assert price_of(Facts(price=CHEAP), SIZE) == 1100
    assert price_of(Facts(price=LONG), Size(500)) == 0
    assert price_of(Facts(), SIZE) == float("inf")


def test_the_average_follows_slowly() -> None:
    assert smoothed(None, 2.0) == 2.0
    assert 1.0 < smoothed(1.0, 2.0) < 1.5


@given(st.lists(st.integers(0, 50), max_size=6))
def test_the_likeliest_draw_asks_the_heaviest_first(weights: list[int]) -> None:
    facts = [Facts(weight=weight) for weight in weights]
    heaviest = sorted(range(len(weights)), key=lambda n: -weights[n])
    assert arrange(Policy.WEIGHT, facts, SIZE, likeliest(facts)) == tuple(heaviest)

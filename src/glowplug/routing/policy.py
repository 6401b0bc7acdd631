"""In which order the targets of an alias are asked: pure.  `draw` is a random number of 0..1, for `weight`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from glowplug.domain.model import Policy
from glowplug.domain.price import Price, Tokens, cost

SMOOTHING: Final = 0.3
"""Share of the newest measurement in the average of a target's first bytes."""
GUESSED_COMPLETION: Final = 256
"""Tokens of an answer whose request sets no limit, for its price."""


class Facts(NamedTuple):
    """What is known of one target."""

    weight: int = 1
    busy: int = 0
    """Requests it serves or that wait for a slot of it."""
    first_byte: float | None = None
    """Seconds, averaged; None: not measured yet."""
    price: Price | None = None
    local: bool = False


class Size(NamedTuple):
    """Of a request, in tokens."""

    prompt: int
    completion: int = GUESSED_COMPLETION


def smoothed(before: float | None, seconds: float) -> float:
    """The average of first bytes with one more."""
    return seconds if before is None else before + SMOOTHING * (seconds - before)


def arrange(policy: Policy, facts: Sequence[Facts], size: Size, draw: float) -> tuple[int, ...]:
    """The targets' numbers in the order in which they are asked.  Equals stay in the order of the list.

    `latency` asks those first that were never measured; `price` those last whose price nobody knows; `weight` draws
    all places, each among those that are left, and puts targets of weight 0 behind all others.
    """
    numbers = range(len(facts))
    if policy is Policy.LEAST_BUSY:
        return tuple(sorted(numbers, key=lambda n: facts[n].busy / max(facts[n].weight, 1)))
    if policy is Policy.LATENCY:
        return tuple(sorted(numbers, key=lambda n: _first_byte(facts[n])))
    if policy is Policy.PRICE:
        return tuple(sorted(numbers, key=lambda n: price_of(facts[n], size)))
    if policy is Policy.WEIGHT:
        return _drawn(facts, draw)
    return tuple(numbers)


def _first_byte(facts: Facts) -> float:
    return -1.0 if facts.first_byte is None else facts.first_byte


def price_of(facts: Facts, size: Size) -> float:
    """Nano-dollars of a request of this size; infinite when nobody knows."""
    if facts.price is None:
        return 0.0 if facts.local else float("inf")
    return float(cost(facts.price, Tokens(prompt=size.prompt, completion=size.completion)))


def _drawn(facts: Sequence[Facts], draw: float) -> tuple[int, ...]:
    left = [number for number, fact in enumerate(facts) if fact.weight > 0]
    order = []
    while left:
        total = sum(facts[number].weight for number in left)
        point = draw * total
        chosen = left[-1]
        for number in left:
            weight = facts[number].weight
            if point < weight:
                chosen = number
                draw = point / weight  # what is left of one draw is as random as the draw was
                break
            point -= weight
        left.remove(chosen)
        order.append(chosen)
    return (*order, *(number for number, fact in enumerate(facts) if fact.weight <= 0))


def likeliest(facts: Sequence[Facts]) -> float:
    """The draw for which `weight` asks the heaviest first: for who explains."""
    left = [number for number, fact in enumerate(facts) if fact.weight > 0]
    spans = []
    for number in sorted(left, key=lambda n: -facts[n].weight):
        before = sum(facts[other].weight for other in left[: left.index(number)])
        spans.append((before, facts[number].weight, sum(facts[other].weight for other in left)))
        left.remove(number)
    draw = 0.5
    for before, weight, total in reversed(spans):
        draw = (before + weight * draw) / total
    return draw

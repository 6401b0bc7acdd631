"""Which targets a request may go to, and in which order."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glowplug.domain.model import Cold, Policy
from glowplug.routing.policy import Facts, Size
from glowplug.routing.select import Ask, Trait, select


def order(
    traits: list[Trait], ask: Ask, policy: Policy = Policy.ORDER, own: int = 99, cold: Cold = Cold.WAIT
) -> object:
    return select(policy, cold, min(own, len(traits)), traits, ask).order


@pytest.mark.parametrize(("tags", "expected"), [((), (0, 1, 2)), (("x",), (0, 2)), (("y",), (1, 2)), (("z",), (2,))])
def test_tags(tags: tuple[str, ...], expected: tuple[int, ...]) -> None:
    assert order([Trait(("x",)), Trait(("y", "w")), Trait()], Ask(tags=tags)) == expected


@pytest.mark.parametrize(("prompt", "limit", "fits"), [
    (100, 0, True), (130, 0, True), (131, 0, False), (100, 20, True), (100, 30, False),
])  # fmt: skip
def test_only_what_is_clearly_too_long_is_kept_away(prompt: int, limit: int, fits: bool) -> None:
    found = select(Policy.ORDER, Cold.WAIT, 1, [Trait(window=100)], Ask(Size(prompt), limit))
    assert bool(found.order) is fits
    assert found.too_long is not fits


def test_fallbacks_stay_behind_whatever_the_policy() -> None:
    traits = [Trait(facts=Facts(busy=5)), Trait(facts=Facts(busy=1)), Trait(facts=Facts(busy=0))]
    assert order(traits, Ask(), Policy.LEAST_BUSY, own=2) == (1, 0, 2)


def test_the_remembered_one_goes_first_but_not_in_front_of_a_local_one_that_is_warmed() -> None:
    traits = [Trait(facts=Facts(local=True)), Trait(), Trait()]
    assert order(traits, Ask(remembered=2)) == (2, 0, 1)
    assert order(traits, Ask(remembered=2), cold=Cold.CLOUD_WHILE_COLD) == (0, 2, 1)


@given(
    st.sampled_from(list(Policy)), st.sampled_from(list(Cold)), st.integers(0, 5), st.integers(-1, 5),
    st.lists(st.builds(Trait, st.lists(st.sampled_from("xy"), max_size=2).map(tuple), st.none() | st.integers(1, 99))),
    st.lists(st.sampled_from("xyz"), max_size=2).map(tuple), st.floats(0, 1, exclude_max=True), st.integers(1, 200),
)  # fmt: skip
def test_everybody_is_asked_once_or_dropped_with_a_reason(
    policy: Policy, cold: Cold, own: int, remembered: int, traits: list[Trait], tags: tuple[str, ...], draw: float,
    prompt: int,
) -> None:  # fmt: skip
    ask = Ask(Size(prompt), 0, tags, remembered, draw)
    found = select(policy, cold, min(own, len(traits)), traits, ask)
    assert sorted((*found.order, *found.dropped)) == list(range(len(traits)))
    assert all(found.dropped.values())

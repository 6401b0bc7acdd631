"""Whom to unload: what it costs, and what must hold of every choice."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glowplug.lifecycle.eviction import LEAST_CHANCE, UNKNOWN_RELOAD, Candidate, Eviction, choose, cost
from glowplug.lifecycle.placement import Claim, fits


def loaded(model: str, size: int = 4, idle: float = 100.0, room: str = "gpu0", **more: object) -> Candidate:
    return Candidate(model, {room: size}, idle, **more)  # type: ignore[arg-type]


def victims(claims: list[Claim], free: dict[str, int], *candidates: Candidate, forced: tuple[str, ...] = ()) -> str:
    eviction = choose(claims, free, candidates, forced)
    return "-" if eviction is None else "".join(eviction.victims)


# ---- cost


def test_cost_is_reload_time_times_chance_times_worth() -> None:
    fresh = loaded("a", idle=0.0, reload_seconds=30.0)
    assert cost(fresh) == pytest.approx(30.0)
    assert cost(loaded("a", idle=75.0, keep_alive=300.0, reload_seconds=30.0)) == pytest.approx(15.0)
    assert cost(loaded("a", idle=300.0, keep_alive=300.0, reload_seconds=30.0)) == pytest.approx(30.0 / 16)
    assert cost(loaded("a", idle=0.0, reload_seconds=30.0, priority=3)) == pytest.approx(240.0)
    assert cost(loaded("a", idle=0.0)) == pytest.approx(UNKNOWN_RELOAD)


def test_cost_has_bounds_whatever_is_configured() -> None:
    assert cost(loaded("a", idle=1e9, reload_seconds=10.0)) == pytest.approx(10.0 * LEAST_CHANCE)
    assert cost(loaded("a", idle=0.0, keep_alive=0.0, reload_seconds=0.0)) == pytest.approx(0.1)
    assert cost(loaded("a", idle=5.0, keep_alive=float("inf"))) > 0
    assert cost(loaded("a", priority=100)) == cost(loaded("a", priority=20)) < float("inf")
    assert cost(loaded("a", priority=-100)) == cost(loaded("a", priority=-20)) > 0


# ---- choice


def test_the_one_that_is_idle_longest_goes_of_two_alike() -> None:
    assert victims([{"gpu0": 4}], {"gpu0": 0}, loaded("a", idle=10.0), loaded("b", idle=90.0)) == "b"


def test_priority_is_worth_more_than_some_idle_time() -> None:
    assert victims([{"gpu0": 4}], {"gpu0": 0}, loaded("a", idle=90.0, priority=2), loaded("b", idle=10.0)) == "b"


def test_what_loads_quickly_goes_first() -> None:
    slow, quick = loaded("a", reload_seconds=60.0), loaded("b", reload_seconds=2.0)
    assert victims([{"gpu0": 4}], {"gpu0": 0}, slow, quick) == "b"


def test_one_large_one_rather_than_many_small_ones_of_the_same_worth() -> None:
    small = [loaded(name, size=2) for name in "abcd"]
    assert victims([{"gpu0": 8}], {"gpu0": 0}, *small, loaded("z", size=8)) == "z"


def test_what_counts_is_the_cost_of_a_byte_that_is_missing() -> None:
    small = [loaded(name, size=2, idle=0.0, reload_seconds=1.0) for name in "abcd"]
    pair = [loaded(name, size=4, idle=0.0, reload_seconds=1.5) for name in "yz"]
    assert victims([{"gpu0": 8}], {"gpu0": 0}, *small, *pair) == "yz"
    huge = loaded("h", size=40, idle=0.0, reload_seconds=5.0)
    assert victims([{"gpu0": 8}], {"gpu0": 0}, huge, *pair) == "yz", "bytes beyond what is missing help nobody"


def test_a_small_one_that_turns_out_not_to_be_needed_stays() -> None:
    small, large = loaded("a", size=1, idle=900.0), loaded("z", size=10, idle=0.0, reload_seconds=10.0)
    assert victims([{"gpu0": 10}], {"gpu0": 0}, small, large) == "z"


def test_one_that_is_enough_alone_is_not_passed_over_for_a_dearer_pair() -> None:
    first = loaded("a", size=9, idle=0.0, reload_seconds=9.0)
    second = loaded("b", size=1, idle=0.0, reload_seconds=5.0)
    alone = loaded("c", size=10, idle=0.0, reload_seconds=10.5)
    assert victims([{"gpu0": 10}], {"gpu0": 0}, first, second, alone) == "c"
    cheap = loaded("b", size=1, idle=0.0, reload_seconds=0.5)
    assert victims([{"gpu0": 10}], {"gpu0": 0}, first, cheap, alone) == "ba"


def test_who_frees_nothing_there_is_left_alone() -> None:
    elsewhere = loaded("a", room="gpu1", idle=9999.0)
    assert victims([{"gpu0": 4}], {"gpu0": 0, "gpu1": 0}, elsewhere, loaded("b", idle=0.0)) == "b"
    assert victims([{"gpu0": 4}], {"gpu0": 0, "gpu1": 0}, elsewhere) == "-"


def test_the_device_where_it_costs_less() -> None:
    claims: list[Claim] = [{"gpu0": 4}, {"gpu1": 4}]
    dear, cheap = loaded("a", idle=0.0), loaded("b", room="gpu1", idle=500.0)
    eviction = choose(claims, {"gpu0": 0, "gpu1": 0}, [dear, cheap])
    assert eviction == Eviction(("b",), {"gpu1": 4}, cost(cheap))
    halves = [loaded(name, size=2, room="gpu1", idle=500.0) for name in "bc"]
    assert victims(claims, {"gpu0": 0, "gpu1": 0}, dear, *halves) == "bc"


def test_the_forced_go_first_and_count_nothing() -> None:
    forced, other = loaded("f", size=4, idle=0.0, priority=9), loaded("a", size=4, idle=900.0)
    eviction = choose([{"gpu0": 4}], {"gpu0": 0}, [forced, other], ["f"])
    assert eviction == Eviction(("f",), {"gpu0": 4}, 0.0)
    eviction = choose([{"gpu0": 8}], {"gpu0": 0}, [forced, other], ["f"])
    assert eviction == Eviction(("f", "a"), {"gpu0": 8}, cost(other))
    assert victims([{"gpu0": 1}], {"gpu0": 9}, forced, other, forced=("f",)) == "f", "they go even where it fits"


def test_what_is_missing_below_nothing_has_to_be_freed_too() -> None:
    assert victims([{"gpu0": 1}], {"gpu0": -4}, loaded("a", size=4), loaded("b", size=4, idle=0.0)) == "ab"
    assert victims([{"gpu0": 0, "gpu1": 1}], {"gpu0": -4, "gpu1": 1}) == "", "nothing fits everywhere"


def test_nothing_is_enough() -> None:
    assert victims([{"gpu0": 9}], {"gpu0": 0}, loaded("a"), loaded("b")) == "-"


# ---- what holds for anything

ROOMS = ("gpu0", "gpu1", "host")
CLAIMS = st.dictionaries(st.sampled_from(ROOMS), st.integers(0, 12), max_size=3)


@st.composite
def situations(draw: st.DrawFn) -> tuple[list[Claim], dict[str, int], list[Candidate], list[str]]:
    names = [f"m{i}" for i in range(draw(st.integers(0, 7)))]
    candidates = [
        Candidate(
            name,
            draw(CLAIMS),
            draw(st.sampled_from([0.0, 5.0, 80.0, 1000.0])),
            draw(st.sampled_from([0.0, 300.0])),
            draw(st.sampled_from([None, 0.0, 1.0, 40.0])),
            draw(st.integers(-3, 3)),
        )
        for name in names
    ]
    free = {room: draw(st.integers(-6, 10)) for room in ROOMS}
    forced = draw(st.lists(st.sampled_from(names), unique=True, max_size=2)) if names else []
    return draw(st.lists(CLAIMS, min_size=1, max_size=3)), free, candidates, forced


def after(free: dict[str, int], candidates: list[Candidate], names: set[str]) -> dict[str, int]:
    gone = [candidate for candidate in candidates if candidate.model in names]
    return {room: left + sum(candidate.claim.get(room, 0) for candidate in gone) for room, left in free.items()}


@given(situations())
def test_a_choice_fits_has_nobody_too_many_and_is_none_only_when_all_are_not_enough(
    situation: tuple[list[Claim], dict[str, int], list[Candidate], list[str]],
) -> None:
    claims, free, candidates, forced = situation
    everyone = {candidate.model for candidate in candidates}
    eviction = choose(claims, free, candidates, forced)
    possible = any(fits(claim, after(free, candidates, everyone)) for claim in claims)
    assert (eviction is not None) is possible
    if eviction is None:
        return
    chosen = set(eviction.victims)
    assert len(chosen) == len(eviction.victims) and set(forced) <= chosen
    assert eviction.claim in claims
    assert fits(eviction.claim, after(free, candidates, chosen))
    for name in chosen.difference(forced):
        assert not fits(eviction.claim, after(free, candidates, chosen - {name})), f"{name} need not go"
    costs = {candidate.model: cost(candidate) for candidate in candidates}
    assert eviction.cost == pytest.approx(sum(costs[name] for name in chosen.difference(forced)))
    assert eviction.cost <= sum(costs[name] for name in everyone.difference(forced)) + 1e-9
    for candidate in candidates:
        alone = after(free, candidates, {candidate.model, *forced})
        if candidate.model not in forced and any(fits(claim, alone) for claim in claims):
            assert eviction.cost <= costs[candidate.model] + 1e-9, f"{candidate.model} alone would be cheaper"


@given(situations(), st.randoms(use_true_random=False))
def test_a_choice_does_not_depend_on_the_order_it_is_told_in(
    situation: tuple[list[Claim], dict[str, int], list[Candidate], list[str]], random: object
) -> None:
    claims, free, candidates, forced = situation
    shuffled = list(candidates)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert choose(claims, free, candidates, forced) == choose(claims, free, shuffled, list(reversed(forced)))

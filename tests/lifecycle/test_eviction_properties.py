"""Whatever is free and loaded: the chosen unloading is enough, holds nothing superfluous, and is missed only where
unloading everything would not be enough."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from glowplug.lifecycle.eviction import Candidate, choose, cost
from glowplug.lifecycle.placement import fits

ROOMS = ("gpu0", "gpu1", "host")
sizes = st.integers(0, 40)
claims = st.dictionaries(st.sampled_from(ROOMS), sizes, max_size=3)
frees = st.fixed_dictionaries({room: st.integers(-20, 40) for room in ROOMS})


@st.composite
def loaded(draw: st.DrawFn) -> list[Candidate]:
    count = draw(st.integers(0, 6))
    return [
        Candidate(
            model=f"m{number}",
            claim=draw(claims),
            idle_for=draw(st.sampled_from([0.0, 60.0, 1000.0])),
            reload_seconds=draw(st.sampled_from([None, 0.0, 5.0, 30.0])),
            priority=draw(st.integers(-2, 2)),
        )
        for number in range(count)
    ]


def after(free: dict[str, int], gone: list[Candidate]) -> dict[str, int]:
    return {room: free[room] + sum(candidate.claim.get(room, 0) for candidate in gone) for room in ROOMS}


@given(st.lists(claims, min_size=1, max_size=3), frees, loaded(), st.data())
def test_enough_and_nothing_superfluous(
    wanted: list[dict[str, int]], free: dict[str, int], candidates: list[Candidate], data: st.DataObject
) -> None:
    names = [candidate.model for candidate in candidates]
    forced = data.draw(st.lists(st.sampled_from(names), unique=True)) if names else []
    by_name = {candidate.model: candidate for candidate in candidates}
    found = choose(wanted, free, candidates, forced)
    if found is None:
        assert not any(fits(claim, after(free, candidates)) for claim in wanted)
        return
    gone = [by_name[name] for name in found.victims]
    assert len(set(found.victims)) == len(found.victims)
    assert set(forced) <= set(found.victims)
    assert found.claim in wanted
    assert fits(found.claim, after(free, gone))
    chosen = [candidate for candidate in gone if candidate.model not in forced]
    assert found.cost == sum(map(cost, chosen))
    for candidate in chosen:
        assert not fits(found.claim, after(free, [other for other in gone if other is not candidate]))


@given(claims, frees, loaded())
def test_what_fits_unloads_nothing(claim: dict[str, int], free: dict[str, int], candidates: list[Candidate]) -> None:
    if fits(claim, free):
        found = choose([claim], free, candidates)
        assert found is not None
        assert (found.victims, found.cost) == ((), 0)

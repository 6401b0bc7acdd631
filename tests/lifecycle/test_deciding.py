"""One decision at a time: each rule with the picture that shows it."""

from __future__ import annotations

import math
from collections.abc import Mapping

import pytest

from glowplug.domain.hardware import HOST
from glowplug.domain.instance import FailureKind
from glowplug.domain.model import Group
from glowplug.lifecycle.deciding import Decision, Picture, Verdict, conflicting, decide, in_words, protected_until
from glowplug.lifecycle.eviction import UNKNOWN_RELOAD
from glowplug.lifecycle.placement import Room, free_of
from glowplug.lifecycle.queueing import Holding, Phase, Rules, Traits, Wish
from tests.lifecycle.worlds import GIB, gpu, host, need

NOW = 1000.0
RULES = Rules(min_residency=60.0, starvation=120.0)


def held(size: float, phase: Phase = Phase.LOADED, room: str = "gpu0", **more: object) -> Holding:
    more = {"wanted": phase is Phase.LOADING, "ready_at": NOW - 500, "used_at": NOW - 400} | more
    return Holding({room: int(size * GIB)}, phase, **more)  # type: ignore[arg-type]


def picture(
    holdings: Mapping[str, Holding] | None = None,
    rooms: tuple[Room, ...] = (gpu(0), host()),
    promised: float = 0.0,
    pinned: str = "",
    groups: tuple[Group, ...] = (),
    ahead: tuple[str, ...] = (),
) -> Picture:
    loaded = holdings or {}
    left = free_of(rooms, [held.claim for held in loaded.values()])
    free = left | {"gpu0": left.get("gpu0", 0) - int(promised * GIB)}
    traits = {name: Traits(pinned=True) for name in pinned}
    return Picture(RULES, rooms, traits, {group.name: group for group in groups}, loaded, free, left, ahead)


def wish(size: float, *, waited: float = 0.0, evict: bool = True, model: str = "new", **more: object) -> Wish:
    return Wish(model, need(size, **more), NOW - waited, evict=evict)  # type: ignore[arg-type]


def reason(decision: Decision) -> str:
    assert decision.verdict is Verdict.REFUSE and decision.failure is not None
    assert decision.failure.message == decision.why and decision.failure.hint
    return decision.why


# ---- it fits


def test_what_fits_is_let_in_at_the_tightest_place() -> None:
    decision = decide(NOW, wish(6, ram=1), picture(rooms=(gpu(0, 24), gpu(1, 8), host())))
    assert decision == Decision(Verdict.ADMIT, {"gpu1": 6 * GIB, HOST: GIB})


def test_an_engine_that_sleeps_has_what_it_holds_asleep() -> None:
    asleep = {"new": held(4, Phase.ASLEEP), "b": held(18, wanted=True)}
    assert decide(NOW, wish(6), picture(asleep)).verdict is Verdict.ADMIT
    assert decide(NOW, wish(6, model="x"), picture(asleep)).verdict is not Verdict.ADMIT


def test_one_that_is_leaving_is_not_started_a_second_time() -> None:
    """Its memory is on the way back, and there would be plenty elsewhere."""
    decision = decide(NOW, wish(6), picture({"new": held(6, Phase.LEAVING)}, (gpu(0), gpu(1), host())))
    assert decision.verdict is Verdict.WAIT and "new" in decision.why and decision.claim


# ---- it waits for what leaves


def test_what_leaves_is_waited_for_and_the_place_is_kept() -> None:
    decision = decide(NOW, wish(20), picture({"a": held(20, Phase.LEAVING), "b": held(1)}))
    assert (decision.verdict, decision.claim) == (Verdict.WAIT, {"gpu0": 20 * GIB})
    assert decision.why == "waits until a has given its memory back"


def test_who_may_not_evict_waits_for_what_comes_back_anyway() -> None:
    decision = decide(NOW, wish(20, evict=False), picture({"a": held(20, Phase.LEAVING)}))
    assert decision.verdict is Verdict.WAIT


# ---- it evicts


def test_idle_ones_are_unloaded_the_cheapest_first() -> None:
    loaded = {"a": held(12, used_at=NOW - 10), "b": held(12, used_at=NOW - 200)}
    decision = decide(NOW, wish(10), picture(loaded))
    assert (decision.verdict, decision.victims, decision.claim) == (Verdict.EVICT, ("b",), {"gpu0": 10 * GIB})
    assert decision.why == "waits until b has been unloaded"


def test_what_leaves_already_is_counted_before_anybody_is_asked_to() -> None:
    loaded = {"a": held(12, Phase.LEAVING), "b": held(6), "c": held(6)}
    decision = decide(NOW, wish(18), picture(loaded))
    assert decision.verdict is Verdict.EVICT and len(decision.victims) == 1


@pytest.mark.parametrize("phase", [Phase.LOADED, Phase.LOADING])
def test_what_is_used_or_loads_for_somebody_is_waited_for(phase: Phase) -> None:
    decision = decide(NOW, wish(10), picture({"a": held(20, phase, wanted=True)}))
    assert (decision.verdict, decision.claim, decision.victims) == (Verdict.WAIT, {}, ())
    assert decision.why == "waits for a, in use now"
    assert decision.look_again == NOW + RULES.starvation


def test_who_has_waited_too_long_drains_even_what_is_used() -> None:
    used = picture({"a": held(20, wanted=True)})
    assert decide(NOW, wish(10, waited=119.9), used).verdict is Verdict.WAIT
    decision = decide(NOW, wish(10, waited=120.0), used)
    assert (decision.verdict, decision.victims) == (Verdict.EVICT, ("a",))


def test_what_is_in_use_is_not_cheap_because_its_use_began_long_ago() -> None:
    loaded = {"a": held(12, wanted=True, used_at=NOW - 900), "b": held(12, used_at=NOW - 20)}
    assert decide(NOW, wish(10, waited=120), picture(loaded)).victims == ("b",)


def test_what_leaves_already_is_not_asked_to_leave_again() -> None:
    loaded = {"a": held(12, Phase.LEAVING), "p": held(12)}
    assert decide(NOW, wish(20, waited=999), picture(loaded, pinned="p")).verdict is Verdict.REFUSE


def test_a_load_is_not_broken_off_even_for_who_has_waited_too_long_but_its_place_is_kept() -> None:
    decision = decide(NOW, wish(10, waited=500), picture({"a": held(20, Phase.LOADING)}))
    assert (decision.verdict, decision.claim) == (Verdict.WAIT, {"gpu0": 10 * GIB})


def test_a_load_that_nobody_waits_for_can_be_broken_off() -> None:
    decision = decide(NOW, wish(10), picture({"a": held(20, Phase.LOADING, wanted=False)}))
    assert decision.victims == ("a",)


def test_what_sleeps_can_always_be_unloaded() -> None:
    decision = decide(NOW, wish(23), picture({"a": held(4, Phase.ASLEEP, returned=True, ready_at=NOW, used_at=NOW)}))
    assert (decision.verdict, decision.victims) == (Verdict.EVICT, ("a",))


def test_it_looks_again_when_the_first_protection_ends() -> None:
    back = held(20, returned=True, ready_at=NOW - 20, used_at=NOW - 2, reload_seconds=30.0)
    decision = decide(NOW, wish(10), picture({"a": back}))
    assert decision.verdict is Verdict.WAIT
    assert decision.look_again == NOW + 28.0, "quiet for the time of its own load, before its residency ends"


def test_a_promise_takes_only_what_does_not_leave_for_it() -> None:
    """20 are promised, 12 of them leave: of the 12 that are free 4 are left over."""
    leaving = {"a": held(12, Phase.LEAVING)}
    assert decide(NOW, wish(4), picture(leaving, promised=20)).verdict is Verdict.ADMIT
    assert decide(NOW, wish(4.5), picture(leaving, promised=20)).verdict is not Verdict.ADMIT
    assert decide(NOW, wish(13), picture(leaving, promised=1)).verdict is not Verdict.ADMIT, "only 12 are free now"


def test_promises_to_those_in_front_count_and_are_no_reason_to_refuse() -> None:
    decision = decide(NOW, wish(10), picture(promised=20))
    assert (decision.verdict, decision.why) == (Verdict.WAIT, "waits for its turn")
    assert decide(NOW, wish(10), picture(promised=14)).verdict is Verdict.ADMIT


# ---- it is refused


def test_too_large_for_everything_says_the_numbers() -> None:
    decision = decide(NOW, wish(50), picture(rooms=(gpu(0), gpu(1, reserve=1), host(16))))
    assert decision.failure is not None and decision.failure.kind is FailureKind.TOO_LARGE
    assert decision.failure.permanent
    for number in ("gpu0 has 24 GiB", "gpu1 has 23 GiB", "host has 16 GiB"):
        assert number in reason(decision)


def test_too_much_host_memory_is_too_large_as_well() -> None:
    decision = decide(NOW, wish(1, ram=65), picture())
    assert decision.failure is not None and decision.failure.kind is FailureKind.TOO_LARGE


def test_what_other_programs_hold_is_no_reason_to_call_it_too_large_for_ever() -> None:
    both = (gpu(0, 24, others=20), gpu(1, 24), host())
    decision = decide(NOW, wish(30), picture(rooms=both))
    assert decision.failure is not None and decision.failure.kind is FailureKind.NO_ROOM
    assert "other programs hold 20 GiB of gpu0" in reason(decision)


def test_other_programs_are_named() -> None:
    room = gpu(0, 24, others=20, holders=("game", "blender", "comfy", "more"))
    assert "(game, blender, comfy)" in reason(decide(NOW, wish(10), picture(rooms=(room, host()))))


def test_pinned_ones_are_in_the_way_and_named() -> None:
    decision = decide(NOW, wish(10, waited=999), picture({"p": held(20), "a": held(2)}, pinned="p"))
    assert decision.failure is not None and decision.failure.kind is FailureKind.NO_ROOM
    assert "p may not be unloaded" in reason(decision) and not decision.failure.permanent


def test_a_lost_driver_is_not_a_model_that_is_too_large_and_not_a_reason_to_use_the_host() -> None:
    lost = gpu(0, 0, problem="the driver does not answer")
    decision = decide(NOW, wish(1), picture(rooms=(lost, host())))
    assert decision.failure is not None and decision.failure.kind is FailureKind.DRIVER_LOST
    assert "gpu0 cannot be used: the driver does not answer" in reason(decision)


def test_a_model_of_a_lost_device_is_lost_although_another_device_is_there() -> None:
    both = (gpu(0, 0, problem="fell off the bus"), gpu(1), host())
    decision = decide(NOW, wish(1, devices=("gpu0",)), picture(rooms=both))
    assert decision.failure is not None and decision.failure.kind is FailureKind.DRIVER_LOST
    assert decide(NOW, wish(1), picture(rooms=both)).claim == {"gpu1": GIB}


def test_a_device_that_is_not_there_is_no_host() -> None:
    decision = decide(NOW, wish(1, devices=("gpu7",)), picture(rooms=(host(),)))
    assert "1 GiB of gpu7" in reason(decision)


def test_who_may_not_evict_is_told_the_numbers_at_once() -> None:
    decision = decide(NOW, wish(10, evict=False), picture({"a": held(20)}))
    assert decision.failure is not None and decision.failure.kind is FailureKind.NO_ROOM
    for part in ("10 GiB of gpu0", "gpu0 has 4 GiB left", "this key may not unload"):
        assert part in reason(decision)


def test_who_may_not_evict_is_told_of_the_group_when_that_is_why() -> None:
    group = Group(name="g", members=("a", "new"))
    text = reason(decide(NOW, wish(1, evict=False), picture({"a": held(2)}, groups=(group,))))
    assert text.startswith("it may not be loaded beside a")


# ---- groups


def rivals(model: str, loaded: Mapping[str, Holding], *groups: Group, pinned: str = "") -> tuple[str, str]:
    found = conflicting(NOW, model, picture(loaded, pinned=pinned, groups=groups))
    return "".join(found.staying), "".join(found.leaving)


ONE = Group(name="one", members=("a", "b", "c", "new"), most=1)
TWO = Group(name="two", members=("a", "b", "c", "new"), most=2)
ALONE = Group(name="alone", members=("a", "new"), most=2, exclusive=True)


def test_of_a_group_of_one_everybody_else_has_to_go() -> None:
    assert rivals("new", {"a": held(1), "z": held(1)}, ONE) == ("a", "")
    assert rivals("z", {"a": held(1)}, ONE) == ("", "")
    assert rivals("new", {"new": held(1, Phase.ASLEEP), "z": held(1)}, ONE) == ("", ""), "it is no rival of itself"


def test_of_a_group_of_two_the_cheapest_goes() -> None:
    assert rivals("new", {"a": held(1)}, TWO) == ("", "")
    assert rivals("new", {"a": held(1, used_at=NOW - 5), "b": held(1, used_at=NOW - 300)}, TWO) == ("b", "")
    assert rivals("new", {"a": held(1, wanted=True), "b": held(1, used_at=NOW)}, TWO) == ("b", "")
    assert rivals("new", {"a": held(1), "b": held(1, reload_seconds=600.0)}, TWO) == ("a", "")
    assert rivals("new", {"a": held(1), "b": held(1), "c": held(1)}, TWO) == ("ab", ""), (
        "two of them, if there are more"
    )


def test_of_a_group_of_two_one_that_leaves_is_the_one_that_goes() -> None:
    assert rivals("new", {"a": held(1, used_at=NOW - 399), "b": held(1, Phase.LEAVING, used_at=NOW)}, TWO) == ("", "b")


def test_of_a_group_of_two_the_pinned_one_stays() -> None:
    loaded = {"a": held(1, used_at=-math.inf), "b": held(1, used_at=NOW)}
    assert rivals("new", loaded, TWO, pinned="a") == ("b", "")


def test_an_exclusive_group_wants_nobody_beside_it_in_either_direction() -> None:
    assert rivals("new", {"a": held(1), "z": held(1)}, ALONE) == ("z", "")
    assert rivals("z", {"a": held(1), "y": held(1)}, ALONE) == ("a", "")
    assert rivals("z", {"y": held(1)}, ALONE) == ("", "")


def test_a_conflict_that_is_leaving_is_waited_for_although_there_is_room() -> None:
    decision = decide(NOW, wish(1), picture({"a": held(1, Phase.LEAVING)}, groups=(ONE,)))
    assert (decision.verdict, decision.claim) == (Verdict.WAIT, {"gpu0": GIB})


def test_a_conflict_is_unloaded_although_there_is_room() -> None:
    decision = decide(NOW, wish(1), picture({"a": held(1)}, groups=(ONE,)))
    assert (decision.verdict, decision.victims) == (Verdict.EVICT, ("a",))


def test_a_pinned_rival_makes_it_impossible() -> None:
    decision = decide(NOW, wish(1, waited=999), picture({"a": held(1)}, groups=(ONE,), pinned="a"))
    assert "a may not be unloaded" in reason(decision)


def test_a_rival_in_use_is_waited_for_until_that_is_too_long() -> None:
    used = picture({"a": held(1, wanted=True)}, groups=(ONE,))
    assert decide(NOW, wish(1), used).verdict is Verdict.WAIT
    assert decide(NOW, wish(1, waited=120), used).victims == ("a",)


@pytest.mark.parametrize(
    ("model", "group", "loaded", "waits"),
    [
        ("b", ONE, (), True), ("z", ONE, (), False), ("b", TWO, (), False), ("b", TWO, ("a",), True),
        ("a", TWO, ("a",), False), ("z", ALONE, (), True), ("a", ALONE, (), False), ("z", ALONE, ("z",), True),
    ],
)  # fmt: skip
def test_nobody_takes_the_turn_of_one_in_front_in_a_group(
    model: str, group: Group, loaded: tuple[str, ...], waits: bool
) -> None:
    """`new` is in front and waits for memory; what may not run beside it waits behind it, although there is room."""
    holdings = {name: held(1, Phase.ASLEEP if name == model else Phase.LOADED) for name in loaded}
    decision = decide(NOW, wish(1, model=model), picture(holdings, groups=(group,), ahead=("new",)))
    if waits:
        assert (decision.verdict, decision.why) == (Verdict.WAIT, "waits for new, before it in the queue")
    else:
        assert decision.verdict is Verdict.ADMIT


# ---- protection


@pytest.mark.parametrize(
    ("holding", "until"),
    [
        (held(1), 0.0),
        (held(1, wanted=True), math.inf),
        (held(1, Phase.LOADING), math.inf),
        (held(1, Phase.ASLEEP, wanted=True), 0.0),
        (held(1, returned=True, ready_at=NOW - 59, used_at=NOW - 1, reload_seconds=9.0), NOW + 1),
        (held(1, returned=True, ready_at=NOW - 60, used_at=NOW - 1, reload_seconds=9.0), 0.0),
        (held(1, returned=True, ready_at=NOW - 5, used_at=NOW - 5, reload_seconds=9.0), NOW + 4),
        (held(1, returned=True, ready_at=NOW - 9, used_at=NOW - 9, reload_seconds=9.0), 0.0),
        (held(1, returned=True, ready_at=NOW, used_at=NOW, reload_seconds=None), NOW + UNKNOWN_RELOAD),
        (held(1, returned=False, ready_at=NOW, used_at=NOW, reload_seconds=9.0), 0.0),
        (held(1, returned=True, ready_at=None, used_at=NOW), 0.0),
        (held(1, unused=True, ready_at=NOW - 9), NOW + 1),
        (held(1, unused=True, ready_at=NOW - 10), 0.0),
        (held(1, unused=True, ready_at=NOW - 10, returned=True, used_at=NOW - 3, reload_seconds=9.0), NOW + 6),
    ],
)
def test_who_is_protected_and_for_how_long(holding: Holding, until: float) -> None:
    assert protected_until(NOW, holding, RULES) == until


def test_claims_in_words() -> None:
    assert in_words({"gpu0": 15247368192, HOST: GIB, "gpu1": 0}) == "14.2 GiB of gpu0 and 1 GiB of host"
    assert in_words({}) == in_words({"gpu0": 0}) == "no memory"

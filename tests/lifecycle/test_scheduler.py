"""Who gets memory next: stories over time, and explaining against doing."""

from __future__ import annotations

import copy
import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glowplug.domain.instance import FailureKind
from glowplug.domain.model import Group
from glowplug.lifecycle.deciding import Decision, Verdict
from glowplug.lifecycle.placement import Need
from glowplug.lifecycle.queueing import (
    Admit,
    Evict,
    Outcome,
    Phase,
    Queued,
    Refuse,
    Rules,
    Stands,
    Traits,
    Wanted,
)
from glowplug.lifecycle.scheduler import Scheduler
from tests.lifecycle.worlds import GIB, Town, admitted, evicted, gpu, host, need, refused

RULES = Rules()


# ---- in parallel


def test_models_that_fit_load_at_the_same_time() -> None:
    town = Town(gpu(0, 24), gpu(1, 12), host())
    for model, size, room in (("a", 10, "gpu1"), ("b", 12, "gpu0"), ("c", 12, "gpu0")):
        assert admitted(town.want(model, size)) == {model: {room: size}}


def test_a_large_one_is_spread_and_a_context_more_is_claimed() -> None:
    town = Town(gpu(0, 24), gpu(1, 24), host())
    (claim,) = admitted(town.want("a", 40)).values()
    assert claim == {"gpu0": 20.25, "gpu1": 20.25}


def test_who_is_loaded_or_loads_is_not_given_memory_twice() -> None:
    town = Town()
    town.want("a", 4)
    assert town.want("a", 4) == []
    town.ready("a")
    assert town.want("a", 4) == [] and not town.scheduler.wishes


def test_one_that_is_leaving_is_started_again_when_it_has_left() -> None:
    town = Town(gpu(0), gpu(1), host()).load("a", 4)
    town.stands("a", Phase.LEAVING)
    assert town.want("a", 4) == [], "there is room, but it is still there"
    assert admitted(town.gone("a")) == {"a": {"gpu0": 4}}


def test_one_wish_for_a_model_keeps_its_turn_when_it_is_said_again() -> None:
    town = Town().load("x", 20, used=True)
    town.want("a", 20)
    town.now += 5
    town.want("b", 20)
    town.want("a", 22, 0)
    assert [wish.model for wish in town.scheduler.order(town.now)] == ["a", "b"]
    assert town.scheduler.wishes["a"].need == need(22)


def test_who_withdraws_is_out_of_the_queue_and_of_the_way() -> None:
    town = Town().load("x", 20, used=True)
    town.want("a", 20)
    town.withdraw("a")
    assert town.gone("x") == []
    assert town.scheduler.deadline(town.now) is None


def test_an_adopted_engine_holds_what_it_says() -> None:
    town = Town()
    town.stands("a", Phase.LOADED, claim=20)
    assert town.scheduler.free()["gpu0"] == 4 * GIB
    town.later(10)
    assert evicted(town.want("b", 10)) == ["a"]


def test_a_wish_ends_when_the_engine_turns_out_to_run() -> None:
    town = Town().load("x", 20, used=True)
    town.want("a", 20)
    town.stands("a", Phase.LOADED, claim=1)
    assert not town.scheduler.wishes


def test_a_claim_that_was_measured_counts_from_then_on() -> None:
    town = Town().load("a", 20)
    assert evicted(town.want("b", 10)) == ["a"]
    town = Town().load("a", 20)
    town.stands("a", Phase.LOADED, claim=12)
    assert admitted(town.want("b", 10)) == {"b": {"gpu0": 10}}


def test_a_sleeping_one_wakes_where_it_is_and_needs_only_the_rest() -> None:
    town = Town().load("a", 20)
    town.stands("a", Phase.ASLEEP, claim=2)
    assert admitted(town.want("b", 4)) == {"b": {"gpu0": 4}}
    assert admitted(town.want("a", need(20, devices=("gpu0",)))) == {"a": {"gpu0": 20}}
    assert town.scheduler.free()["gpu0"] == 0


# ---- eviction


def test_an_idle_model_makes_room_and_nobody_waits_longer_than_its_memory() -> None:
    town = Town().load("a", 20)
    assert town.want("b", 20) == [Evict("a", "to make room for b")]
    town.stands("a", Phase.LEAVING)
    assert admitted(town.gone("a")) == {"b": {"gpu0": 20}}


def test_a_drain_that_was_called_off_is_waited_for_like_any_use() -> None:
    """A lease crossed the eviction: the machine says that it is used."""
    town = Town().load("a", 20)
    town.want("b", 20)
    assert town.ready("a", used=True) == []
    assert evicted(town.ready("a")) == ["a"], "as soon as it is idle again"


def test_a_load_of_unknown_length_is_weighed_as_usual_and_a_known_one_as_known() -> None:
    town = Town()
    town.load("slow", 12, reload=60.0).load("quick", 12, reload=2.0)
    assert evicted(town.want("b", 10)) == ["quick"]


def test_a_wish_brings_the_length_of_its_load_and_a_measured_one_replaces_it() -> None:
    town = Town().load("a", 12, reload=60.0)
    assert town.scheduler.holdings["a"].reload_seconds == 60.0
    town.post(Stands("a", Phase.LOADED, False, None, 3.0))
    assert town.scheduler.holdings["a"].reload_seconds == 3.0
    town.stands("a", Phase.ASLEEP, claim=1)
    town.post(Wanted("a", need(12)))
    assert town.scheduler.holdings["a"].reload_seconds == 3.0, "it is known from before"


# ---- order


def test_the_more_important_first_then_first_come_first_served() -> None:
    town = Town().load("x", 24, used=True)
    for model, priority in (("a", 0), ("b", 5), ("c", 5), ("d", -1)):
        town.now += 1
        town.want(model, 24, priority)
    assert [wish.model for wish in town.scheduler.order(town.now)] == ["b", "c", "a", "d"]
    assert admitted(town.gone("x")) == {"b": {"gpu0": 24}}


def test_who_has_waited_too_long_goes_first_whatever_the_priority() -> None:
    town = Town().load("x", 24, used=True)
    town.want("low", 24, -5)
    town.now += 119
    town.want("high", 24, 5)
    assert [wish.model for wish in town.scheduler.order(town.now)] == ["high", "low"]
    out = town.later(1)
    assert [wish.model for wish in town.scheduler.order(town.now)] == ["low", "high"]
    assert evicted(out) == ["x"]
    assert admitted(town.gone("x")) == {"low": {"gpu0": 24}}


def test_of_those_who_have_waited_too_long_the_first_goes_first() -> None:
    town = Town().load("x", 24, used=True)
    town.want("low", 24, -5)
    town.now += 1
    town.want("high", 24, 5)
    town.later(200)
    assert [wish.model for wish in town.scheduler.order(town.now)] == ["low", "high"]


def test_positions_are_told_once_and_are_those_of_the_order() -> None:
    town = Town().load("x", 24, used=True)
    town.want("low", 24, -5)
    town.now += 10
    town.want("high", 24, 5)
    told = {out.model: out.position for out in town.heard if isinstance(out, Queued)}
    assert told == {"high": 1, "low": 2}
    town.heard.clear()
    town.later(1)
    assert town.heard == [], "nothing has changed"
    town.later(110)
    told = {out.model: out.position for out in town.heard if isinstance(out, Queued)}
    assert told["low"] == 1, "it has waited too long"
    town.heard.clear()
    town.withdraw("low")
    assert Queued("high", 1, town.why("high")) in town.heard


def test_the_queue_has_a_bound_that_who_need_not_wait_does_not_meet() -> None:
    town = Town(gpu(0, 24), gpu(1, 4), host(), rules=Rules(queue=2)).load("x", 24, used=True)
    town.want("a", 20)
    town.want("b", 20)
    answer = refused(town.want("c", 20))
    assert answer.failure.kind is FailureKind.NO_ROOM and "2 models wait" in answer.failure.message
    assert refused(town.want("d", 400)).failure.kind is FailureKind.TOO_LARGE, "the better reason"
    assert admitted(town.want("e", 4)) == {"e": {"gpu1": 4}}
    assert town.want("a", 21) == [], "it is in already"
    town.withdraw("a")
    assert town.want("c", 20) == []


def test_a_refused_wish_is_not_kept() -> None:
    town = Town()
    assert refused(town.want("a", 400)).failure.kind is FailureKind.TOO_LARGE
    assert not town.scheduler.wishes and not town.scheduler.holdings


def test_without_the_right_to_evict_it_is_refused_at_once_or_waits_for_what_comes_back() -> None:
    town = Town().load("a", 20)
    assert refused(town.want("b", 20, evict=False)).failure.kind is FailureKind.NO_ROOM
    town.stands("a", Phase.LEAVING)
    assert town.want("b", 20, evict=False) == []
    assert admitted(town.gone("a")) == {"b": {"gpu0": 20}}


def test_the_right_can_be_lost_and_won_while_it_waits() -> None:
    town = Town().load("x", 20, used=True)
    town.want("a", 20)
    assert refused(town.want("a", 20, evict=False)).model == "a"


# ---- nobody starves


def test_a_big_model_is_not_starved_by_small_ones_that_keep_fitting() -> None:
    """Each of the small ones fits into what is free, is used all the time, and a new one comes every ten seconds."""
    town = Town(gpu(0, 24), host())
    for number in range(3):
        town.load(f"s{number}", 6, used=True)
    town.want("big", 24)
    running = {f"s{number}" for number in range(3)}
    for number in itertools.count(3):
        out = town.later(10)
        for victim in evicted(out):
            running.discard(victim)
            out += town.gone(victim)
        if "big" in admitted(out):
            break
        running.difference_update({min(running, default="")})
        assert number < 100, "it never gets its turn"
        oldest = next((model for model in list(town.scheduler.holdings)), None)
        if oldest is not None and town.scheduler.holdings[oldest].phase is Phase.LOADED:
            out = town.gone(oldest)
            if "big" in admitted(out):
                break
        new = f"s{number}"
        if new in admitted(town.want(new, 6)):
            town.ready(new, used=True)
    assert town.now <= 1000.0 + RULES.starvation + 20, "at most the starvation and a drain"


def test_what_was_promised_is_not_given_to_who_comes_later() -> None:
    town = Town(gpu(0, 24), host()).load("a", 12)
    assert evicted(town.want("big", 20)) == ["a"]
    assert admitted(town.want("small", 4)) == {"small": {"gpu0": 4}}, "what big will leave is free"
    assert town.want("next", 4) == [] and town.why("next").startswith("waits")
    assert set(admitted(town.gone("a"))) == {"big"}


def test_what_an_eviction_frees_is_promised_at_once() -> None:
    town = Town(gpu(0, 24), host()).load("a", 20, used=True)
    town.want("big", 20)
    town.want("small", 5)
    assert evicted(town.ready("a")) == ["a"]
    assert town.why("small") == "waits for its turn", "a does not leave for it"


def test_a_promise_falls_with_the_wish() -> None:
    town = Town(gpu(0, 24), host()).load("a", 12)
    town.want("big", 24)
    assert town.want("small", 8) == []
    assert set(admitted(town.withdraw("big"))) == {"small"}


def test_a_group_of_its_own_is_not_kept_out_by_those_that_may_not_run_beside_it() -> None:
    """While one of them is drained, the next one must not take its place."""
    alone = Group(name="alone", members=("solo",), exclusive=True)
    town = Town(gpu(0, 24), host(), groups=(alone,))
    town.load("m0", 2, used=True)
    town.want("solo", 2)
    drained = evicted(town.later(120))
    assert drained == ["m0"]
    for number in range(1, 20):
        assert town.want(f"m{number}", 2) == [], "it would be in the way again"
        town.later(1)
    assert set(admitted(town.gone("m0"))) == {"solo"}
    town.ready("solo", used=True)
    assert not set(admitted(town.later(100)))
    assert evicted(town.ready("solo")) == ["solo"], "those who waited meanwhile have their turn"
    assert len(admitted(town.gone("solo"))) == 12


def test_a_group_that_allows_one_does_not_let_a_later_one_pass() -> None:
    one = Group(name="one", members=("a", "b"), most=1)
    town = Town(gpu(0, 24), gpu(1, 24), host(), groups=(one,)).load("x", need(24, devices=("gpu0",)))
    assert evicted(town.want("a", need(24, devices=("gpu0",)))) == ["x"]
    assert town.want("b", need(4, devices=("gpu1",))) == [], "a would have to unload it at once"
    assert set(admitted(town.gone("x"))) == {"a"}


# ---- those who asked for it


@pytest.mark.parametrize("waited", [0.0, 500.0])
def test_what_has_become_ready_is_left_to_those_who_asked_for_it(waited: float) -> None:
    """However long the next one has waited: they hear of the readiness a moment later than the scheduler does."""
    town = Town()
    town.want("a", 20)
    town.want("b", 20)
    town.later(waited)
    assert town.ready("a") == []
    town.later(1)
    out = town.ready("a", used=True)
    assert evicted(out or town.ready("a")) == ["a"], "once they have been there it is like any other"


@pytest.mark.parametrize("waited", [0.0, 500.0])
def test_what_nobody_comes_for_is_unloaded_after_ten_seconds(waited: float) -> None:
    town = Town()
    town.want("a", 20)
    town.want("b", 20)
    town.later(waited)
    town.ready("a")
    assert evicted(town.later(9.9)) == []
    assert evicted(town.later(0.1)) == ["a"]


def test_three_that_want_the_same_memory_are_all_served_although_their_requests_are_late() -> None:
    town = Town(reload=1.0)
    out = town.want("a", 20) + town.want("b", 20) + town.want("c", 20)
    served: list[str] = []
    while len(served) < 3:
        (model,) = admitted(out)
        town.now += 200  # a load longer than anybody should wait
        assert evicted(town.ready(model)) == []
        town.now += 0.1
        out = town.ready(model, used=True)
        served.append(model)
        if len(served) < 3:
            assert evicted(out) == [model]
            out = town.gone(model)
    assert served == ["a", "b", "c"]


# ---- two that alternate


def swap(town: Town, model: str, size: float = 20.0, load: float = 10.0) -> float:
    """Ask for a model as a client that keeps asking for the other one as well; seconds until it was ready."""
    begin = town.now
    out = town.want(model, size)
    while model not in admitted(out):
        for victim in evicted(out):
            town.stands(victim, Phase.LEAVING)
            out = town.gone(victim)
            break
        else:
            deadline = town.scheduler.deadline(town.now)
            assert deadline is not None, f"{model} waits for nothing"
            out = town.later(deadline - town.now)
    town.now += load
    town.ready(model, used=True)
    town.ready(model)
    return town.now - begin


def test_the_first_swap_costs_nobody_a_wait() -> None:
    town = Town().load("a", 20)
    assert swap(town, "b") == 10.0


def busy(town: Town, model: str, seconds: float) -> list[Outcome]:
    """Requests for `model` for some time, each two seconds long and a second after the last, until it has to go."""
    out: list[Outcome] = []
    end = town.now + seconds
    while town.now < end and not evicted(out):
        out += town.ready(model, used=True)
        out += town.later(2)
        out += town.ready(model)
        out += town.later(1) if not evicted(out) else []
    return out


def test_two_that_alternate_are_grouped_for_the_minimum_residency() -> None:
    """Steady requests for both: once they are known to alternate, each stays for a minute."""
    town = Town(reload=5.0).load("a", 20)
    current, other, swaps = "a", "b", []
    for _ in range(8):
        begin = town.now
        out = town.want(other, 20)
        out = out if evicted(out) else busy(town, current, 200)
        assert evicted(out) == [current]
        swaps.append(town.now - begin)
        town.stands(current, Phase.LEAVING)
        assert set(admitted(town.gone(current))) == {other}
        town.now += 5
        town.ready(other, used=True)
        town.ready(other)
        current, other = other, current
    assert swaps[:2] == [0.0, 0.0], "they are not known to alternate yet"
    assert all(60.0 <= seconds <= 63.0 for seconds in swaps[2:]), swaps


def test_one_that_is_used_without_a_pause_is_drained_after_the_starvation() -> None:
    town = Town().load("a", 20, used=True)
    town.want("b", 20)
    assert evicted(town.later(119.9)) == []
    assert evicted(town.later(0.1)) == ["a"]
    town.now += 30  # the drain takes as long as the last response
    assert set(admitted(town.gone("a"))) == {"b"}


def test_a_person_who_alternates_slowly_is_not_made_to_wait() -> None:
    """Whoever looks at an answer for longer than a load takes loses nothing by a swap at once."""
    town = Town().load("a", 20)
    for model in "babababa":
        assert swap(town, model) == 10.0
        town.later(11)


def test_a_person_who_alternates_quickly_waits_for_a_load_at_most() -> None:
    town = Town().load("a", 20)
    for model in "ba":
        swap(town, model)
        town.later(3)
    for model in "baba":
        assert swap(town, model) <= 10.0 + 10.0
        town.later(3)


def test_one_that_comes_back_much_later_does_not_alternate() -> None:
    town = Town().load("a", 20)
    swap(town, "b")
    town.later(RULES.returns_within + 1)
    swap(town, "a")
    assert town.scheduler.protected(town.now, "a") == 0.0
    town.later(20)
    swap(town, "b")
    assert town.scheduler.protected(town.now, "b") > town.now


# ---- other programs


def pressed(left: float = 0.5, **traits: Traits) -> Town:
    """Two idle models and one in use; others have taken what was free, into the reserve."""
    town = Town(gpu(0, 24, reserve=1), host(), traits=traits)
    town.load("old", 4).load("used", 4, used=True)
    town.now += 50
    town.load("new", 4)
    town.look({"gpu0": left})
    return town


def test_pressure_from_other_programs_unloads_the_cheapest_idle_model_after_ten_seconds() -> None:
    town = pressed()
    assert town.scheduler.deadline(town.now) == town.now + 10
    assert town.later(9.9) == []
    assert town.later(0.1) == [Evict("old", "other programs need memory of gpu0")]


def test_pressure_unloads_one_for_each_period_and_never_what_is_used() -> None:
    town = pressed()
    assert evicted(town.later(10)) == ["old"]
    assert evicted(town.later(9.9)) == []
    assert evicted(town.later(0.1)) == ["new"]
    assert evicted(town.later(100)) == []


def test_pressure_that_ends_in_time_unloads_nobody() -> None:
    town = pressed()
    town.later(9)
    town.look({"gpu0": 1.0})
    assert town.later(30) == []
    town.look({"gpu0": 0.5})
    assert town.later(9.9) == [], "the ten seconds begin anew"


def test_pressure_spares_what_has_just_become_ready() -> None:
    town = pressed(old=Traits(pinned=True), new=Traits(pinned=True))
    town.want("fresh", 1)
    town.now += 8
    town.ready("fresh")
    assert evicted(town.later(9.9)) == []
    assert evicted(town.later(10)) == ["fresh"]


def test_pressure_spares_the_pinned_and_takes_the_sleeping() -> None:
    town = pressed(old=Traits(pinned=True), new=Traits(pinned=True))
    assert town.later(100) == []
    town = pressed(new=Traits(pinned=True))
    town.stands("old", Phase.ASLEEP, claim=1)
    assert evicted(town.later(100)) == ["old"]


def test_pressure_where_we_hold_nothing_is_not_our_business() -> None:
    town = Town(gpu(0, 24, reserve=1), gpu(1, 24, reserve=1), host()).load("a", need(4, devices=("gpu1",)))
    town.look({"gpu0": 0.1, "gpu1": 19.0})
    assert town.scheduler.deadline(town.now) is None
    assert town.later(100) == []


def test_a_driver_that_does_not_say_what_is_free_is_no_pressure() -> None:
    town = pressed()
    town.scheduler.set_rooms(town.now, town.rooms, {"gpu0": None})
    assert town.later(100) == []


# ---- deadlines


def test_it_looks_again_only_when_something_could_change() -> None:
    town = Town()
    assert town.scheduler.deadline(town.now) is None
    town.load("x", 20, used=True)
    assert town.scheduler.deadline(town.now) is None, "nothing looks while nobody waits"
    town.want("a", 20)
    assert town.scheduler.deadline(town.now) == town.now + RULES.starvation
    town.later(RULES.starvation)
    assert town.scheduler.deadline(town.now) is None


def test_a_new_configuration_keeps_who_waits_and_who_holds() -> None:
    town = Town().load("a", 20, used=True)
    town.want("b", 20)
    town.scheduler.configure(Rules(starvation=30.0), {"a": Traits(pinned=True)}, [])
    assert town.scheduler.deadline(town.now) == town.now + 30.0
    assert refused(town.later(1)).model == "b"
    assert list(town.scheduler.holdings) == ["a"]


# ---- explaining


def state(scheduler: Scheduler) -> object:
    return copy.deepcopy(
        (scheduler.wishes, scheduler.holdings, scheduler._told, scheduler._pressed, scheduler._evicted_at)
    )


def test_explaining_changes_nothing_and_says_who_would_go() -> None:
    town = Town().load("a", 20).load("u", 4, used=True)
    town.want("w", 24)
    before = state(town.scheduler)
    decision = town.scheduler.explain(town.now, "b", need(10))
    assert (decision.verdict, decision.victims) == (Verdict.EVICT, ("a",))
    assert state(town.scheduler) == before


def test_explaining_who_is_loaded_says_where() -> None:
    town = Town().load("a", 20)
    assert town.scheduler.explain(town.now, "a", need(20)) == Decision(
        Verdict.ADMIT, {"gpu0": 20 * GIB}, why="it has its memory"
    )


def test_explaining_a_full_queue() -> None:
    town = Town(rules=Rules(queue=1)).load("x", 20, used=True)
    town.want("a", 20)
    assert town.scheduler.explain(town.now, "b", need(20)).verdict is Verdict.REFUSE
    assert town.scheduler.explain(town.now, "b", need(4)).verdict is Verdict.ADMIT
    assert town.scheduler.explain(town.now, "a", need(20)).verdict is Verdict.WAIT


NAMES = "abcdef"


@st.composite
def towns(draw: st.DrawFn) -> Town:
    """A town after a random history, with a queue or without."""
    sizes = draw(st.lists(st.sampled_from([8, 12, 24]), min_size=0, max_size=3))
    group = Group(name="g", members=("a", "b", "c"), most=draw(st.integers(1, 2)), exclusive=draw(st.booleans()))
    town = Town(
        *(gpu(number, size) for number, size in enumerate(sizes)),
        host(16),
        rules=Rules(queue=3),
        traits={name: Traits(priority=draw(st.integers(-1, 1)), pinned=name == "f") for name in NAMES},
        groups=(group,) if draw(st.booleans()) else (),
    )
    for model in draw(st.lists(st.sampled_from(NAMES), max_size=10)):
        town.now += draw(st.sampled_from([0.0, 1.0, 30.0, 130.0]))
        what = draw(st.sampled_from(["want", "ready", "use", "sleep", "leave", "gone"]))
        if what == "want":
            town.want(model, draw(st.integers(1, 20)), town.scheduler.traits[model].priority, evict=draw(st.booleans()))
        elif model in town.scheduler.holdings:
            phases = {"ready": Phase.LOADED, "use": Phase.LOADED, "sleep": Phase.ASLEEP, "leave": Phase.LEAVING}
            town.stands(model, phases.get(what), used=what == "use")
    town.now += draw(st.sampled_from([0.0, 40.0, 130.0]))
    return town


@settings(max_examples=300, deadline=None)
@given(
    towns(),
    st.sampled_from(NAMES),
    st.builds(Need, st.integers(0, 30 * GIB), st.integers(0, GIB), st.just(()), st.booleans()),
    st.booleans(),
)
def test_what_is_explained_is_what_happens(town: Town, model: str, size: Need, evict: bool) -> None:
    before = state(town.scheduler)
    decision = town.scheduler.explain(town.now, model, size, evict=evict)
    assert state(town.scheduler) == before, "explaining changed something"
    if town.scheduler.holdings.get(model) and town.scheduler.holdings[model].phase in (Phase.LOADING, Phase.LOADED):
        assert town.want(model, size, evict=evict) == [] or model not in admitted(town.heard[-1:])
        return
    priority = town.scheduler.traits[model].priority
    out = town.post(Wanted(model, size, priority, evict))
    given = {outcome.model: outcome.place.claim for outcome in out if isinstance(outcome, Admit)}
    answers = {outcome.model: outcome.failure for outcome in out if isinstance(outcome, Refuse)}
    gone = [outcome.model for outcome in out if isinstance(outcome, Evict) and outcome.why.endswith(f" {model}")]
    assert (model in given) is (decision.verdict is Verdict.ADMIT)
    assert (model in answers) is (decision.verdict is Verdict.REFUSE)
    if decision.verdict is Verdict.ADMIT:
        assert given[model] == decision.claim
    elif decision.verdict is Verdict.REFUSE:
        assert answers[model] == decision.failure
    else:
        assert town.scheduler.wishes[model].promised == decision.claim
        assert town.why(model) == decision.why
    assert gone == (list(decision.victims) if decision.verdict is Verdict.EVICT else [])


@pytest.mark.parametrize("order", list(itertools.permutations("abc")))
def test_decisions_do_not_depend_on_the_order_things_are_kept_in(order: tuple[str, ...]) -> None:
    town = Town()
    for model in order:
        town.load(model, 8)
    for model in "abc":
        town.scheduler.holdings[model].used_at = town.now - 5
    assert evicted(town.want("z", 10)) == ["a", "b"]

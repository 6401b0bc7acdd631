"""What takes an instance away, event by event and state by state; test_machine.py has the stories."""

from __future__ import annotations

import pytest

from glowplug.domain.instance import Failure, FailureKind, State
from glowplug.lifecycle import events as ev
from glowplug.lifecycle.events import Effect, Policy, StopReason
from glowplug.lifecycle.machine import Machine
from glowplug.lifecycle.moves import COMING, GOING, GRANTED

NOW = 100.0
CRASH = Failure(kind=FailureKind.CRASH, message="it fell over")


def machine(state: State, *, busy: bool = False, wanted: bool = False, **policy: object) -> Machine:
    made = Machine(Policy("d", **policy))  # type: ignore[arg-type]
    made.demand.join("w")
    if state in (*GRANTED, State.DRAINING):
        made.demand.hold("w", busy=busy)
    if wanted:
        made.demand.want("w", 1)
    made._go(1.0, state)
    made.load.started = made.load.progress_at = NOW
    made._idle_at = NOW + 500
    return made


def did(made: Machine, event: ev.Event) -> list[str]:
    return [type(effect).__name__ for effect in made.handle(NOW, event)]


STOPS: dict[State, list[str]] = {
    State.STOPPED: [],
    State.QUEUED: ["Withdraw"],
    State.STARTING: ["Terminate"],
    State.LOADING: ["Terminate"],
    State.READY: ["Revoke"],
    State.BUSY: ["Revoke"],
    State.DRAINING: [],
    State.ASLEEP: ["Terminate"],
    State.STOPPING: [],
    State.RELEASING: [],
    State.FAILED: ["AnnounceProgress"],
}


@pytest.mark.parametrize("state", list(State))
def test_a_stop_in_every_state(state: State) -> None:
    made = machine(state, busy=state is State.BUSY)
    assert did(made, ev.StopAsked()) == STOPS[state]
    assert made.state in (State.STOPPED, State.DRAINING, *GOING)


@pytest.mark.parametrize("state", list(State))
def test_a_forced_stop_leaves_nothing_that_has_to_be_waited_for(state: State) -> None:
    made = machine(state, busy=state is State.BUSY)
    did(made, ev.StopAsked(force=True))
    assert made.state in (State.STOPPED, *GOING)


@pytest.mark.parametrize("state", list(State))
def test_who_waits_is_told_of_a_stop_in_every_state(state: State) -> None:
    made = machine(state, wanted=True)
    assert "AnnounceFailure" in did(made, ev.StopAsked(why="because"))
    assert not made.demand.wanted


EVICTIONS: dict[State, list[str]] = {
    state: {State.READY: ["Revoke"], State.BUSY: ["Revoke"], State.ASLEEP: ["Terminate"]}.get(
        state, ["Terminate"] if state in COMING else []
    )
    for state in State
}


@pytest.mark.parametrize("state", list(State))
def test_an_eviction_in_every_state(state: State) -> None:
    made = machine(state, busy=state is State.BUSY)
    assert did(made, ev.EvictAsked("x")) == EVICTIONS[state]
    if EVICTIONS[state]:
        assert made._reason is StopReason.EVICTED


@pytest.mark.parametrize("reason", list(StopReason))
def test_an_eviction_changes_the_reason_of_a_drain_only_where_that_could_be_called_off(reason: StopReason) -> None:
    made = machine(State.DRAINING)
    made._reason = reason
    assert did(made, ev.EvictAsked("x")) == []
    assert made._reason is (StopReason.EVICTED if reason is StopReason.IDLE else reason)


@pytest.mark.parametrize(
    ("reason", "why", "state"),
    [
        (StopReason.IDLE, "", State.ASLEEP),
        (StopReason.EVICTED, "", State.ASLEEP),
        (StopReason.IDLE, "it still holds 9 GiB", State.STOPPING),
        (StopReason.ASKED, "", State.STOPPING),
        (StopReason.RECONFIGURED, "", State.STOPPING),
    ],
)
def test_what_follows_a_sleep(reason: StopReason, why: str, state: State) -> None:
    made = machine(State.DRAINING, sleeps=True, asleep_for=60)
    made._reason, made._falling_asleep = reason, True
    did(made, ev.FellAsleep(why))
    assert made.state is state
    assert made.deadline() == (NOW + 60 if state is State.ASLEEP else NOW + made.policy.stop_timeout)


@pytest.mark.parametrize("state", list(State))
def test_a_sleep_that_nobody_asked_for_is_none(state: State) -> None:
    made = machine(state)
    assert did(made, ev.FellAsleep()) == [] and made.state is state


CHANGES: dict[State, list[str]] = STOPS | {State.QUEUED: ["Admit"]}


@pytest.mark.parametrize("state", list(State))
def test_a_new_command_line_in_every_state(state: State) -> None:
    made = machine(state)
    assert did(made, ev.Reconfigured(Policy("other"))) == CHANGES[state]
    assert made.policy.digest == "other"


@pytest.mark.parametrize("state", list(State))
def test_the_same_command_line_disturbs_nothing(state: State) -> None:
    made = machine(state)
    assert did(made, ev.Reconfigured(Policy("d", keep_alive=7000))) == []
    assert made.state is state and made.policy.keep_alive == 7000


def test_a_new_configuration_ends_the_back_off_of_what_is_still_going_away() -> None:
    made = machine(State.RELEASING)
    made.failure, made.retry_at = CRASH, NOW + 300
    did(made, ev.Reconfigured(Policy("other")))
    assert made.failure is None
    did(made, ev.GroupGone())
    assert made.state is State.STOPPED


@pytest.mark.parametrize("state", list(State))
def test_an_exit_in_every_state(state: State) -> None:
    made = machine(state)
    alive = (*COMING, *GRANTED, State.DRAINING, State.ASLEEP, State.STOPPING)
    effects = did(made, ev.Exited(CRASH))
    if state not in alive:
        assert effects == [] and made.state is state
        return
    assert effects[-1] == "WatchRelease" and made.state is State.RELEASING
    unasked = state in (*COMING, *GRANTED, State.ASLEEP)
    assert ("AnnounceFailure" in effects) is unasked, "an exit that was asked for is no failure"
    assert ("Revoke" in effects) is (state in GRANTED)
    assert not made.demand.holders


@pytest.mark.parametrize("state", list(State))
def test_the_end_of_a_group_in_every_state(state: State) -> None:
    made = machine(state)
    effects = did(made, ev.GroupGone())
    assert effects == (["Forget"] if state in (*GOING, State.STARTING) else [])


def test_who_wants_it_queues_when_it_is_gone_and_not_before() -> None:
    made = machine(State.RELEASING, wanted=True)
    out: list[Effect] = made.handle(NOW, ev.GroupGone())
    assert out == [ev.Forget(), ev.Admit()] and made.state is State.QUEUED


def test_a_drained_from_somebody_who_holds_nothing_is_ignored() -> None:
    made = machine(State.DRAINING)
    assert did(made, ev.Drained("stranger")) == [] and made.state is State.DRAINING
    assert did(made, ev.Drained("w")) == ["Terminate"]


@pytest.mark.parametrize("state", [State.READY, State.ASLEEP, State.STOPPING])
def test_a_drained_outside_a_drain_is_ignored(state: State) -> None:
    assert did(machine(state), ev.Drained("w")) == []

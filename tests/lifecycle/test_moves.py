"""The single moves, each with what belongs to it; when they are made is the machine's business."""

from __future__ import annotations

import math

import pytest

from glowplug.domain.instance import Failure, FailureKind, State
from glowplug.lifecycle import events as ev
from glowplug.lifecycle.events import Effect, Policy, StopReason
from glowplug.lifecycle.load import GRACE
from glowplug.lifecycle.moves import KILL_PATIENCE, Moves

CRASH = Failure(kind=FailureKind.CRASH, message="it fell over")
FLAG = Failure(kind=FailureKind.BAD_FLAG, message="no such flag")


def moves(*workers: str, state: State = State.STOPPED, keep_alive: float = 300.0) -> Moves:
    made = Moves(Policy(digest="d", keep_alive=keep_alive, stop_timeout=7.0))
    for worker in workers:
        made.demand.join(worker)
    made._go(1.0, state)
    return made


def taken(made: Moves) -> list[Effect]:
    effects, made._out = made._out, []
    return effects


def test_who_queues_has_no_failure_any_more_and_asks_for_memory() -> None:
    made = moves(state=State.FAILED)
    made.failure, made.retry_at = FLAG, 99.0
    made._queue(50.0)
    assert (made.state, made.since, made.failure, made.retry_at) == (State.QUEUED, 50.0, None, -math.inf)
    assert taken(made) == [ev.Admit()]


@pytest.mark.parametrize(("state", "after"), [(State.QUEUED, State.STOPPED), (State.ASLEEP, State.ASLEEP)])
def test_who_leaves_the_queue_wants_nothing_and_starts_nothing(state: State, after: State) -> None:
    made = moves(state=state)
    made._waking = state is State.ASLEEP
    made._leave_queue(50.0)
    assert (made.state, made._waking, taken(made)) == (after, False, [ev.Withdraw()])


def test_a_launch_starts_a_new_load() -> None:
    made = moves(state=State.QUEUED)
    made._ready_at, made._idle_at, made._checking, made._keep = 5.0, 6.0, True, 7.0
    made._falling_asleep = made._waking = made._removal.stuck = True
    made._launch(50.0)
    assert (made.state, made.since) == (State.STARTING, 50.0)
    assert (made._keep, made._falling_asleep, made._waking) == (None, False, False)
    assert (made._ready_at, made._idle_at, made._checking, made._removal.stuck) == (None, math.inf, False, False)
    assert (made.load.started, made.load.progress_at) == (50.0, 50.0)
    assert taken(made) == [ev.Launch(), ev.AnnounceProgress()]


def test_a_grant_is_for_workers_that_are_here() -> None:
    made = moves("w")
    made._grant("stranger")
    assert taken(made) == [] and made.demand.holders == set()
    made._grant("w")
    assert taken(made) == [ev.Grant("w")] and made.demand.holders == {"w"}


def test_everybody_is_granted_in_a_fixed_order_and_nobody_waits_any_more() -> None:
    made = moves("b", "a")
    made.demand.want("a", 3)
    made._grant_all()
    assert taken(made) == [ev.Grant("a"), ev.Grant("b")]
    assert (made.demand.waiting, made.demand.wanted) == (0, False)


def test_a_revoke_reaches_holders_only_and_they_hold_until_they_answer() -> None:
    made = moves("a", "b", "c")
    made._grant("b")
    made._grant("a")
    taken(made)
    made._revoke_all()
    assert taken(made) == [ev.Revoke("a"), ev.Revoke("b")]
    assert made.demand.holders == {"a", "b"}


@pytest.mark.parametrize(
    ("state", "busy", "after", "idle_at"),
    [
        (State.READY, True, State.BUSY, math.inf),
        (State.BUSY, False, State.READY, 400.0),
        (State.READY, False, State.READY, math.inf),
        (State.BUSY, True, State.BUSY, math.inf),
        (State.DRAINING, True, State.DRAINING, math.inf),
        (State.LOADING, False, State.LOADING, math.inf),
    ],
)
def test_leases_make_it_busy_and_the_idle_time_begins_with_the_end_of_the_last(
    state: State, busy: bool, after: State, idle_at: float
) -> None:
    made = moves("w", state=state)
    made.demand.hold("w", busy=busy)
    made._settle(100.0)
    assert (made.state, made._idle_at) == (after, idle_at)


@pytest.mark.parametrize(
    ("keep_alive", "before", "after"),
    [(300.0, math.inf, math.inf), (300.0, 150.0, 400.0), (300.0, 900.0, 900.0), (0.0, 100.0, 100.0 + GRACE)],
)
def test_who_asks_moves_the_idle_time_forward_only_and_by_a_grace_at_least(
    keep_alive: float, before: float, after: float
) -> None:
    made = moves(state=State.READY, keep_alive=keep_alive)
    made._idle_at = before
    made._stay(100.0, GRACE)
    assert made._idle_at == after


@pytest.mark.parametrize(("busy", "state"), [(False, State.READY), (True, State.BUSY)])
def test_a_drain_that_is_called_off_grants_again(busy: bool, state: State) -> None:
    made = moves("w", state=State.DRAINING, keep_alive=0.0)
    made.demand.hold("w", busy=busy)
    made._call_off_drain(100.0)
    assert made.state is state and taken(made) == [ev.Grant("w")]
    assert made._idle_at == 100.0 + GRACE


def test_a_drain_ends_at_once_without_holders_and_else_with_the_last() -> None:
    made = moves("a", "b", state=State.READY)
    made._drain(10.0, StopReason.IDLE)
    assert made.state is State.STOPPING and taken(made) == [ev.Terminate()]
    made = moves("a", "b", state=State.READY)
    made._grant_all()
    taken(made)
    made._drain(10.0, StopReason.ASKED)
    assert made.state is State.DRAINING and taken(made) == [ev.Revoke("a"), ev.Revoke("b")]
    for worker, state in (("a", State.DRAINING), ("b", State.STOPPING)):
        made.demand.drained(worker)
        made._finish_drain(11.0)
        assert made.state is state
    assert made._reason is StopReason.ASKED


def test_a_stop_waits_for_nobody_and_revokes_once() -> None:
    made = moves("w", state=State.BUSY)
    made.demand.hold("w", busy=True)
    made._stop(10.0, StopReason.ASKED)
    assert taken(made) == [ev.Revoke("w"), ev.Terminate()]
    assert (made.state, made.demand.holders, made.demand.busy) == (State.STOPPING, set(), 0)
    assert made._removal.deadline() == 10.0 + 7.0
    made = moves("w", state=State.DRAINING)
    made.demand.hold("w", busy=True)
    made._stop(10.0, StopReason.ASKED)
    assert taken(made) == [ev.Terminate()], "it was revoked when the drain began"


def test_after_a_kill_there_is_a_time_to_report_what_remains() -> None:
    made = moves(state=State.STOPPING)
    made._terminate(10.0)
    made._kill(20.0)
    assert taken(made)[-1] == ev.Kill()
    assert made._removal.deadline() == 20.0 + KILL_PATIENCE


def test_a_failure_is_told_after_the_revoke_and_before_the_end() -> None:
    made = moves("w", state=State.READY)
    made.demand.hold("w", busy=False)
    made._fail_and_stop(10.0, CRASH)
    assert taken(made) == [ev.Revoke("w"), ev.AnnounceFailure(CRASH, 20.0), ev.Terminate()]
    assert (made.failure, made.retry_at, made._reason) == (CRASH, 20.0, StopReason.FAILED)


@pytest.mark.parametrize(
    ("failure", "ready_at", "retry_at"), [(CRASH, None, 110.0), (CRASH, 99.0, 100.0), (FLAG, None, math.inf)]
)
def test_when_a_failure_may_be_tried_again(failure: Failure, ready_at: float | None, retry_at: float) -> None:
    made = moves("w")
    made.demand.want("w", 2)
    made._ready_at, made._tried_other_port = ready_at, True
    made._fail(100.0, failure)
    assert (made.retry_at, made.demand.waiting, made._tried_other_port) == (retry_at, 0, False)
    assert taken(made) == [ev.AnnounceFailure(failure, retry_at)]


@pytest.mark.parametrize(("ready_for", "forgotten"), [(59.0, False), (60.0, True)])
def test_an_engine_that_worked_long_enough_has_proved_itself(ready_for: float, forgotten: bool) -> None:
    made = moves()
    made._fail(0.0, CRASH)
    made._queue(20.0)
    made._launch(20.0)
    made._ready_at = 30.0
    made._terminate(30.0 + ready_for)
    assert (made._backoff.failures == 0) is forgotten


def test_a_reset_forgets_and_lets_the_workers_know() -> None:
    made = moves(state=State.FAILED)
    made._fail(0.0, FLAG)
    taken(made)
    made._reset(5.0)
    assert (made.state, made.failure, made.retry_at, made._backoff.failures) == (State.STOPPED, None, -math.inf, 0)
    assert taken(made) == [ev.AnnounceProgress()]


def test_a_state_begins_once() -> None:
    made = moves(state=State.READY)
    made._go(9.0, State.READY)
    assert made.since == 1.0
    made._go(9.0, State.BUSY)
    assert made.since == 9.0

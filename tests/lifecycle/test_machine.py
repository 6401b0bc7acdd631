"""The rules of the instance machine, one story each."""

from __future__ import annotations

import math

import pytest

from glowplug.domain.instance import Failure, FailureKind, State
from glowplug.engines.base import Readiness
from glowplug.lifecycle import events as ev
from glowplug.lifecycle.events import Policy
from glowplug.lifecycle.machine import Machine


class Story:
    """A machine with a clock; `do` gives the effects of an event as it happens."""

    def __init__(self, policy: Policy | None = None, expected: float | None = None) -> None:
        self.machine = Machine(policy or Policy("d"), expected=expected)
        self.now = 1000.0
        self.room = True
        """Whether memory is given as soon as it is asked for."""
        self.do(ev.WorkerJoined("w"))

    @property
    def state(self) -> State:
        return self.machine.state

    def do(self, event: ev.Event) -> list[ev.Effect]:
        effects = self.machine.handle(self.now, event)
        if self.room and ev.Admit() in effects:
            effects = [effect for effect in effects if effect != ev.Admit()]
            effects += self.do(ev.Admitted())
        return effects

    def kinds(self, event: ev.Event) -> list[str]:
        return [type(effect).__name__ for effect in self.do(event)]

    def later(self, seconds: float) -> list[ev.Effect]:
        """Pass time, ticking at each deadline on the way."""
        out, end = [], self.now + seconds
        while (at := self.machine.deadline()) is not None and at <= end:
            self.now = max(at, self.now)
            out += self.do(ev.Tick())
        self.now = end
        return out

    def ensure(self, waiting: int = 1, **more: object) -> list[ev.Effect]:
        return self.do(ev.Ensure("w", waiting, stamp="s", **more))  # type: ignore[arg-type]

    def ready(self, after: float = 2.0) -> Story:
        self.ensure()
        self.do(ev.Launched("s"))
        self.later(after)
        self.do(ev.Probed(Readiness.READY))
        assert self.state is State.READY
        return self

    def gone(self) -> list[ev.Effect]:
        out = []
        if self.state is not State.RELEASING:
            out += self.do(ev.Exited(failure()))
        return out + self.do(ev.GroupGone())


def failure(kind: FailureKind = FailureKind.CRASH) -> Failure:
    return Failure(kind=kind, message="it ended")


def announced(effects: list[ev.Effect]) -> ev.AnnounceFailure:
    (only,) = [effect for effect in effects if isinstance(effect, ev.AnnounceFailure)]
    return only


def test_any_number_of_requests_launch_once() -> None:
    s = Story()
    effects = [effect for _ in range(200) for effect in s.ensure()]
    assert effects.count(ev.Launch()) == 1
    assert s.state is State.STARTING


def test_a_load_becomes_ready_and_is_granted_to_every_worker() -> None:
    s = Story()
    s.do(ev.WorkerJoined("x"))
    s.ensure()
    assert s.do(ev.Launched("s")) == [ev.Probe()]
    s.do(ev.Probed(Readiness.REFUSED))
    assert s.state is State.STARTING
    s.do(ev.Probed(Readiness.LOADING))
    assert s.state is State.LOADING
    s.now += 3.0
    assert s.do(ev.Probed(Readiness.READY)) == [ev.Loaded(3.0), ev.Grant("w"), ev.Grant("x")]
    assert s.machine.demand.waiting == 0


def test_idle_time_counts_from_the_end_of_the_last_response() -> None:
    s = Story(Policy("d", keep_alive=300)).ready()
    s.do(ev.LeaseReport("w", True))
    assert s.later(1000) == []
    assert s.state is State.BUSY
    s.do(ev.LeaseReport("w", False))
    assert s.machine.idle_at == s.now + 300
    assert s.later(299) == []
    assert s.later(1) == [ev.Revoke("w")]
    assert s.state is State.DRAINING
    assert s.do(ev.Drained("w")) == [ev.Terminate()]
    assert s.kinds(ev.Exited(failure())) == ["WatchRelease"]
    assert s.do(ev.GroupGone()) == [ev.Forget()]
    assert s.state is State.STOPPED


def test_keep_alive_zero_stops_after_the_response_but_not_before_it() -> None:
    s = Story(Policy("d", keep_alive=0)).ready()
    assert s.later(5) == []
    s.do(ev.LeaseReport("w", True))
    assert s.do(ev.LeaseReport("w", False)) == [ev.Revoke("w")]


def test_keep_alive_for_ever_never_stops() -> None:
    s = Story(Policy("d", keep_alive=math.inf)).ready()
    assert s.machine.deadline() is None
    assert s.machine.idle_at is None


def test_a_busy_worker_keeps_it_when_another_goes_idle() -> None:
    s = Story(Policy("d", keep_alive=10))
    s.do(ev.WorkerJoined("x"))
    s.ready()
    s.do(ev.LeaseReport("w", True))
    s.do(ev.LeaseReport("x", True))
    s.do(ev.LeaseReport("w", False))
    assert s.later(100) == []
    s.do(ev.WorkerLeft("x"))
    assert s.state is State.READY
    assert s.later(10) == [ev.Revoke("w")]


def test_a_request_while_draining_for_idleness_gets_the_grant_back() -> None:
    s = Story(Policy("d", keep_alive=10)).ready()
    s.later(10)
    assert s.state is State.DRAINING
    assert s.ensure() == [ev.Grant("w")]
    assert s.state is State.READY
    assert s.do(ev.Drained("w")) == []
    s.later(10)
    assert s.do(ev.Drained("w")) == [ev.Terminate()]


def test_a_late_answer_to_a_revoke_that_was_called_off_does_not_count() -> None:
    s = Story(Policy("d", keep_alive=10)).ready()
    s.later(10)
    s.ensure()
    s.later(10)
    assert s.state is State.DRAINING
    assert s.do(ev.Drained("w")) == [ev.Revoke("w")]
    assert s.do(ev.Drained("w")) == [ev.Terminate()]


def test_a_lease_that_crossed_the_revoke_calls_the_drain_off() -> None:
    s = Story(Policy("d", keep_alive=10)).ready()
    s.later(10)
    assert s.do(ev.LeaseReport("w", True)) == [ev.Grant("w")]
    assert s.state is State.BUSY


@pytest.mark.parametrize("exited_already", [False, True])
def test_a_request_while_stopping_starts_it_again_when_the_group_is_gone(exited_already: bool) -> None:
    s = Story(Policy("d", keep_alive=10)).ready()
    s.later(10)
    s.do(ev.Drained("w"))
    if exited_already:
        s.do(ev.Exited(failure()))
    assert s.ensure() == []
    effects = s.gone()
    assert effects[-3:] == [ev.Forget(), ev.Launch(), ev.AnnounceProgress()]
    assert s.state is State.STARTING


def test_an_administrators_stop_is_not_called_off_by_traffic_and_restarts_after_it() -> None:
    s = Story().ready()
    s.do(ev.LeaseReport("w", True))
    assert s.do(ev.StopAsked()) == [ev.Revoke("w")]
    assert s.ensure() == []
    assert s.do(ev.Drained("w")) == [ev.Terminate()]
    assert ev.Launch() in s.gone()


def test_a_forced_stop_does_not_wait_for_leases() -> None:
    s = Story().ready()
    s.do(ev.LeaseReport("w", True))
    assert s.do(ev.StopAsked(force=True)) == [ev.Revoke("w"), ev.Terminate()]


def test_a_stop_during_a_load_tells_those_who_wait() -> None:
    s = Story()
    s.ensure()
    effects = s.do(ev.StopAsked())
    assert announced(effects).failure.kind is FailureKind.STOPPED
    assert ev.Terminate() in effects


def test_a_worker_that_left_holds_nothing() -> None:
    s = Story().ready()
    s.do(ev.LeaseReport("w", True))
    s.do(ev.StopAsked())
    assert s.do(ev.WorkerLeft("w")) == [ev.Terminate()]


def test_a_worker_that_comes_back_during_a_drain_is_revoked_again() -> None:
    s = Story().ready()
    s.do(ev.LeaseReport("w", True))
    s.do(ev.StopAsked())
    assert s.do(ev.WorkerJoined("w", held=True)) == [ev.Revoke("w")]
    assert s.do(ev.Drained("w")) == [ev.Terminate()]


def test_sigkill_follows_the_stop_timeout_and_survivors_are_named() -> None:
    s = Story(Policy("d", stop_timeout=7)).ready()
    s.do(ev.StopAsked(force=True))
    assert s.later(6.9) == []
    assert s.later(0.1) == [ev.Kill()]
    s.do(ev.Exited(failure()))
    s.do(ev.Survivors((71, 72)))
    told = announced(s.later(5))
    assert "71, 72" in told.failure.message
    assert s.machine.stuck
    assert announced(s.ensure(explicit=True)).failure == told.failure
    assert s.do(ev.GroupGone()) == [ev.Forget()]
    assert ev.Launch() in s.ensure(explicit=True)


def test_children_that_outlive_a_crashed_leader_are_killed_at_once() -> None:
    s = Story().ready()
    s.do(ev.Exited(failure()))
    assert s.do(ev.Survivors((71,))) == [ev.Kill()]


def test_children_that_outlive_a_stopped_leader_get_the_rest_of_the_stop_timeout() -> None:
    s = Story(Policy("d", stop_timeout=7)).ready()
    s.do(ev.StopAsked(force=True))
    s.do(ev.Exited(failure()))
    assert s.do(ev.Survivors((71,))) == []
    assert s.later(7) == [ev.Kill()]


# ---- failures


def test_a_crash_while_loading_backs_off_and_doubles() -> None:
    s = Story()
    for delay in (10, 20, 40, 80, 160, 300, 300):
        s.ensure()
        s.do(ev.Launched("s"))
        told = announced(s.do(ev.Exited(failure())))
        assert told.retry_at == s.now + delay
        s.do(ev.GroupGone())
        assert s.state is State.FAILED
        s.now += delay - 0.1
        assert announced(s.ensure()).failure.kind is FailureKind.CRASH
        s.now += 0.1
    assert ev.Launch() in s.ensure()


@pytest.mark.parametrize(
    "kind", [FailureKind.BAD_FLAG, FailureKind.MISSING_FILE, FailureKind.MISSING_PROGRAM, FailureKind.BAD_MODEL]
)
def test_what_cannot_get_better_by_itself_is_not_tried_again(kind: FailureKind) -> None:
    s = Story()
    s.ensure()
    effects = s.do(ev.LaunchFailed(failure(kind), "s"))
    assert announced(effects).retry_at == math.inf
    assert s.state is State.FAILED
    s.now += 100_000
    assert announced(s.ensure()).failure.kind is kind
    assert ev.Launch() in s.do(ev.Ensure("w", 1, stamp="another file"))


def test_an_explicit_start_and_a_new_configuration_end_a_failure() -> None:
    s = Story()
    s.ensure()
    s.do(ev.LaunchFailed(failure(FailureKind.MISSING_FILE), "s"))
    assert ev.Launch() in s.ensure(0, explicit=True)
    s.do(ev.LaunchFailed(failure(FailureKind.MISSING_FILE), "s"))
    assert s.do(ev.Reconfigured(Policy("e"))) == [ev.AnnounceProgress()], "workers must not go on refusing"
    assert s.state is State.STOPPED
    assert ev.Launch() in s.ensure()


def test_the_first_crash_of_a_ready_engine_restarts_at_once_the_next_one_backs_off() -> None:
    s = Story().ready()
    effects = s.do(ev.Exited(failure()))
    assert [type(effect).__name__ for effect in effects] == ["Revoke", "AnnounceFailure", "WatchRelease"]
    assert announced(effects).retry_at == s.now
    s.do(ev.GroupGone())
    s.ready()
    assert announced(s.do(ev.Exited(failure()))).retry_at == s.now + 10
    s.do(ev.GroupGone())
    s.now += 10
    s.ready()
    s.do(ev.LeaseReport("w", True))
    s.later(60)
    assert announced(s.do(ev.Exited(failure()))).retry_at == s.now, "it had settled"


def test_a_suspected_engine_is_granted_again_only_after_its_check() -> None:
    s = Story().ready()
    assert ev.CheckAlive() in s.do(ev.Suspected("it broke a response"))
    assert s.ensure() == []
    assert ev.Grant("w") in s.do(ev.Checked(None))
    s.do(ev.Suspected("again"))
    assert s.ensure() == []
    told = announced(s.do(ev.Exited(failure())))
    assert told.retry_at == s.now, "who waits is told to ask again"
    assert s.ensure() == []
    assert ev.Launch() in s.do(ev.GroupGone())


def test_a_taken_free_port_is_tried_once_more_elsewhere() -> None:
    s = Story()
    s.ensure()
    s.do(ev.Launched("s"))
    assert s.kinds(ev.Exited(failure(FailureKind.PORT_TAKEN))) == ["WatchRelease"]
    assert s.do(ev.GroupGone()) == [ev.Forget(), ev.Launch(), ev.AnnounceProgress()]
    s.do(ev.Launched("s"))
    assert announced(s.do(ev.Exited(failure(FailureKind.PORT_TAKEN)))).retry_at == s.now + 10


def test_a_taken_fixed_port_fails() -> None:
    s = Story(Policy("d", fixed_port=True))
    s.ensure()
    s.do(ev.Launched("s"))
    assert announced(s.do(ev.Exited(failure(FailureKind.PORT_TAKEN))))


def test_a_load_without_progress_fails_and_progress_puts_that_off() -> None:
    s = Story(Policy("d", load_stall=60, load_ceiling=600))
    s.ensure()
    s.do(ev.Launched("s"))
    s.later(59)
    s.do(ev.ProgressSeen("loading weights", 0.4))
    s.later(59)
    assert s.state is State.STARTING
    effects = s.later(1)
    assert announced(effects).failure.kind is FailureKind.HANG
    assert ev.Terminate() in effects


def test_a_load_has_a_ceiling_whatever_it_does() -> None:
    s = Story(Policy("d", load_stall=60, load_ceiling=100))
    s.ensure()
    s.do(ev.Launched("s"))
    for _ in range(9):
        s.later(10)
        s.do(ev.ProgressSeen())
    assert "100 s" in announced(s.later(10)).failure.message


def test_a_stranger_on_the_port_is_believed_after_two_seconds() -> None:
    s = Story()
    s.ensure()
    s.do(ev.Launched("s"))
    assert s.do(ev.Probed(Readiness.WRONG, "it serves x")) == []
    s.now += 2
    effects = s.do(ev.Probed(Readiness.WRONG, "it serves x"))
    assert announced(effects).failure.kind is FailureKind.PORT_TAKEN
    assert ev.Terminate() in effects


def test_a_dead_suspect_is_killed_after_its_workers_were_told() -> None:
    s = Story().ready()
    assert s.do(ev.Suspected("reset")) == [ev.CheckAlive()]
    assert s.do(ev.Suspected("reset")) == []
    hung = failure(FailureKind.HANG)
    assert s.kinds(ev.Checked(hung)) == ["Revoke", "AnnounceFailure", "Terminate", "Kill"]
    s.gone()
    assert s.state is State.FAILED
    assert ev.Launch() in s.ensure()


def test_a_suspect_that_answers_goes_on() -> None:
    s = Story().ready()
    s.do(ev.Suspected("reset"))
    assert s.do(ev.Checked(None)) == []
    assert s.do(ev.Suspected("again")) == [ev.CheckAlive()]


# ---- loads that nobody waits for


@pytest.mark.parametrize(
    ("expected", "at", "cancelled"), [(100.0, 5.0, True), (100.0, 45.0, False), (None, 5.0, False)]
)
def test_an_abandoned_load(expected: float | None, at: float, cancelled: bool) -> None:
    s = Story(expected=expected)
    s.ensure()
    s.do(ev.Launched("s"))
    s.later(at)
    s.do(ev.WaitersChanged("w", 0))
    assert s.later(9.9) == []
    assert (ev.Terminate() in s.later(0.2)) is cancelled


def test_a_load_that_was_cancelled_once_is_finished_the_second_time() -> None:
    s = Story(expected=100.0)
    s.ensure()
    s.do(ev.Launched("s"))
    s.do(ev.WaitersChanged("w", 0))
    assert ev.Terminate() in s.later(11)
    s.gone()
    s.ensure()
    s.do(ev.Launched("s"))
    s.do(ev.WaitersChanged("w", 0))
    assert s.later(30) == []


@pytest.mark.parametrize("passed", [1.0, 70.0])
def test_a_load_nobody_waits_for_ends_at_once_when_its_memory_is_needed(passed: float) -> None:
    """In the time of grace, and when it is kept because it is nearly done."""
    s = Story(Policy("d", load_stall=1000.0), expected=100.0)
    s.ensure()
    s.do(ev.Launched("s"))
    s.later(60.0)
    s.do(ev.WaitersChanged("w", 0))
    s.later(passed - 60.0 if passed > 60.0 else passed)
    assert not s.machine.demand.wanted and s.state is State.STARTING
    assert ev.Terminate() in s.do(ev.EvictAsked("to make room for y"))
    s.gone()
    assert s.state is State.STOPPED


def test_a_load_somebody_waits_for_is_not_ended_for_another() -> None:
    s = Story(expected=100.0)
    s.ensure()
    s.do(ev.Launched("s"))
    assert s.do(ev.EvictAsked("to make room for y")) == []
    s.do(ev.WaitersChanged("w", 0))
    s.later(1)
    s.ensure()
    assert s.do(ev.EvictAsked("to make room for y")) == [], "somebody came back"
    assert s.state is State.STARTING


def test_a_load_that_ended_for_another_is_finished_when_it_comes_back_and_nobody_waits_again() -> None:
    s = Story(expected=100.0)
    s.ensure()
    s.do(ev.Launched("s"))
    s.do(ev.WaitersChanged("w", 0))
    s.do(ev.EvictAsked("to make room for y"))
    s.gone()
    s.ensure()
    s.do(ev.Launched("s"))
    s.do(ev.WaitersChanged("w", 0))
    assert s.later(30) == []


def test_a_request_in_the_grace_time_keeps_the_load() -> None:
    s = Story(expected=100.0)
    s.ensure()
    s.do(ev.Launched("s"))
    s.do(ev.WaitersChanged("w", 0))
    s.later(9)
    s.ensure()
    assert s.later(30) == []


def test_warming_is_not_abandoned() -> None:
    s = Story(expected=100.0)
    s.ensure(0)
    s.do(ev.Launched("s"))
    s.do(ev.WaitersChanged("w", 0))
    assert s.later(30) == []


# ---- configuration and adoption


def test_a_new_command_line_drains_and_a_new_keep_alive_does_not() -> None:
    s = Story(Policy("d", keep_alive=300)).ready()
    assert s.do(ev.Reconfigured(Policy("d", keep_alive=20))) == []
    assert s.machine.idle_at == s.now + 20
    assert s.do(ev.Reconfigured(Policy("e", keep_alive=20))) == [ev.Revoke("w")]
    assert s.ensure() == [], "the old command line is not granted again"
    s.do(ev.Drained("w"))
    assert ev.Launch() in s.gone()


def test_a_new_command_line_during_a_load_loads_again_for_those_who_wait() -> None:
    s = Story()
    s.ensure()
    s.do(ev.Launched("s"))
    assert s.do(ev.Reconfigured(Policy("e"))) == [ev.Terminate()]
    assert ev.Launch() in s.gone()


def test_an_adopted_engine_is_probed_granted_and_its_busy_worker_kept() -> None:
    s = Story(Policy("d", keep_alive=0))
    assert s.do(ev.Adopted(fits=True)) == [ev.Probe()]
    assert s.do(ev.WorkerJoined("x", held=True)) == []
    assert s.do(ev.Probed(Readiness.READY)) == [ev.Grant("w"), ev.Grant("x")]
    assert s.state is State.BUSY


def test_an_adopted_engine_waits_for_its_workers_to_come_back() -> None:
    s = Story(Policy("d", keep_alive=0))
    s.do(ev.Adopted(fits=True))
    s.do(ev.Probed(Readiness.READY))
    assert s.later(9.9) == []
    assert s.later(0.1) == [ev.Revoke("w")]


def test_an_engine_that_does_not_fit_is_stopped() -> None:
    s = Story()
    assert s.do(ev.Adopted(fits=False)) == [ev.Terminate()]
    s.ensure()
    assert ev.Launch() in s.gone()


# ---- memory


def waiting_for_memory(policy: Policy | None = None) -> Story:
    s = Story(policy)
    s.room = False
    assert s.ensure() == [ev.Admit()]
    assert s.state is State.QUEUED
    return s


def no_room(kind: FailureKind = FailureKind.NO_ROOM) -> Failure:
    return Failure(kind=kind, message="others use it")


def test_nothing_is_started_before_memory_is_given() -> None:
    s = waiting_for_memory()
    assert s.machine.deadline() is None, "that takes as long as it takes"
    assert s.later(10_000) == []
    assert s.ensure(priority=3, evict=False) == [ev.Admit()], "how urgent it is has changed"
    assert (s.machine.demand.priority, s.machine.demand.evict) == (3, False)
    assert s.do(ev.Admitted()) == [ev.Launch(), ev.AnnounceProgress()]
    assert s.do(ev.Admitted()) == [], "it is started once"


def test_memory_is_asked_for_again_after_a_failure_and_after_a_restart() -> None:
    s = Story().ready()
    s.room = False
    s.do(ev.StopAsked())
    s.do(ev.Drained("w"))
    assert s.ensure() == []
    assert s.gone()[-2:] == [ev.Forget(), ev.Admit()]
    assert s.state is State.QUEUED
    s.do(ev.Admitted())
    s.do(ev.Launched("s"))
    s.do(ev.Exited(failure()))
    s.do(ev.GroupGone())
    s.now += 10
    assert s.ensure() == [ev.Admit()]


def test_a_refusal_is_announced_and_stands_until_it_may_be_tried_again() -> None:
    s = waiting_for_memory()
    told = announced(s.do(ev.NotAdmitted(no_room(), s.now + 2)))
    assert (told.failure.kind, told.retry_at) == (FailureKind.NO_ROOM, s.now + 2)
    assert s.state is State.FAILED and not s.machine.demand.wanted
    s.now += 1.9
    assert announced(s.ensure()).failure == told.failure
    s.now += 0.1
    assert s.ensure() == [ev.Admit()]
    assert s.machine.failure is None


def test_a_refusal_is_no_crash() -> None:
    """The next crash begins with the shortest back-off."""
    s = waiting_for_memory()
    for _ in range(5):
        s.do(ev.NotAdmitted(no_room(), s.now))
        s.ensure()
    s.do(ev.Admitted())
    s.do(ev.Launched("s"))
    assert announced(s.do(ev.Exited(failure()))).retry_at == s.now + 10


def test_a_refusal_for_good_stands_until_a_file_or_a_person_says_otherwise() -> None:
    s = waiting_for_memory()
    s.do(ev.NotAdmitted(no_room(FailureKind.TOO_LARGE), math.inf))
    s.now += 100_000
    assert announced(s.ensure()).failure.kind is FailureKind.TOO_LARGE
    assert s.do(ev.Ensure("w", 1, stamp="another file")) == [ev.Admit()]
    s.do(ev.NotAdmitted(no_room(FailureKind.TOO_LARGE), math.inf))
    assert s.ensure(explicit=True) == [ev.Admit()]


@pytest.mark.parametrize("answer", [ev.Admitted(), ev.NotAdmitted(Failure(kind=FailureKind.NO_ROOM, message=""), 0)])
def test_an_answer_that_comes_too_late_changes_nothing(answer: ev.Event) -> None:
    s = waiting_for_memory()
    s.do(ev.WaitersChanged("w", 0))
    assert s.do(answer) == [] and s.state is State.STOPPED
    s = Story().ready()
    assert s.do(answer) == [] and s.state is State.READY


@pytest.mark.parametrize("leaves", [ev.WaitersChanged("w", 0), ev.WorkerLeft("w")])
def test_a_queue_that_the_last_waiter_leaves_is_withdrawn_from(leaves: ev.Event) -> None:
    s = waiting_for_memory()
    s.do(ev.WorkerJoined("x"))
    s.do(ev.Ensure("x", 2))
    assert s.do(leaves) == [], "x still waits"
    assert s.do(ev.WaitersChanged("x", 0)) == [ev.Withdraw()]
    assert s.state is State.STOPPED
    assert s.ensure() == [ev.Admit()]


def test_who_warms_it_stays_in_the_queue() -> None:
    s = Story()
    s.room = False
    s.ensure(0)
    assert s.do(ev.WaitersChanged("w", 0)) == [] and s.do(ev.WorkerLeft("w")) == []
    assert s.state is State.QUEUED


def test_a_stop_in_the_queue_withdraws_and_tells_who_waits() -> None:
    s = waiting_for_memory()
    effects = s.do(ev.StopAsked())
    assert announced(effects).failure.kind is FailureKind.STOPPED
    assert ev.Withdraw() in effects and ev.Terminate() not in effects and s.state is State.STOPPED


def test_a_new_command_line_in_the_queue_asks_again_with_what_it_needs() -> None:
    s = waiting_for_memory()
    assert s.do(ev.Reconfigured(Policy("d", keep_alive=1))) == []
    assert s.do(ev.Reconfigured(Policy("e"))) == [ev.Admit()]
    assert s.state is State.QUEUED


# ---- evicted


def test_an_eviction_drains_cannot_be_called_off_and_the_next_request_queues_behind_it() -> None:
    s = Story().ready()
    s.do(ev.LeaseReport("w", True))
    assert s.do(ev.EvictAsked("for b")) == [ev.Revoke("w")]
    assert s.state is State.DRAINING
    s.room = False
    assert s.ensure() == [], "no grant"
    assert s.do(ev.LeaseReport("w", True)) == [], "a lease that crossed the revoke is waited for and no reason to stay"
    assert s.state is State.DRAINING
    assert s.do(ev.Drained("w")) == [ev.Terminate()]
    assert s.gone()[-2:] == [ev.Forget(), ev.Admit()]
    assert s.state is State.QUEUED


def test_an_eviction_overtakes_a_drain_for_idleness_and_not_one_for_an_administrator() -> None:
    s = Story(Policy("d", keep_alive=10)).ready()
    s.later(10)
    assert s.do(ev.EvictAsked("for b")) == []
    assert s.ensure() == [], "the drain can be called off no more"
    s = Story(Policy("d", sleeps=True)).ready()
    s.do(ev.StopAsked())
    s.do(ev.EvictAsked("for b"))
    assert s.do(ev.Drained("w")) == [ev.Terminate()], "it was to be stopped, not to sleep"


def test_a_load_is_evicted_only_when_nobody_waits_for_it() -> None:
    s = Story(expected=100.0)
    s.ensure()
    s.do(ev.Launched("s"))
    assert s.do(ev.EvictAsked("for b")) == []
    s.do(ev.WaitersChanged("w", 0))
    assert s.do(ev.EvictAsked("for b")) == [ev.Terminate()]
    assert s.gone()[-1] == ev.Forget() and s.state is State.STOPPED


def test_nothing_to_evict() -> None:
    s = Story()
    assert s.do(ev.EvictAsked("for b")) == [] and s.state is State.STOPPED
    s = waiting_for_memory()
    assert s.do(ev.EvictAsked("for b")) == [] and s.state is State.QUEUED


# ---- asleep


def asleep(policy: Policy | None = None) -> Story:
    s = Story(policy or Policy("d", keep_alive=10, sleeps=True, asleep_for=600)).ready()
    assert s.later(10) == [ev.Revoke("w")]
    assert s.do(ev.Drained("w")) == [ev.Sleep()]
    assert s.state is State.DRAINING
    assert s.do(ev.FellAsleep()) == []
    assert s.state is State.ASLEEP
    s.room = False
    return s


def test_an_idle_engine_that_can_sleep_is_drained_first_and_woken_when_it_is_wanted() -> None:
    s = asleep()
    assert s.machine.demand.holders == set()
    assert s.ensure() == [ev.Admit()]
    assert s.state is State.ASLEEP, "it has not been given its memory yet"
    assert s.do(ev.Admitted()) == [ev.Wake(), ev.AnnounceProgress()]
    assert s.state is State.LOADING
    assert s.do(ev.Woken()) == [ev.Probe()]
    s.later(1)
    assert s.do(ev.Probed(Readiness.READY)) == [ev.Grant("w")], "it took a second to wake up, which is no load"
    assert s.state is State.READY and s.machine.idle_at == s.now + 10


def test_memory_refused_while_asleep_is_told_and_it_sleeps_on() -> None:
    s = asleep()
    s.ensure()
    told = announced(s.do(ev.NotAdmitted(no_room(), s.now + 2)))
    assert told.failure.kind is FailureKind.NO_ROOM
    assert s.state is State.ASLEEP and s.machine.failure is None
    assert s.do(ev.Admitted()) == [], "nobody wants it any more"
    assert s.ensure() == [ev.Admit()]


def test_who_waited_for_it_to_wake_leaves_and_it_sleeps_on() -> None:
    s = asleep()
    s.ensure()
    assert s.do(ev.WaitersChanged("w", 0)) == [ev.Withdraw()]
    assert s.do(ev.Admitted()) == [] and s.state is State.ASLEEP


def test_an_engine_that_does_not_wake_up_is_stopped_and_the_reason_told() -> None:
    s = asleep()
    s.ensure()
    s.do(ev.Admitted())
    effects = s.do(ev.Woken(failure(FailureKind.HANG)))
    assert announced(effects).failure.kind is FailureKind.HANG and ev.Terminate() in effects
    s.gone()
    assert s.state is State.FAILED
    assert s.do(ev.Woken()) == []


def test_an_engine_that_wakes_for_ever_meets_the_ceiling() -> None:
    s = asleep(Policy("d", keep_alive=10, sleeps=True, load_stall=60))
    s.ensure()
    s.do(ev.Admitted())
    assert announced(s.later(60)).failure.kind is FailureKind.HANG


@pytest.mark.parametrize("wanted", [False, True])
def test_an_engine_that_ends_while_asleep(wanted: bool) -> None:
    s = asleep()
    if wanted:
        s.ensure()
    effects = s.do(ev.Exited(failure()))
    assert announced(effects).failure.kind is FailureKind.CRASH
    assert (ev.Withdraw() in effects) is wanted, "the memory it asked for to wake up is not needed"
    s.do(ev.GroupGone())
    assert s.state is State.FAILED and s.do(ev.Admitted()) == []


@pytest.mark.parametrize("wanted", [False, True])
def test_a_stop_while_asleep(wanted: bool) -> None:
    s = asleep()
    if wanted:
        s.ensure()
    effects = s.do(ev.StopAsked())
    assert ev.Terminate() in effects and (ev.Withdraw() in effects) is wanted
    assert s.do(ev.Admitted()) == [], "it is on its way down"
    assert ev.Admit() not in s.gone() and s.state is State.STOPPED


def test_an_eviction_while_asleep_stops_it_and_who_waits_queues_for_a_start() -> None:
    s = asleep()
    s.ensure()
    assert s.do(ev.EvictAsked("for b")) == [ev.Withdraw(), ev.Terminate()]
    assert s.gone()[-2:] == [ev.Forget(), ev.Admit()]
    assert s.state is State.QUEUED


def test_a_new_command_line_while_asleep_stops_it() -> None:
    s = asleep()
    assert s.do(ev.Reconfigured(Policy("d", keep_alive=99, sleeps=True))) == []
    assert s.do(ev.Reconfigured(Policy("e", sleeps=True))) == [ev.Terminate()]


def test_an_engine_that_nobody_wakes_is_stopped() -> None:
    s = asleep()
    assert s.machine.idle_at is None and s.machine.deadline() == s.now + 600
    assert s.later(599.9) == []
    assert s.later(0.1) == [ev.Terminate()]


def test_an_engine_that_somebody_waits_for_is_not_stopped_for_sleeping_too_long() -> None:
    s = asleep()
    s.ensure()
    assert s.machine.deadline() is None
    assert s.later(2000) == [] and s.do(ev.Tick()) == []
    assert s.do(ev.Admitted()) == [ev.Wake(), ev.AnnounceProgress()]


def test_an_eviction_lets_it_sleep_as_well() -> None:
    s = Story(Policy("d", sleeps=True)).ready()
    assert s.do(ev.EvictAsked("for b")) == [ev.Revoke("w")]
    assert s.do(ev.Drained("w")) == [ev.Sleep()]
    s.do(ev.FellAsleep())
    assert s.state is State.ASLEEP


def falling_asleep() -> Story:
    s = Story(Policy("d", keep_alive=10, sleeps=True)).ready()
    s.later(10)
    assert s.do(ev.Drained("w")) == [ev.Sleep()]
    return s


def test_one_that_does_not_give_its_memory_back_is_stopped_instead() -> None:
    s = falling_asleep()
    assert s.do(ev.FellAsleep("it still holds 9 GiB")) == [ev.Terminate()]
    s.gone()
    assert s.state is State.STOPPED


def test_a_request_while_it_falls_asleep_wakes_it_afterwards() -> None:
    s = falling_asleep()
    s.room = False
    assert s.ensure() == [], "it cannot be granted, and it is not asked to sleep twice"
    assert s.do(ev.WorkerLeft("x")) == []
    assert s.do(ev.FellAsleep()) == [ev.Admit()]
    assert s.do(ev.Admitted()) == [ev.Wake(), ev.AnnounceProgress()]


@pytest.mark.parametrize("event", [ev.StopAsked(), ev.Reconfigured(Policy("e", sleeps=True))])
def test_a_stop_while_it_falls_asleep_follows_the_sleep(event: ev.Event) -> None:
    s = falling_asleep()
    assert s.do(event) == []
    assert s.do(ev.FellAsleep()) == [ev.Terminate()]


def test_a_forced_stop_while_it_falls_asleep_waits_for_nothing() -> None:
    s = falling_asleep()
    assert s.do(ev.StopAsked(force=True)) == [ev.Terminate()]
    assert s.do(ev.FellAsleep()) == [] and s.state is State.STOPPING


def test_one_that_ends_while_it_falls_asleep_is_gone() -> None:
    s = falling_asleep()
    assert s.kinds(ev.Exited(failure())) == ["WatchRelease"]
    assert s.do(ev.FellAsleep()) == [] and s.state is State.RELEASING


def test_an_engine_that_was_asleep_when_it_was_adopted_sleeps_on() -> None:
    s = Story(Policy("d", sleeps=True, asleep_for=600))
    assert s.do(ev.Adopted(fits=True, asleep=True)) == []
    assert s.state is State.ASLEEP and s.machine.deadline() == s.now + 600
    assert s.ensure()[:1] == [ev.Wake()]
    s = Story(Policy("d", sleeps=True))
    assert s.do(ev.Adopted(fits=False, asleep=True)) == [ev.Terminate()]


# ---- how it loaded, how long it stays


@pytest.mark.parametrize("when", ["loading", "ready", "busy"])
def test_an_engine_that_loaded_wrongly_is_taken_down_with_the_reason(when: str) -> None:
    s = Story()
    s.ensure()
    s.do(ev.Launched("s"))
    if when != "loading":
        s.do(ev.Probed(Readiness.READY))
    if when == "busy":
        s.do(ev.LeaseReport("w", True))
    effects = s.do(ev.Reported(failure(FailureKind.CPU_FALLBACK)))
    assert announced(effects).failure.kind is FailureKind.CPU_FALLBACK
    assert ev.Terminate() in effects and (ev.Revoke("w") in effects) is (when != "loading")


def test_a_report_without_a_failure_or_of_one_that_goes_already_changes_nothing() -> None:
    s = Story().ready()
    assert s.do(ev.Reported()) == []
    s.do(ev.StopAsked(force=True))
    assert s.do(ev.Reported(failure())) == []


def test_the_last_request_says_how_long_it_stays_and_only_for_that_time() -> None:
    s = Story(Policy("d", keep_alive=300)).ready()
    s.do(ev.LeaseReport("w", True))
    s.do(ev.LeaseReport("w", False, keep_alive=20))
    assert s.machine.idle_at == s.now + 20
    s.do(ev.LeaseReport("w", True))
    s.do(ev.LeaseReport("w", False))
    assert s.machine.idle_at == s.now + 300, "the next one that says nothing takes the configured time"
    s.do(ev.LeaseReport("w", True))
    s.do(ev.LeaseReport("w", False, keep_alive=math.inf))
    assert s.machine.idle_at is None and s.machine.deadline() is None
    s.do(ev.LeaseReport("w", True))
    assert s.do(ev.LeaseReport("w", False, keep_alive=0)) == [ev.Revoke("w")], "at once"


def test_a_worker_that_ends_without_a_word_says_nothing_about_how_long_it_stays() -> None:
    s = Story(Policy("d", keep_alive=300)).ready()
    s.do(ev.LeaseReport("w", True))
    s.do(ev.LeaseReport("w", False, keep_alive=20))
    s.do(ev.LeaseReport("w", True))
    s.do(ev.WorkerLeft("w"))
    assert s.machine.idle_at == s.now + 300


def test_of_several_workers_the_one_that_ends_last_says_how_long_it_stays() -> None:
    s = Story(Policy("d", keep_alive=300))
    s.do(ev.WorkerJoined("x"))
    s.ready()
    s.do(ev.LeaseReport("w", True))
    s.do(ev.LeaseReport("x", True))
    s.do(ev.LeaseReport("w", False, keep_alive=5))
    s.do(ev.LeaseReport("x", False))
    assert s.machine.idle_at == s.now + 300
    s.do(ev.LeaseReport("x", True))
    s.do(ev.LeaseReport("w", True))
    s.do(ev.LeaseReport("x", False, keep_alive=900))
    s.do(ev.LeaseReport("w", False, keep_alive=7))
    assert s.machine.idle_at == s.now + 7

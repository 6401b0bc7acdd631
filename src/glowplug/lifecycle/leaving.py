"""How an instance goes: stopped, evicted, put to sleep, ended by itself, until its memory is back."""

from __future__ import annotations

import math

from glowplug.domain.instance import Failure, FailureKind, State
from glowplug.lifecycle import events as ev
from glowplug.lifecycle.backoff import Backoff
from glowplug.lifecycle.events import StopReason
from glowplug.lifecycle.load import Removal
from glowplug.lifecycle.moves import COMING, GOING, GRANTED, Moves


class Leaving(Moves):
    """The handlers of everything that takes an instance away; `lifecycle.machine` has the others."""

    # ---- asked to go

    def _stop_asked(self, now: float, event: ev.StopAsked) -> None:
        if self.demand.wanted:
            stopped = Failure(kind=FailureKind.STOPPED, message=event.why, hint="ask again to start it")
            self._out.append(ev.AnnounceFailure(stopped, now))
        self.demand.satisfied()
        if self.state is State.FAILED:
            self._reset(now)
        elif self.state is State.DRAINING:
            self._reason = StopReason.ASKED
            if event.force:
                self._stop(now, StopReason.ASKED)
        elif self.state in GRANTED and not event.force:
            self._drain(now, StopReason.ASKED)
        elif self.state is State.QUEUED:
            self._leave_queue(now)
        elif self.state in (*GRANTED, *COMING, State.ASLEEP):
            self._stop(now, StopReason.ASKED)

    def _evict_asked(self, now: float, event: ev.EvictAsked) -> None:
        if self.state in GRANTED:
            self._drain(now, StopReason.EVICTED)
        elif self.state is State.DRAINING and self._reason is StopReason.IDLE:
            self._reason = StopReason.EVICTED
        elif self.state is State.ASLEEP or (self.state in COMING and not self.demand.wanted):
            if self.state in COMING:
                self._cancelled_at = now  # demand that comes back is not cancelled a second time for want of waiters
            self._stop(now, StopReason.EVICTED)

    # ---- sleeping

    def _fell_asleep(self, now: float, event: ev.FellAsleep) -> None:
        if self.state is not State.DRAINING or not self._falling_asleep:
            return
        self._falling_asleep = False
        if event.why or self._reason not in (StopReason.IDLE, StopReason.EVICTED):
            self._terminate(now)
            return
        self.demand.dropped()
        self._idle_at = now + self.policy.asleep_for
        self._go(now, State.ASLEEP)
        if self.demand.wanted:
            self._wake(now)

    def _wake(self, now: float) -> None:
        """Ask for the memory it had; it is woken when it has been given."""
        self._waking = True
        self._out.append(ev.Admit())

    def _woken(self, now: float, event: ev.Woken) -> None:
        if self.state is not State.LOADING:
            return
        if event.failure is not None:
            self._fail_and_stop(now, event.failure)
        else:
            self.load.progress_at = now
            self._out.append(ev.Probe())

    # ---- the way down

    def _reconfigured(self, now: float, event: ev.Reconfigured) -> None:
        changed = event.policy.digest != self.policy.digest
        self.policy = event.policy
        if not changed:
            if self.state is State.READY:
                self._idle_at = self.since + self.policy.keep_alive
            return
        self._backoff, self.expected = Backoff(), None
        if self.state is State.FAILED:
            self._reset(now)
        elif self.state in GRANTED:
            self._drain(now, StopReason.RECONFIGURED)
        elif self.state is State.DRAINING:
            self._reason = StopReason.RECONFIGURED
        elif self.state is State.QUEUED:
            self._out.append(ev.Admit())
        elif self.state in (*COMING, State.ASLEEP):
            self._stop(now, StopReason.RECONFIGURED)
        elif self.state in GOING and not self._removal.stuck:
            self.failure, self.retry_at = None, -math.inf

    def _drained(self, now: float, event: ev.Drained) -> None:
        counts = self.demand.answered(event.worker)
        if self.state is not State.DRAINING or event.worker not in self.demand.holders:
            return
        if counts:
            self.demand.drained(event.worker)
            self._finish_drain(now)
        else:
            self._revoke(event.worker)

    def _exited(self, now: float, event: ev.Exited) -> None:
        if self.state not in (*COMING, *GRANTED, State.DRAINING, State.ASLEEP, State.STOPPING):
            return
        self._falling_asleep = False
        self._wake_no_more()
        if self.state in (*COMING, *GRANTED, State.ASLEEP):
            self._revoke_all()
            if self.state in COMING and self._other_port_may_help(event.failure):
                self._tried_other_port = True
            else:
                self._fail(now, event.failure)
        self.demand.dropped()
        self._go(now, State.RELEASING)
        self._out.append(ev.WatchRelease())

    def _other_port_may_help(self, failure: Failure) -> bool:
        taken = failure.kind is FailureKind.PORT_TAKEN and not self.policy.fixed_port
        return taken and not self._tried_other_port

    def _survivors(self, now: float, event: ev.Survivors) -> None:
        self._removal.left_over = event.pids
        if not event.pids:
            self._removal = Removal()  # nobody is left to be killed: only its memory is waited for
            return
        if self.state is State.RELEASING and self._removal.deadline() == math.inf and not self._removal.stuck:
            self._kill(now)

    def _group_gone(self, now: float, event: ev.GroupGone) -> None:
        if self.state not in (*GOING, State.STARTING):
            return
        self._out.append(ev.Forget())
        self._removal = Removal()
        self._go(now, State.STOPPED if self.failure is None else State.FAILED)
        if self.demand.wanted:
            self._queue(now)
        else:
            self._tried_other_port = False

"""The state machine of one model's instance: events in, effects out.

It knows no clock, starts nothing and sends nothing; `lifecycle.manager` does what it asks.  It is the only place where
anything about an instance is decided, so no decision is taken on a state that somebody read a moment ago.

    stopped ─ensure─▶ queued ─memory─▶ starting ─answers─▶ loading ─healthy─▶ ready ⇄ busy
       ▲                                   │ exit, stall, ceiling               │ idle, stop, evicted, new configuration
       │                                   ▼                                    ▼
       └─ memory back ─ releasing ◀─exit─ stopping ◀─all drained──────────── draining ─(idle, wanted again)─▶ ready
                                             ▲                                  │ an engine that can sleep
                                             └──────────────────────────────  asleep ─ensure, memory─▶ loading

A failure goes the same way down and ends in `failed` instead of `stopped`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from glowplug.domain.instance import Failure, State
from glowplug.engines.base import Readiness
from glowplug.lifecycle import events as ev
from glowplug.lifecycle.backoff import Backoff
from glowplug.lifecycle.events import Effect, Event, StopReason
from glowplug.lifecycle.leaving import Leaving
from glowplug.lifecycle.load import GRACE, Load, Verdict
from glowplug.lifecycle.moves import COMING, GOING, GRANTED


class Machine(Leaving):
    """One instance at most.  `handle` is the only way in; everything else is for looking at."""

    # ---- looking

    @property
    def idle_at(self) -> float | None:
        """When it will be stopped if nothing happens; None when that is not coming."""
        return self._idle_at if self.state is State.READY and self._idle_at != math.inf else None

    @property
    def coming(self) -> bool:
        """A process was asked for and is not ready yet: its readiness is worth probing."""
        return self.state in COMING

    @property
    def stuck(self) -> bool:
        """Its processes survived SIGKILL; nothing can be started before they are gone."""
        return self._removal.stuck

    def deadline(self) -> float | None:
        """The next moment at which `Tick` would change something."""
        moment = math.inf
        if self.state in COMING:
            moment = self.load.deadline(self.policy)
        elif self.state is State.READY or (self.state is State.ASLEEP and not self._waking):
            moment = self._idle_at
        elif self.state in GOING:
            moment = self._removal.deadline()
        return None if moment == math.inf else moment

    def handle(self, now: float, event: Event) -> list[Effect]:
        """What has to be done because `event` happened at `now`."""
        _HANDLERS[type(event)](self, now, event)
        self._look_at_deadlines(now)
        out, self._out = self._out, []
        return out

    # ---- demand

    def _ensure(self, now: float, event: ev.Ensure) -> None:
        if event.explicit:
            self._backoff = Backoff()
        if self.state in GRANTED and self._checking:
            self._want(event)  # granting what may be dead would only break the next request
        elif self.state in GRANTED:
            self._grant(event.worker)
            self._stay(now, GRACE)
        elif self.failure is not None and self._refuses(now, event):
            self._out.append(ev.AnnounceFailure(self.failure, self.retry_at))
        else:
            self._want(event)
            self.load.abandoned_at = None
            if self.state is State.DRAINING and self._reason is StopReason.IDLE and not self._falling_asleep:
                self._call_off_drain(now)
            elif self.state in (State.STOPPED, State.FAILED):
                self._stamp = event.stamp
                self._queue(now)
            elif self.state is State.ASLEEP:
                self._wake(now)
            elif self.state is State.QUEUED:
                self._out.append(ev.Admit())

    def _want(self, event: ev.Ensure) -> None:
        self.demand.want(event.worker, event.waiting, event.priority, evict=event.evict)

    def _admitted(self, now: float, event: ev.Admitted) -> None:
        if self.state is State.QUEUED:
            self._launch(now)
        elif self.state is State.ASLEEP and self._waking:
            self._waking = False
            self.load = Load(started=now, progress_at=now, stage="waking up", waking=True)
            self._go(now, State.LOADING)
            self._out += [ev.Wake(), ev.AnnounceProgress()]

    def _not_admitted(self, now: float, event: ev.NotAdmitted) -> None:
        if self.state is not State.QUEUED and not self._waking:
            return
        self.demand.satisfied()
        self._waking = False
        if self.state is State.QUEUED:
            self.failure, self.retry_at = event.failure, event.retry_at
            self._go(now, State.FAILED)
        self._out.append(ev.AnnounceFailure(event.failure, event.retry_at))

    def _refuses(self, now: float, event: ev.Ensure) -> bool:
        """Whether the last failure still stands, so that the request gets the reason at once."""
        if self._removal.stuck or event.explicit:
            return self._removal.stuck
        if self.retry_at == math.inf:
            return not event.stamp or event.stamp == self._stamp
        return now < self.retry_at

    def _waiters_changed(self, now: float, event: ev.WaitersChanged) -> None:
        self.demand.waiters(event.worker, event.waiting)
        self._notice_abandoned(now)

    def _notice_abandoned(self, now: float) -> None:
        if self.demand.wanted:
            return
        if self.state is State.QUEUED or self._waking:
            self._leave_queue(now)
        elif self.state in COMING and self.load.abandoned_at is None and not self.load.kept:
            self.load.abandoned_at = now

    def _worker_joined(self, now: float, event: ev.WorkerJoined) -> None:
        worker = event.worker
        self.demand.join(worker)
        if event.held is None:
            self.demand.lost(worker)
        else:
            self.demand.hold(worker, busy=event.held)
        if self.state in GRANTED:
            self._grant(worker)
            self._settle(now)
        elif event.held is not None and self.state not in COMING:
            self._revoke(worker)
        self._finish_drain(now)

    def _worker_left(self, now: float, event: ev.WorkerLeft) -> None:
        self.demand.leave(event.worker)
        self._notice_abandoned(now)
        self._settle(now)
        self._finish_drain(now)

    # ---- starting

    def _launched(self, now: float, event: ev.Launched) -> None:
        self._stamp = event.stamp
        self.load.progress_at = now
        if self.state is State.STARTING:
            self._out.append(ev.Probe())

    def _launch_failed(self, now: float, event: ev.LaunchFailed) -> None:
        self._stamp = event.stamp
        if self.state is State.STARTING:
            self._fail(now, event.failure)
            self._group_gone(now, ev.GroupGone())

    def _adopted(self, now: float, event: ev.Adopted) -> None:
        self.load = Load(started=now, progress_at=now, stage="adopting the running engine", adopted=True)
        self._ready_at = now
        if event.fits and event.asleep:
            self._idle_at = now + self.policy.asleep_for
            self._go(now, State.ASLEEP)
            return
        self._go(now, State.LOADING)
        if event.fits:
            self.demand.warm = True
            self._out.append(ev.Probe())
        else:
            self._stop(now, StopReason.UNFIT)

    def _probed(self, now: float, event: ev.Probed) -> None:
        if self.state not in COMING:
            return
        if event.readiness is Readiness.READY:
            self._become_ready(now)
        elif event.readiness is Readiness.WRONG:
            if failure := self.load.stranger(now, event.detail):
                self._fail_and_stop(now, failure)
        else:
            self.load.wrong_since = None
            self.load.heard = event.readiness is not Readiness.REFUSED
            if event.readiness is Readiness.LOADING and self.state is State.STARTING:
                self._go(now, State.LOADING)
                self._progress_seen(now, ev.ProgressSeen("loading weights"))

    def _become_ready(self, now: float) -> None:
        self._ready_at, self._tried_other_port = now, False
        self._idle_at = now + self.policy.keep_alive
        self._go(now, State.READY)
        if not self.load.adopted and not self.load.waking:
            self._out.append(ev.Loaded(now - self.load.started))
        self._grant_all()
        self._settle(now)
        self._stay(now, GRACE)

    def _reported(self, now: float, event: ev.Reported) -> None:
        if event.failure is not None and self.state in (*COMING, *GRANTED):
            self._fail_and_stop(now, event.failure)

    def _progress_seen(self, now: float, event: ev.ProgressSeen) -> None:
        if self.state not in COMING:
            return
        self.load.progress_at = now
        self.load.stage = event.stage or self.load.stage
        if event.fraction is not None:
            self.load.fraction = event.fraction
        self._out.append(ev.AnnounceProgress())

    # ---- using

    def _lease_report(self, now: float, event: ev.LeaseReport) -> None:
        if not self.demand.report(event.worker, event.busy):
            return
        if not event.busy:
            self._keep = event.keep_alive
        if self.state is State.DRAINING and event.busy and self._reason is StopReason.IDLE:
            self._call_off_drain(now)
        self._settle(now)

    def _suspected(self, now: float, event: ev.Suspected) -> None:
        if self.state in (*GRANTED, State.DRAINING) and not self._checking:
            self._checking = True
            self._out.append(ev.CheckAlive())

    def _checked(self, now: float, event: ev.Checked) -> None:
        self._checking = False
        if event.failure is not None and self.state in (*GRANTED, State.DRAINING):
            self._fail_and_stop(now, event.failure)
            self._kill(now)
        elif self.state in GRANTED and self.demand.wanted:
            self._grant_all()
            self._stay(now, GRACE)

    # ---- time

    def _tick(self, now: float, event: ev.Tick) -> None:
        """Deadlines are looked at after every event; this one only makes it happen."""

    def _look_at_deadlines(self, now: float) -> None:
        if self.state in COMING:
            verdict = self.load.verdict(now, self.policy, self.expected, self._cancelled_at)
            if isinstance(verdict, Failure):
                self._fail_and_stop(now, verdict)
            elif verdict is Verdict.KEEP:
                self.load.abandoned_at, self.load.kept = None, True
            elif verdict is Verdict.CANCEL:
                self._cancelled_at = now
                self._stop(now, StopReason.ABANDONED)
        elif self.state is State.READY and now >= self._idle_at:
            self._drain(now, StopReason.IDLE)
        elif self.state is State.ASLEEP and not self._waking and now >= self._idle_at:
            self._stop(now, StopReason.IDLE)
        elif self.state in GOING and now >= self._removal.deadline():
            if self._removal.kill_at is not None:
                self._kill(now)
            else:
                self._removal.report_at, self._removal.stuck = None, True
                self._fail(now, self._removal.unkillable())


_HANDLERS: Mapping[type[Any], Callable[[Machine, float, Any], None]] = MappingProxyType(
    {
        ev.Ensure: Machine._ensure,
        ev.Admitted: Machine._admitted,
        ev.NotAdmitted: Machine._not_admitted,
        ev.EvictAsked: Machine._evict_asked,
        ev.FellAsleep: Machine._fell_asleep,
        ev.Woken: Machine._woken,
        ev.Reported: Machine._reported,
        ev.WaitersChanged: Machine._waiters_changed,
        ev.WorkerJoined: Machine._worker_joined,
        ev.WorkerLeft: Machine._worker_left,
        ev.Launched: Machine._launched,
        ev.LaunchFailed: Machine._launch_failed,
        ev.Adopted: Machine._adopted,
        ev.Probed: Machine._probed,
        ev.ProgressSeen: Machine._progress_seen,
        ev.Exited: Machine._exited,
        ev.Survivors: Machine._survivors,
        ev.GroupGone: Machine._group_gone,
        ev.LeaseReport: Machine._lease_report,
        ev.Drained: Machine._drained,
        ev.StopAsked: Machine._stop_asked,
        ev.Reconfigured: Machine._reconfigured,
        ev.Suspected: Machine._suspected,
        ev.Checked: Machine._checked,
        ev.Tick: Machine._tick,
    }
)

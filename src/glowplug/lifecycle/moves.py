"""The moves an instance's machine can make, without the rules of when: `lifecycle.machine` has those."""

from __future__ import annotations

import math

from glowplug.domain.instance import Failure, State
from glowplug.lifecycle import events as ev
from glowplug.lifecycle.backoff import SETTLED, Backoff
from glowplug.lifecycle.demand import Demand
from glowplug.lifecycle.events import Effect, Policy, StopReason
from glowplug.lifecycle.load import GRACE, Load, Removal

KILL_PATIENCE = 5.0
"""After SIGKILL, how long until processes that remain are reported."""

GRANTED = (State.READY, State.BUSY)
COMING = (State.STARTING, State.LOADING)
GOING = (State.STOPPING, State.RELEASING)


class Moves:
    """State of one instance and the steps between states; each step adds the effects that belong to it."""

    def __init__(self, policy: Policy, *, expected: float | None = None) -> None:
        self.policy = policy
        self.state = State.STOPPED
        self.since = 0.0
        self.expected = expected
        """Seconds a load usually takes, or None; the manager keeps it up to date."""
        self.demand = Demand()
        self.load = Load()
        self.failure: Failure | None = None
        self.retry_at: float = -math.inf
        """Monotonic moment before which a request does not start it; `inf`: not before something changes."""
        self._backoff = Backoff()
        self._reason = StopReason.IDLE
        self._removal = Removal()
        self._stamp = ""
        self._ready_at: float | None = None
        self._idle_at = math.inf
        self._cancelled_at = -math.inf
        self._tried_other_port = False
        self._checking = False
        self._keep: float | None = None
        self._falling_asleep = False
        self._waking = False
        self._out: list[Effect] = []

    @property
    def leaving(self) -> str:
        """Why it is on its way out, in a word; empty while it is not."""
        if self.state not in (State.DRAINING, *GOING):
            return ""
        return StopReason.FAILED if self.failure is not None else self._reason

    def _queue(self, now: float) -> None:
        """Nothing is started before it has been given memory."""
        self.failure, self.retry_at = None, -math.inf
        self._go(now, State.QUEUED)
        self._out.append(ev.Admit())

    def _leave_queue(self, now: float) -> None:
        """Nobody wants it any more, and nothing was started."""
        self._out.append(ev.Withdraw())
        if self.state is State.QUEUED:
            self._go(now, State.STOPPED)
        self._waking = False

    def _wake_no_more(self) -> None:
        """It goes: the memory it asked for is not needed.  Who still wants it queues again when it is gone."""
        if self._waking:
            self._waking = False
            self._out.append(ev.Withdraw())

    def _launch(self, now: float) -> None:
        self._ready_at, self._idle_at, self._checking = None, math.inf, False
        self._keep, self._falling_asleep, self._waking = None, False, False
        self._removal = Removal()
        self.load = Load(started=now, progress_at=now, stage="starting the engine")
        self._go(now, State.STARTING)
        self._out += [ev.Launch(), ev.AnnounceProgress()]

    def _grant(self, worker: str) -> None:
        if worker in self.demand.workers:
            self.demand.granted(worker)
            self._out.append(ev.Grant(worker))

    def _grant_all(self) -> None:
        for worker in sorted(self.demand.workers):
            self._grant(worker)
        self.demand.satisfied()

    def _revoke_all(self) -> None:
        for worker in sorted(self.demand.holders):
            self._revoke(worker)

    def _revoke(self, worker: str) -> None:
        self.demand.revoked(worker)
        self._out.append(ev.Revoke(worker))

    def _settle(self, now: float) -> None:
        """READY or BUSY, as the leases say; the idle time begins with the end of the last one."""
        if self.state in GRANTED:
            if self.demand.busy:
                self._go(now, State.BUSY)
            elif self.state is State.BUSY:
                self._idle_at = now + (self.policy.keep_alive if self._keep is None else self._keep)
                self._keep = None
                self._go(now, State.READY)

    def _stay(self, now: float, grace: float) -> None:
        """Somebody asked for it: the idle time begins anew, and lasts long enough for the request to arrive."""
        self._idle_at = max(self._idle_at, now + max(self.policy.keep_alive, grace))

    def _call_off_drain(self, now: float) -> None:
        self._idle_at = now + max(self.policy.keep_alive, GRACE)
        self._go(now, State.READY)
        self._grant_all()
        self._settle(now)

    def _reset(self, now: float) -> None:
        """Forget a failure, and let the workers, which refuse requests until its end, know."""
        self.failure, self.retry_at, self._backoff = None, -math.inf, Backoff()
        self._go(now, State.STOPPED)
        self._out.append(ev.AnnounceProgress())

    def _drain(self, now: float, reason: StopReason) -> None:
        self._reason = reason
        self._go(now, State.DRAINING)
        self._revoke_all()
        self._finish_drain(now)

    def _finish_drain(self, now: float) -> None:
        if self.state is not State.DRAINING or self.demand.holders or self._falling_asleep:
            return
        if self.policy.sleeps and self._reason in (StopReason.IDLE, StopReason.EVICTED):
            self._falling_asleep = True
            self._out.append(ev.Sleep())
        else:
            self._terminate(now)

    def _stop(self, now: float, reason: StopReason) -> None:
        """Take it down without waiting for leases."""
        self._reason = reason
        if self.state is not State.DRAINING:
            self._revoke_all()
        self._terminate(now)

    def _terminate(self, now: float) -> None:
        if self.failure is None and self._ready_at is not None and now - self._ready_at >= SETTLED:
            self._backoff = Backoff()
        self.demand.dropped()
        self._falling_asleep = False
        self._wake_no_more()
        self._removal = Removal(kill_at=now + self.policy.stop_timeout)
        self._go(now, State.STOPPING)
        self._out.append(ev.Terminate())

    def _kill(self, now: float) -> None:
        self._removal.kill_at, self._removal.report_at = None, now + KILL_PATIENCE
        self._out.append(ev.Kill())

    def _fail_and_stop(self, now: float, failure: Failure) -> None:
        """Workers hear of the revoke before the reason, so that nobody is granted what just failed."""
        if self.state is not State.DRAINING:
            self._revoke_all()
        self._fail(now, failure)
        self._reason = StopReason.FAILED
        self._terminate(now)

    def _fail(self, now: float, failure: Failure) -> None:
        ready_for = None if self._ready_at is None else now - self._ready_at
        self._backoff, self.retry_at = self._backoff.after(failure.kind, now=now, ready_for=ready_for)
        self.failure = failure
        self._tried_other_port = False
        self.demand.satisfied()
        self._out.append(ev.AnnounceFailure(failure, self.retry_at))

    def _go(self, now: float, state: State) -> None:
        if state is not self.state:
            self.state, self.since = state, now

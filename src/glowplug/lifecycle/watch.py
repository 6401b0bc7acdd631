"""Looking at a process again and again: while it loads, when it is suspected, until its group is gone.

Nothing here runs while an instance is ready, idle or stopped.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Protocol

from glowplug.domain.instance import Endpoint, Failure, FailureKind
from glowplug.domain.model import LocalModel
from glowplug.engines.base import Engine, LoadProgress, Readiness, ready_by
from glowplug.launchers.base import Running, Sample
from glowplug.lifecycle import events as ev
from glowplug.lifecycle.events import Event
from glowplug.lifecycle.logs import LogBook
from glowplug.lifecycle.machine import Machine
from glowplug.lifecycle.ports import Prober, Scheduler, Timer
from glowplug.lifecycle.progress import advanced, from_memory
from glowplug.lifecycle.talks import Talks
from glowplug.lifecycle.tenancy import Tenancy

FIRST_LOOK = 0.020
LONGEST_LOOK = 0.5
LATE_BY = 0.04
"""Readiness is seen this much late at most, as a share of the load's length: 20 ms for half a second, half a second for
twelve."""
PROGRESS_EVERY = 0.5
BACK_EVERY = 0.25
BACK_WITHIN = 10.0
"""How long a driver may take to give back the memory of processes that are gone."""
LAST_LINES = 1000
LONGEST_LINE = 1000
"""Of the log, and characters of a line, that are searched for the line which says ready."""
CHECKS = 3
CHECK_PAUSE = 0.2


class WatchKit(Protocol):
    @property
    def clock(self) -> Scheduler: ...
    @property
    def prober(self) -> Prober: ...


class Watched(Protocol):
    """The part of a slot that its watches use."""

    model: LocalModel
    engine: Engine
    machine: Machine
    log: LogBook
    endpoint: Endpoint | None
    running: Running | None

    @property
    def tenancy(self) -> Tenancy: ...
    @property
    def talks(self) -> Talks: ...
    @property
    def kit(self) -> WatchKit: ...
    def post(self, event: Event) -> None: ...
    def leaked(self, missing: dict[str, int]) -> None:
        """Its processes are gone and this has not come back, by device."""
        ...


class Watches:
    """The repeated looks of one slot.  Each belongs to one process and ends with it."""

    def __init__(self, slot: Watched) -> None:
        self._slot = slot
        self._timers: set[Timer] = set()
        self._sample: Sample | None = None
        self._seen = LoadProgress()
        self._fraction = 0.0
        self._killed = False

    def stop(self) -> None:
        """No more looks."""
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
        self._killed = False

    def _later(self, delay: float, look: Callable[[], None]) -> None:
        """Look once after `delay`, unless the process has been forgotten by then."""
        running = self._slot.running

        def run() -> None:
            self._timers.discard(timer)
            if self._slot.running is running:
                look()

        timer = self._slot.kit.clock.call_later(delay, run)
        self._timers.add(timer)

    def _probe(self, done: Callable[[Readiness, str], None]) -> None:
        """Probe once; the answer is dropped when the process has been forgotten by then."""
        slot, running = self._slot, self._slot.running
        assert slot.endpoint is not None

        def answered(readiness: Readiness, detail: str) -> None:
            if slot.running is running:
                done(readiness, detail)

        slot.kit.prober.probe(slot.engine, slot.model, slot.endpoint, answered)

    # ---- loading

    def watch_load(self) -> None:
        """Probe readiness every 20 ms at first, then slower; look for progress twice a second."""
        self._sample, self._seen, self._fraction = None, LoadProgress(), 0.0
        self._later(FIRST_LOOK, self._look_ready)
        self._later(PROGRESS_EVERY, self._look_progress)

    def _look_ready(self) -> None:
        def done(readiness: Readiness, detail: str) -> None:
            if readiness is Readiness.READY:
                self._slot.talks.inspect(lambda: self._slot.post(ev.Probed(readiness, detail)))
                return
            self._slot.post(ev.Probed(readiness, detail))
            if self._slot.machine.coming:
                elapsed = self._slot.kit.clock.monotonic() - self._slot.machine.load.started
                self._later(min(max(FIRST_LOOK, elapsed * LATE_BY), LONGEST_LOOK), self._look_ready)

        if not self._slot.machine.coming:
            return
        wording = ready_by(self._slot.engine, self._slot.model).log
        if not wording:
            self._probe(done)
        elif said_ready(wording, self._log_of_launch()):
            done(Readiness.READY, "")
        elif self._slot.machine.load.adopted:
            # The line was written before we came; whether the port is open is all that can be seen now.
            self._probe(done)
        else:
            done(Readiness.LOADING, "")

    def _log_of_launch(self) -> list[str]:
        self._slot.log.poll()
        return self._slot.log.of_launch()

    def _look_progress(self) -> None:
        slot = self._slot
        if not slot.machine.coming or slot.running is None:
            return
        seen = slot.engine.progress(self._log_of_launch())
        sample = slot.running.sample()
        moved = self._sample is None or advanced(self._sample, sample)
        if moved:
            self._sample = sample
        if moved or seen != self._seen:
            self._seen = seen
            slot.post(ev.ProgressSeen(seen.stage, self._how_far(seen, sample)))
        self._later(PROGRESS_EVERY, self._look_progress)

    def _how_far(self, seen: LoadProgress, sample: Sample) -> float | None:
        """What the log says, else what memory does.  Never backwards: when the log falls silent, or an engine lets go
        of pages it has copied, nothing has been lost."""
        fraction = seen.fraction
        load = self._slot.machine.load
        if fraction is None and not (load.adopted or load.woken):
            tenancy = self._slot.tenancy
            weights = tenancy.footprint.parts.get("weights", 0)
            fraction = from_memory(sample.resident, tenancy.device_bytes(), weights) if weights else None
        if fraction is None:
            return self._fraction or None
        self._fraction = max(self._fraction, fraction)
        return self._fraction

    # ---- suspected

    def check_alive(self, left: int = CHECKS) -> None:
        """Probe up to three times; one answer is enough."""

        def done(readiness: Readiness, detail: str) -> None:
            if readiness in (Readiness.READY, Readiness.LOADING):
                self._slot.post(ev.Checked(None))
            elif left > 1:
                self._later(CHECK_PAUSE, lambda: self.check_alive(left - 1))
            else:
                self._slot.post(ev.Checked(_hung(readiness, detail)))

        self._probe(done)

    # ---- going

    def watch_release(self) -> None:
        """Look until nobody of the group is left."""
        self._look_release(FIRST_LOOK)

    def _look_release(self, delay: float) -> None:
        running = self._slot.running
        if running is None:
            return
        left = running.survivors()
        if not left:
            self._look_memory(self._slot.kit.clock.monotonic() + BACK_WITHIN)
            return
        if self._killed:
            running.kill()
        self._slot.post(ev.Survivors(left))
        self._later(delay, lambda: self._look_release(min(delay * 1.4, LONGEST_LOOK)))

    def _look_memory(self, until: float) -> None:
        """Look until the driver shows the memory back; what is not back by then is named as a leak."""
        slot = self._slot
        missing = slot.tenancy.missing()
        if missing and slot.kit.clock.monotonic() < until:
            self._later(BACK_EVERY, lambda: self._look_memory(until))
            return
        if missing:
            if slot.running is not None:
                slot.running.kill()
            slot.leaked(missing)
        slot.post(ev.GroupGone())

    def kill(self) -> None:
        """SIGKILL now, and again at every later look, for what was forked meanwhile."""
        self._killed = True
        if self._slot.running is not None:
            self._slot.running.kill()


def said_ready(wording: str, lines: Sequence[str]) -> bool:
    """Whether one of the last lines matches a regular expression of the configuration, within limits on what it has to
    look at: it may be a slow one."""
    expression = re.compile(wording)
    return any(expression.search(line[:LONGEST_LINE]) for line in lines[-LAST_LINES:])


def _hung(readiness: Readiness, detail: str) -> Failure:
    what = "it does not answer any more" if readiness is Readiness.SILENT else "it cannot be reached any more"
    return Failure(
        kind=FailureKind.HANG,
        message=f"{what}: {CHECKS} health checks failed ({detail})",
        hint="it was killed; the next request starts it again",
    )

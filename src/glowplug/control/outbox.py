"""What the lifecycle manager tells: workers over the link, people over the events and the log."""

from __future__ import annotations

import logging

from glowplug.clock import Clock
from glowplug.control.energy import Energy
from glowplug.control.events import Broadcaster, Event
from glowplug.control.link import LinkServer
from glowplug.control.metrics import ControlMetrics
from glowplug.domain.hardware import HOST
from glowplug.domain.instance import Endpoint, Failure, InstanceView, State
from glowplug.domain.model import Loading
from glowplug.units import format_size
from glowplug.wire.link import Failed, Granted, Memory, Progress, Revoked, ToWorker

_log = logging.getLogger(__name__)

_IN_USE = (State.READY, State.BUSY)


def told(view: InstanceView, before: State) -> str:
    """The line of the log for a change of state, or empty when it is none for the log (ready and busy alternate with
    every request)."""
    if view.state is State.QUEUED:
        return f"{view.model}: {view.why}" if view.why else ""
    if view.state is State.ASLEEP:
        return f"{view.model}: asleep, its memory is free"
    if view.state is State.STARTING:
        return f"{view.model}: starting"
    if view.state in _IN_USE and before not in _IN_USE:
        took = f" in {view.load_seconds:.2f} s" if view.load_seconds is not None else ""
        return f"{view.model}: ready{took} (pid {view.pid})"
    if view.state is State.STOPPED:
        return f"{view.model}: stopped, its memory is free"
    if view.state is State.FAILED and view.failure is not None:
        return f"{view.model}: failed: {view.failure.message}"
    return ""


class LinkOutbox:
    """The manager's outbox.  The link is connected after both exist, and nothing is sent before."""

    def __init__(self, events: Broadcaster, clock: Clock) -> None:
        self.metrics: ControlMetrics | None = None
        """Who counts what is told here."""
        self.energy: Energy | None = None
        """Who measures what is used meanwhile."""
        self._events = events
        self._clock = clock
        self._link: LinkServer | None = None
        self._states: dict[str, State] = {}
        self._memory: dict[str, Memory] = {}
        """What workers were told that instances hold, by model."""

    def connect(self, link: LinkServer) -> None:
        """Where messages to workers go from now on."""
        self._link = link

    def grant(self, worker: str | None, endpoint: Endpoint) -> None:
        """This worker (None: every worker) may use the instance."""
        self._send(worker, Granted(endpoint))
        memory = self._memory.get(endpoint.model)
        if memory is not None and memory.instance == endpoint.instance:
            self._send(worker, memory)

    def revoke(self, instance: str, worker: str | None = None) -> None:
        """This worker (None: every worker) must not begin anything new with it."""
        self._send(worker, Revoked(instance))

    def progress(self, loading: Loading) -> None:
        """How far a load is, or where a model stands in the queue."""
        self._send(None, Progress(loading))
        self._publish("loading", loading)

    def failed(self, model: str, failure: Failure) -> None:
        """Everybody who waits for this model gets the failure."""
        self._send(None, Failed(model, failure))
        self._publish("failure", {"model": model, "failure": failure})

    def leaked(self, model: str, missing: dict[str, int]) -> None:
        """Memory that an engine did not give back."""
        sizes = ", ".join(f"{format_size(bytes_)} of {device}" for device, bytes_ in missing.items())
        _log.error("%s: its processes are gone, and %s did not come back", model, sizes)
        if self.metrics is not None:
            self.metrics.leaked(model, missing)
        self._publish("leak", {"model": model, "missing": missing})

    def changed(self, view: InstanceView) -> None:
        """An instance changed its state."""
        before = self._states.get(view.model, State.STOPPED)
        self._states[view.model] = view.state
        if view.state is not before and (line := told(view, before)):
            _log.log(logging.WARNING if view.state is State.FAILED else logging.INFO, "%s", line)
        if self.metrics is not None:
            self.metrics.changed(view)
        if self.energy is not None:
            self.energy.changed(view)
        self._tell_memory(view)
        self._publish("instance", view)

    def _tell_memory(self, view: InstanceView) -> None:
        """Tell workers what a loaded instance holds, once."""
        if view.state not in _IN_USE:
            self._memory.pop(view.model, None)
            return
        held = view.measured or view.claim
        devices = sum(bytes_ for device, bytes_ in held.items() if device != HOST)
        memory = Memory(view.instance, sum(held.values()), devices)
        if held and self._memory.get(view.model) != memory:
            self._memory[view.model] = memory
            self._send(None, memory)

    def _send(self, worker: str | None, message: ToWorker) -> None:
        if self._link is None:
            return
        if worker is None:
            self._link.broadcast(message)
        else:
            self._link.send(worker, message)

    def _publish(self, kind: str, data: object) -> None:
        self._events.publish(Event(kind=kind, at=self._clock.unix(), data=data))

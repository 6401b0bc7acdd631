"""What the lifecycle manager tells: workers over the link, people over the events."""

from __future__ import annotations

from glowplug.clock import Clock
from glowplug.control.events import Broadcaster, Event
from glowplug.control.link import LinkServer
from glowplug.domain.instance import Endpoint, Failure, InstanceView
from glowplug.domain.model import Loading
from glowplug.wire.link import Failed, Granted, Progress, Revoked, ToWorker


class LinkOutbox:
    """The manager's outbox.  The link is connected after both exist, and nothing is sent before."""

    def __init__(self, events: Broadcaster, clock: Clock) -> None:
        self._events = events
        self._clock = clock
        self._link: LinkServer | None = None

    def connect(self, link: LinkServer) -> None:
        """Where messages to workers go from now on."""
        self._link = link

    def grant(self, worker: str | None, endpoint: Endpoint) -> None:
        """This worker (None: every worker) may use the instance."""
        self._send(worker, Granted(endpoint))

    def revoke(self, instance: str, worker: str | None = None) -> None:
        """This worker (None: every worker) must not begin anything new with it."""
        self._send(worker, Revoked(instance))

    def progress(self, loading: Loading) -> None:
        self._send(None, Progress(loading))

    def failed(self, model: str, failure: Failure) -> None:
        """Everybody who waits for this model gets the failure."""
        self._send(None, Failed(model, failure))
        self._publish("failure", {"model": model, "failure": failure})

    def changed(self, view: InstanceView) -> None:
        """An instance changed its state."""
        self._publish("instance", view)

    def _send(self, worker: str | None, message: ToWorker) -> None:
        if self._link is None:
            return
        if worker is None:
            self._link.broadcast(message)
        else:
            self._link.send(worker, message)

    def _publish(self, kind: str, data: object) -> None:
        self._events.publish(Event(kind=kind, at=self._clock.unix(), data=data))

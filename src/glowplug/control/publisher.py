"""Keeps the snapshot up to date and sends it to the workers when keys or the configuration change."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

from glowplug.clock import Clock
from glowplug.control.snapshots import build_snapshot
from glowplug.domain.access import ApiKey
from glowplug.domain.snapshot import Snapshot
from glowplug.usecases.catalog import Catalog
from glowplug.usecases.standing import Standing, standing
from glowplug.wire.link import SetSnapshot


class Workers(Protocol):
    def broadcast(self, message: SetSnapshot) -> None: ...


class Publisher:
    """`publish()` builds and sends; `current()` is what a worker that joins is given.

    Revisions grow over restarts too, because they start at the time in milliseconds.
    """

    def __init__(
        self,
        catalog: Callable[[], Catalog],
        keys: Callable[[], Iterable[ApiKey]],
        pepper: bytes,
        clock: Clock,
        extend: Callable[[Snapshot], Snapshot] = lambda snapshot: snapshot,
        stands: Callable[[ApiKey], Standing] = standing,
    ) -> None:
        self._stands = stands
        self._extend = extend
        """Adds limits and budgets."""
        self._catalog = catalog
        self._keys = keys
        self._pepper = pepper
        self._clock = clock
        self._workers: Workers | None = None
        self._snapshot: Snapshot | None = None

    @property
    def revision(self) -> int:
        """Of the last snapshot; 0 before the first."""
        return self._snapshot.revision if self._snapshot else 0

    def connect(self, workers: Workers) -> None:
        """Where snapshots go from now on."""
        self._workers = workers

    def current(self) -> Snapshot:
        """The last snapshot; the first one is built here."""
        return self._snapshot or self._build()

    def prepare(self) -> None:
        """Build anew and send nothing yet."""
        self._build()

    def publish(self) -> None:
        """Something changed: build anew and send to every worker."""
        snapshot = self._build()
        if self._workers is not None:
            self._workers.broadcast(SetSnapshot(snapshot))

    def _build(self) -> Snapshot:
        revision = max(self.revision + 1, int(self._clock.unix() * 1000))
        self._snapshot = self._extend(
            build_snapshot(self._catalog(), self._keys(), self._pepper, revision, self._stands)
        )
        return self._snapshot

"""Measures what devices use while local models answer, and writes it into the lines of the ledger.

While something local is busy the devices are asked once a second, and once more in the second behind it; at rest
nothing wakes up.  Which attempt ran when is known from the journal, so the energy is given out behind each fold
(`glowplug.ledger.energy` says how).  What was measured and not given out is lost when this process ends: those lines
say that their energy is not known.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from glowplug.domain.energy import EnergyReading, EnergySettings
from glowplug.domain.hardware import HOST
from glowplug.domain.instance import InstanceView, State
from glowplug.domain.price import Price, energy_price
from glowplug.domain.usage import AttemptClosed, AttemptOpened
from glowplug.ledger.energy import Identity, Meter, Moment, Shares
from glowplug.ledger.fold import Folded, LedgerStore
from glowplug.lifecycle.ports import Scheduler, Timer
from glowplug.store import energy
from glowplug.store.database import Database

EVERY: Final = 1.0
"""Seconds between two looks while something is busy."""
SLACK: Final = 0.25
"""Seconds in which a record that begins may still come into the journal."""


def no_meters() -> tuple[EnergyReading, ...]:
    """A machine whose devices say nothing."""
    return ()


class Energy:
    """`read` asks the devices; `again` asks for another fold.  `changed` is for the loop, `fold` and what is tapped for
    any thread."""

    def __init__(
        self,
        read: Callable[[], tuple[EnergyReading, ...]],
        clock: Scheduler,
        database: Database,
        settings: Callable[[], EnergySettings],
        again: Callable[[], None],
    ) -> None:
        self._read = read
        self._clock = clock
        self._database = database
        self._settings = settings
        self._again = again
        self._busy: dict[str, frozenset[str]] = {}
        """Models that answer now, and the devices they are on."""
        self._used: dict[str, set[str]] = {}
        """Models that answered since the last look, by device."""
        self._timer: Timer | None = None
        self._lock = threading.Lock()
        # From here on: with the lock.
        self._meter = Meter()
        self._shares = Shares()
        self._looked: float | None = None
        """Unix seconds of the last look while looks go on; None while there are none."""
        self._models: set[str] = set()
        """That ever answered here: all others are none of ours."""
        self._workers: dict[Identity, str] = {}
        self._unsaid: dict[Identity, int] = {}

    # ---- looking

    def changed(self, view: InstanceView) -> None:
        """An instance changed its state."""
        if view.state is not State.BUSY:
            self._busy.pop(view.model, None)
            return
        devices = _devices(view)
        if not devices or not self._settings().measure:
            return
        if self._timer is None:
            self._look()  # before it counts as used: what was drawn until now was drawn at rest
            if self._looked is None:
                return
            self._timer = self._clock.call_later(EVERY, self._tick)
        self._busy[view.model] = devices
        self._use()
        with self._lock:
            self._models.add(view.model)

    def _use(self) -> None:
        for model, devices in self._busy.items():
            for device in devices:
                self._used.setdefault(device, set()).add(model)

    def _tick(self) -> None:
        used = bool(self._used)
        self._look()
        self._timer = None
        if used and self._looked is not None:
            self._timer = self._clock.call_later(EVERY, self._tick)
        else:
            self._busy.clear()
            with self._lock:
                self._looked = None

    def _look(self) -> None:
        readings = self._read()
        moment = Moment(self._clock.unix(), self._clock.monotonic())
        with self._lock:
            self._shares.drawn(self._meter.look(readings, moment, self._used))
            self._looked = moment.unix if readings else None
        self._used = {}
        self._use()

    # ---- giving out

    def tap(self, store: LedgerStore) -> LedgerStore:
        """The store, with what goes into it seen here."""
        return _Tap(store, self)

    def fold(self, fold: Callable[[], Folded]) -> Folded:
        """Fold the journal, then give out what was drawn while everything that ran is known.  Raises StoreError,
        OSError."""
        began = self._clock.unix() - SLACK
        folded = fold()
        with self._lock:
            if not (self._shares.busy or self._unsaid):
                return folded
            until = began if self._looked is None else min(began, self._looked)
            self._unsaid |= self._shares.give(until, {} if self._settings().idle else self._meter.idle)
            unsaid, waiting = dict(self._unsaid), self._shares.waiting
        if unsaid:
            price = self._price()
            self._database.call(lambda c: energy.put(c, unsaid, price, self._clock.unix()))
            with self._lock:
                for identity in unsaid:
                    self._unsaid.pop(identity, None)
        if waiting:
            self._again()
        return folded

    def _price(self) -> Price | None:
        per_kwh = self._settings().price_per_kwh
        return None if per_kwh is None else energy_price(per_kwh)

    def seen(self, worker: str, opened: Iterable[AttemptOpened], closed: Iterable[AttemptClosed]) -> None:
        """These are in the ledger now."""
        with self._lock:
            if self._looked is None and not self._shares.busy:
                return
            for begun in opened:
                if begun.model in self._models:
                    identity = (begun.request, begun.attempt)
                    self._shares.opened(identity, begun.model, begun.started)
                    self._workers[identity] = worker
            for ended in closed:
                if ended.model in self._models:
                    identity = (ended.request, ended.attempt)
                    self._shares.closed(identity, ended.model, ended.started, ended.started + ended.duration)
                    self._workers.pop(identity, None)

    def left(self, worker: str) -> None:
        """Nobody knows when the open attempts of this worker ended."""
        with self._lock:
            gone = [identity for identity, whose in self._workers.items() if whose == worker]
            self._shares.forget(gone)
            for identity in gone:
                del self._workers[identity]

    def given(self) -> Mapping[tuple[str, str], int]:
        """Microjoules that were given to attempts since this process began, by model and device."""
        with self._lock:
            return dict(self._shares.given)


class _Tap:
    """A `LedgerStore` that lets `Energy` see what is stored."""

    def __init__(self, store: LedgerStore, seen: Energy) -> None:
        self._store = store
        self._energy = seen
        self.positions = store.positions
        self.open_workers = store.open_workers
        self.forget = store.forget
        self.sync = store.sync

    def absorb(
        self,
        worker: str,
        segment: str,
        position: int,
        opened: Sequence[AttemptOpened],
        closed: Sequence[AttemptClosed],
    ) -> None:
        """Store, then tell: what could not be stored comes again."""
        self._store.absorb(worker, segment, position, opened, closed)
        self._energy.seen(worker, opened, closed)

    def settle(self, worker: str) -> int:
        self._energy.left(worker)
        return self._store.settle(worker)


def _devices(view: InstanceView) -> frozenset[str]:
    """Where its work is done: the accelerators that hold it, or the processor when none does."""
    held = view.measured or view.claim
    accelerators = frozenset(device for device, size in held.items() if size and device != HOST)
    return accelerators or frozenset({HOST} if held.get(HOST) else ())

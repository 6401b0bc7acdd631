"""Folds the workers' journal into the ledger, exactly once however often it is killed.

Records of a segment and the cursor behind them are stored in one transaction; a segment is deleted only after that, and
its cursor is forgotten only after the file is gone.  Attempts only move up (open, interrupted, closed), so a record
that comes twice changes nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from glowplug.domain.usage import AttemptClosed, AttemptOpened, Record
from glowplug.ledger.journal import Damage, JournalReader
from glowplug.ledger.segments import HEADER, NEW_SUFFIX, SUFFIX, SegmentFiles, order, worker_of
from glowplug.threads import aside

_BATCH = 1000
"""Records in one transaction, for which others wait about 10 ms.  Half as many cost a fifth more each."""


class LedgerStore(Protocol):
    """What the fold needs from the database; each call is one transaction."""

    def positions(self) -> dict[str, int]: ...

    def absorb(
        self,
        worker: str,
        segment: str,
        position: int,
        opened: Sequence[AttemptOpened],
        closed: Sequence[AttemptClosed],
    ) -> None: ...

    def open_workers(self) -> frozenset[str]: ...

    def settle(self, worker: str) -> int: ...

    def forget(self, segments: Iterable[str]) -> None: ...

    def sync(self) -> None:
        """Wait until everything that was stored is on the disk."""
        ...


@dataclass(frozen=True)
class Folded:
    """What one run of the fold did."""

    records: int = 0
    interrupted: int = 0
    """Attempts settled because their worker is gone."""
    removed: int = 0
    """Segments deleted."""
    damage: tuple[Damage, ...] = ()
    """What could not be read; the segment is kept as `*.gpj.damaged`."""


def merge(records: Iterable[Record]) -> tuple[tuple[AttemptOpened, ...], tuple[AttemptClosed, ...]]:
    """One record an attempt: the first close if there is one, else the first open.  Pure."""
    opened: dict[tuple[str, int], AttemptOpened] = {}
    closed: dict[tuple[str, int], AttemptClosed] = {}
    for record in records:
        identity = (record.request, record.attempt)
        if isinstance(record, AttemptClosed):
            closed.setdefault(identity, record)
        else:
            opened.setdefault(identity, record)
    return tuple(r for identity, r in opened.items() if identity not in closed), tuple(closed.values())


class Folder:
    """Folds one journal directory into one store; `fold` waits for files and the database, so never on the loop.

    `gone(worker)` says whether the worker of that name has ended for good.
    """

    def __init__(
        self,
        directory: Path,
        store: LedgerStore,
        gone: Callable[[str], bool],
        files: SegmentFiles | None = None,
        batch: int = _BATCH,
    ) -> None:
        self._directory = directory
        self._store = store
        self._gone = gone
        self._files = files or SegmentFiles()
        self._batch = batch
        self._one_at_a_time = threading.Lock()

    def fold(self) -> Folded:
        """Fold everything that is committed now.  Raises StoreError, OSError; what was stored by then stays stored."""
        with self._one_at_a_time, aside():
            return self._fold()

    def _fold(self) -> Folded:
        workers = {w for w in map(worker_of, self._files.names(self._directory)) if w} | self._store.open_workers()
        # Asked before anything is listed and read: a worker that dies meanwhile may have written behind our back.
        gone = frozenset(worker for worker in workers if self._gone(worker))
        names = self._files.names(self._directory)
        segments = sorted((n for n in names if n.endswith(SUFFIX) and worker_of(n)), key=order)
        positions = self._store.positions()
        total = Folded()
        done: list[Path] = []
        for name in segments:
            worker = worker_of(name) or ""
            total = _sum(total, self._segment(name, worker, positions.get(name, HEADER), worker in gone, done))
        if done:
            # A power cut must not take both the records and the segment they came from.
            self._store.sync()
            for path in done:
                self._files.remove(path)
        for name in names:
            if name.endswith(NEW_SUFFIX) and worker_of(name) in gone:
                self._files.remove(self._directory / name)
        interrupted = sum(self._store.settle(worker) for worker in sorted(gone))
        if positions:
            left = set(self._files.names(self._directory))
            self._store.forget(name for name in positions if name not in left)
        return _sum(total, Folded(interrupted=interrupted))

    def _segment(self, name: str, worker: str, start: int, gone: bool, done: list[Path]) -> Folded:
        """Store what is new in one segment; its path is added to `done` when nothing will be written to it any more."""
        path = self._directory / name
        try:
            reader = JournalReader(path, self._files)
        except FileNotFoundError:
            # Its writer ended and took back a segment that it had prepared and not used.
            return Folded()
        except ValueError as error:
            self._files.set_aside(path)
            done.append(path)
            return Folded(damage=(Damage(name, 0, str(error)),))
        count = 0
        damage: tuple[Damage, ...] = ()
        pending: list[Record] = []
        position = start
        for position, record in reader.records(start):
            if isinstance(record, Damage):
                damage = (record,)
                self._files.set_aside(path)
                break
            pending.append(record)
            count += 1
            if len(pending) >= self._batch:
                self._store.absorb(worker, name, position, *merge(pending))
                pending.clear()
        if pending or damage:
            self._store.absorb(worker, name, position, *merge(pending))
        final = gone or reader.sealed
        if final:
            done.append(path)
        return Folded(count, 0, int(final), damage)


def _sum(one: Folded, other: Folded) -> Folded:
    return Folded(
        one.records + other.records,
        one.interrupted + other.interrupted,
        one.removed + other.removed,
        one.damage + other.damage,
    )

"""Control's side of limits and budgets: which row of the counters is for what, and what the ledger knows of each.

A fold is the moment of truth.  Before it the workers' totals are read, then the journal is folded, then the ledger is
asked: what was in the totals is in the ledger by then, because a worker writes its record before it adds to its total.
So a row is told `ledger - totals read before`, in one write, and the sum is right at once; what was closed while the
fold ran may be counted twice until the next, and never not at all.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from math import inf
from pathlib import Path
from typing import NamedTuple, Protocol

import msgspec

from glowplug.clock import Clock, SteadyTime
from glowplug.domain.budget import Budget, Scope, UseLimit, Window
from glowplug.domain.snapshot import BudgetPeriod, BudgetRoute, Snapshot
from glowplug.ledger.counters import ControlCounters, open_or_create
from glowplug.ledger.fold import Folded
from glowplug.routing.budgets import Period, counted_from, periods
from glowplug.routing.labels import labels, period_label
from glowplug.usecases.budgets import State

_log = logging.getLogger(__name__)
_ROLLING_LOOKS = 60
"""A rolling window is looked at again so often while it passes."""
_SHORTEST_LOOK = 30.0
_LONGEST_SLEEP = 3600.0


class SpendSource(Protocol):
    """What the ledger has."""

    def since(self, scope: Scope, name: str, start: float) -> int | None:
        """Nano-dollars of attempts that started at `start` (Unix seconds) or later; None where nobody knows."""


class _Planned(NamedTuple):
    budget: Budget
    period: Period
    row: int


class Metering:
    """Keeps the counters.  `fold` may run on another thread than the rest.

    `gone(worker)` says whether the worker of that name has ended for good; `again` asks for another fold.
    """

    def __init__(
        self,
        path: Path,
        source: SpendSource,
        fold: Callable[[], Folded],
        clock: Clock,
        steady: Callable[[], float],
        gone: Callable[[str], bool],
        again: Callable[[], None] = lambda: None,
    ) -> None:
        self._path = path
        self._source = source
        self._fold = fold
        self._clock = clock
        self._steady = steady
        self._gone = gone
        self._again = again
        self._time = SteadyTime(clock.unix(), steady())
        self._lock = threading.Lock()
        self._counters: ControlCounters | None = None
        self._planned: tuple[_Planned, ...] = ()

    def now(self) -> float:
        """Unix time that does not follow a wall clock that jumps."""
        return self._time.look(self._clock.unix(), self._steady())

    def extend(
        self, snapshot: Snapshot, budgets: Iterable[Budget], limits: tuple[UseLimit, ...], workers: int
    ) -> Snapshot:
        """The snapshot with budgets and limits, and a row for everything that is counted together."""
        budgets = tuple(budgets)
        now = self.now()
        windows = [(budget, period) for budget in budgets for period in periods(budget, now)]
        wanted = [period_label(budget.id, period.start) for budget, period in windows]
        if workers > 1:
            wanted += labels(snapshot.models, snapshot.aliases, snapshot.keys, limits)
        snapshot = msgspec.structs.replace(snapshot, use_limits=limits)
        with self._lock:
            counters = self._open(workers) if wanted else self._counters
            rows = {} if counters is None else counters.assign(wanted)
            self._planned = tuple(
                _Planned(budget, period, rows[name])
                for (budget, period), name in zip(windows, wanted, strict=False)
                if name in rows
            )
        if len(rows) < len(set(wanted)):
            _log.error(
                "%d limits and budgets have no room in %s: each worker keeps such limits alone, and such budgets let"
                " nothing through",
                len(set(wanted)) - len(rows),
                self._path,
            )
        routes = tuple(
            BudgetRoute(
                budget=budget,
                periods=tuple(
                    BudgetPeriod(period.start, period.end, rows.get(period_label(budget.id, period.start), -1))
                    for one, period in windows
                    if one is budget
                ),
            )
            for budget in budgets
        )
        identity = 0 if counters is None else counters.identity
        return msgspec.structs.replace(snapshot, budgets=routes, rows=rows, counters=identity)

    def _open(self, workers: int) -> ControlCounters | None:
        if self._counters is None:
            try:
                self._counters = ControlCounters(open_or_create(self._path, workers))
            except OSError as error:
                _log.error("the shared counters cannot be made: %s", error)
                return None
            self._counters.void([owner for owner in self._counters.owners() if self._gone(owner)])
        return self._counters

    def left(self, worker: str) -> None:
        """A worker has ended: what it held is void."""
        with self._lock:
            if self._counters is not None:
                self._counters.void([worker])

    def fold(self) -> Folded:
        """Fold the journal and tell the counters what the ledger knows now.  Raises StoreError, OSError."""
        with self._lock:
            counters, planned = self._counters, self._planned
            before = {} if counters is None else {one.row: counters.counted(one.row) for one in planned}
        folded = self._fold()
        if counters is None or not planned:
            return folded
        now = self.now()
        spends = [self._spend(one, now) for one in planned]
        moved = False
        with self._lock:
            still = {(one.row, one.budget.id, one.period) for one in self._planned}
            for one, spend in zip(planned, spends, strict=True):
                if spend is not None and (one.row, one.budget.id, one.period) in still:
                    counters.know(one.row, spend, before[one.row])
                    moved = moved or counters.counted(one.row) != before[one.row]
        if moved:
            self._again()
        return folded

    def _spend(self, one: _Planned, now: float) -> int | None:
        start = counted_from(one.budget, one.period, now)
        if start > now:
            return 0
        return self._source.since(one.budget.scope, one.budget.name, start)

    def states(self) -> Mapping[str, State]:
        """How the budgets stand now, by id."""
        now = self.now()
        found: dict[str, State] = {}
        with self._lock:
            counters = self._counters
            for one in self._planned if counters is not None else ():
                assert counters is not None
                if one.budget.id not in found and now < one.period.end:
                    spent, reserved = counters.spent(one.row), counters.reserved(one.row)
                    found[one.budget.id] = State(
                        spent, reserved, counted_from(one.budget, one.period, now), one.period.end
                    )
        return found

    def sleep(self) -> float | None:
        """Seconds until windows have to be looked at again; None while there are none that turn."""
        now = self.now()
        ends = [one.period.end - now for one in self._planned if one.period.end < inf]
        rolling = [
            max(one.budget.seconds / _ROLLING_LOOKS, _SHORTEST_LOOK)
            for one in self._planned
            if one.budget.window is Window.ROLLING
        ]
        waits = [max(0.0, end) for end in ends] + rolling
        return min(*waits, _LONGEST_SLEEP) if waits else None

    def turned(self) -> bool:
        """Whether a window has ended since rows were given out."""
        now = self.now()
        return any(one.period.end <= now for one in self._planned)

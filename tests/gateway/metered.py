"""Snapshots with budgets and limits over a real file of counters, for the rig."""

from __future__ import annotations

from math import inf
from pathlib import Path
from typing import Any

import msgspec

from glowplug.domain.budget import Budget, Scope, UseLimit, Window
from glowplug.domain.price import Price, Rates
from glowplug.domain.snapshot import BudgetPeriod, BudgetRoute, Snapshot
from glowplug.gateway.guards import Guards
from glowplug.ledger.counters import ControlCounters, CounterFile, WorkerCounters, create
from glowplug.routing import labels
from tests.gateway.rig import KEY, MODELS, Rig, key, snapshot

DOLLAR = 1_000_000_000
PRICE = Price(version="t1", rates=Rates(prompt=1_000_000, completion=2_000_000))
"""One nano-dollar a prompt token, two a completion token."""


def priced(name: str, **more: Any) -> Any:
    """The model of that name of the rig, with a price."""
    (route,) = [model for model in MODELS if model.name == name]
    return msgspec.structs.replace(route, price=PRICE, **more)


class Metered:
    """A file of counters as control keeps it, and planes that count in it."""

    def __init__(self, directory: Path, workers: int = 1) -> None:
        self.path = directory / "counters"
        create(self.path, workers, rows=64).close()
        self.control = ControlCounters(CounterFile(self.path))
        self.workers = workers

    def guards(self, index: int = 0) -> Guards:
        return Guards(lambda _identity: WorkerCounters(CounterFile(self.path), index, f"w{index}-1-1"))

    def snapshot(
        self, budgets: tuple[Budget, ...] = (), limits: tuple[UseLimit, ...] = (), ends: float = inf, **changes: Any
    ) -> Snapshot:
        """With a row for everything that needs one."""
        plain = snapshot(use_limits=limits, counters=self.control.identity, **changes)
        wanted = [labels.period_label(budget.id, start) for budget in budgets for start in (0.0, ends)]
        shared = list(labels.labels(plain.models, plain.aliases, plain.keys, limits)) if self.workers > 1 else []
        self.rows = rows = self.control.assign([*wanted, *shared])
        routes = []
        for budget in budgets:
            spans = [(0.0, ends)] if ends == inf else [(0.0, ends), (ends, inf)]
            periods = tuple(BudgetPeriod(a, b, rows[labels.period_label(budget.id, a)]) for a, b in spans)
            routes.append(BudgetRoute(budget=budget, periods=periods))
        return msgspec.structs.replace(plain, budgets=tuple(routes), rows=rows)

    def left(self, rig: Rig) -> list[int]:
        """What the budgets of the first key still have."""
        (first, *_) = rig.plane.tables.keys.values()
        return [meter.left(1.0) for meter in first.meters]


def budget(amount: int, scope: Scope = Scope.KEY, name: str = "user", **more: Any) -> Budget:
    return Budget(id=f"b-{scope}-{name}", scope=scope, name=name, amount=amount, **{"window": Window.TOTAL, **more})


USER = key(KEY, "user", user="ann", team="web", tags=("x", "y"))

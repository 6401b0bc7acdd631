"""What the control process counts and knows: instances, memory, the ledger.  `CONTROL_METRICS` is the table of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from glowplug.clock import Clock
from glowplug.domain.budget import Scope, Window
from glowplug.domain.instance import InstanceView, State
from glowplug.domain.plan import MemoryView
from glowplug.money import NANO
from glowplug.usecases.budgets import BudgetView
from glowplug.wire.exposition import Families, Histogram, Row, Sample

CONTROL_METRICS: Final = {
    "glowplug_workers": Row("gauge", "Gateway workers that live."),
    "glowplug_workers_missing": Row("gauge", "Gateway workers whose figures are not in this answer."),
    "glowplug_instance_state": Row("gauge", "1 for the state each local model's instance is in."),
    "glowplug_instance_transitions_total": Row("counter", "Changes of state, by model and new state."),
    "glowplug_instance_stops_total": Row(
        "counter", "Instances that were ended, by model and reason: idle, evicted (for another model), asked, failed …"
    ),
    "glowplug_instance_failures_total": Row("counter", "Failures of instances, by model and kind."),
    "glowplug_load_seconds": Row("histogram", "Seconds that loads took, by model."),
    "glowplug_memory_bytes": Row(
        "gauge", "Memory by device: total, used by anybody, claimed by models, reserve, free."
    ),
    "glowplug_claimed_bytes": Row("gauge", "Memory reserved for each model, by device."),
    "glowplug_leaked_bytes_total": Row("counter", "Memory that engines did not give back, by model and device."),
    "glowplug_journal_bytes": Row("gauge", "Size of the journal segments that are not folded to their end."),
    "glowplug_fold_age_seconds": Row("gauge", "Seconds since the journal was folded into the ledger."),
    "glowplug_fold_failures_total": Row("counter", "Folds that could not be done."),
    "glowplug_ledger_mismatches": Row("gauge", "Differences the last check of the ledger found; must be 0."),
    "glowplug_budget_dollars": Row(
        "gauge", "Budgets of teams, tags, models and of everything: amount, spent, reserved by open requests, left."
    ),
    "glowplug_energy_joules_total": Row(
        "counter", "Energy that devices reported for requests to local models, by model and device."
    ),
    "glowplug_config_stale": Row("gauge", "1 while the configuration in force is not the one on the disk."),
}
_ENDED: Final = (State.STOPPING, State.RELEASING)
_UNBOUNDED: Final = (Scope.KEY, Scope.USER)
_LOADS: Final = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 40.0, 80.0, 160.0, 320.0, 640.0)


class ControlMetrics:
    """Counts what it is told and looks at the rest when it is asked.  Nothing here wakes anything."""

    def __init__(
        self,
        clock: Clock,
        *,
        instances: Callable[[], Sequence[InstanceView]],
        memory: Callable[[], MemoryView],
        journal: Path,
        stale: Callable[[], str],
        energy: Callable[[], Mapping[tuple[str, str], int]] = dict,
    ) -> None:
        """`energy`: microjoules by model and device."""
        self._clock = clock
        self._instances = instances
        self._memory = memory
        self._journal = journal
        self._stale = stale
        self._energy = energy
        self._states: dict[str, State] = {}
        self._transitions: defaultdict[tuple[str, str], int] = defaultdict(int)
        self._stops: defaultdict[tuple[str, str], int] = defaultdict(int)
        self._failures: defaultdict[tuple[str, str], int] = defaultdict(int)
        self._loads: defaultdict[str, Histogram] = defaultdict(lambda: Histogram(_LOADS))
        self._leaked: defaultdict[tuple[str, str], int] = defaultdict(int)
        self._folded_at: float | None = None
        self._fold_failures = 0
        self.mismatches: int | None = None
        """What the last check of the ledger found; None before the first."""
        self.budgets: Callable[[], Sequence[BudgetView]] = tuple
        """How budgets stand."""

    # ---- told

    def changed(self, view: InstanceView) -> None:
        """An instance may have changed its state; ready and busy count as one, because requests alternate them."""
        state = State.READY if view.state is State.BUSY else view.state
        if self._states.get(view.model, State.STOPPED) is state:
            return
        before = self._states.get(view.model)
        self._states[view.model] = state
        self._transitions[view.model, state.value] += 1
        if state in _ENDED and before not in _ENDED:
            self._stops[view.model, view.leaving] += 1
        if state is State.READY and before is not State.READY and view.load_seconds is not None:
            self._loads[view.model].observe(view.load_seconds)
        if state is State.FAILED and view.failure is not None:
            self._failures[view.model, view.failure.kind.value] += 1

    def leaked(self, model: str, missing: dict[str, int]) -> None:
        """Memory that did not come back, in bytes by device."""
        for device, size in missing.items():
            self._leaked[model, device] += size

    def folded(self, done: bool) -> None:
        """The journal was folded, or could not be."""
        if done:
            self._folded_at = self._clock.monotonic()
        else:
            self._fold_failures += 1

    # ---- asked

    def families(self, workers: int, missing: int) -> Families:
        """Everything, as of now."""
        age = [] if self._folded_at is None else [Sample((), self._clock.monotonic() - self._folded_at)]
        return {
            "glowplug_workers": [Sample((), workers)],
            "glowplug_workers_missing": [Sample((), missing)],
            "glowplug_instance_transitions_total": [
                Sample((("model", model), ("state", state)), count)
                for (model, state), count in self._transitions.items()
            ],
            "glowplug_instance_stops_total": [
                Sample((("model", model), ("reason", reason)), count) for (model, reason), count in self._stops.items()
            ],
            "glowplug_instance_failures_total": [
                Sample((("model", model), ("kind", kind)), count) for (model, kind), count in self._failures.items()
            ],
            "glowplug_load_seconds": [
                sample for model, loads in self._loads.items() for sample in loads.samples((("model", model),))
            ],
            "glowplug_leaked_bytes_total": [
                Sample((("model", model), ("device", device)), size) for (model, device), size in self._leaked.items()
            ],
            "glowplug_journal_bytes": [Sample((), _size(self._journal))],
            "glowplug_fold_age_seconds": age,
            "glowplug_fold_failures_total": [Sample((), self._fold_failures)],
            "glowplug_ledger_mismatches": [] if self.mismatches is None else [Sample((), self.mismatches)],
            "glowplug_energy_joules_total": [
                Sample((("model", model), ("device", device)), micro / 1_000_000)
                for (model, device), micro in self._energy().items()
            ],
            "glowplug_config_stale": [Sample((), bool(self._stale()))],
            "glowplug_budget_dollars": _of_budgets(self.budgets()),
            **_of_instances(self._instances()),
            **_of_memory(self._memory()),
        }


def _of_instances(views: Sequence[InstanceView]) -> Families:
    return {
        "glowplug_instance_state": [
            Sample((("model", v.model), ("engine", v.engine), ("state", v.state.value)), 1) for v in views
        ],
        "glowplug_claimed_bytes": [
            Sample((("model", v.model), ("device", device)), size) for v in views for device, size in v.claim.items()
        ],
    }


def _of_budgets(budgets: Sequence[BudgetView]) -> list[Sample]:
    """Those of keys and users are left out: their number has no bound."""
    out = []
    for one in budgets:
        if one.scope in _UNBOUNDED:
            continue
        window = f"{one.seconds:g}s" if one.window is Window.ROLLING else one.window.value
        labels = (("scope", one.scope.value), ("name", one.name), ("window", window))
        figures = {"amount": one.amount, "spent": one.spent, "reserved": one.reserved, "left": one.remaining}
        out += [Sample((*labels, ("kind", kind)), nano / NANO) for kind, nano in figures.items() if nano is not None]
    return out


def _of_memory(memory: MemoryView) -> Families:
    samples = []
    for device in memory.data:
        figures = {
            "total": device.total,
            "used": device.used,
            "claimed": sum(device.ours.values()) + sum(device.leases.values()),
            "reserve": device.reserve,
            "free": device.free,
        }
        samples += [
            Sample((("device", device.id), ("kind", kind)), value)
            for kind, value in figures.items()
            if value is not None  # unknown is no number
        ]
    return {"glowplug_memory_bytes": samples}


def _size(directory: Path) -> int:
    """Bytes of the segments in a directory; one that goes away meanwhile counts nothing."""
    total = 0
    for path in directory.glob("*.gpj") if directory.is_dir() else ():
        try:
            total += path.stat().st_size
        except FileNotFoundError:
            continue
    return total

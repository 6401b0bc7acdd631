"""What the control process counts and knows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from glowplug.control.metrics import CONTROL_METRICS, ControlMetrics
from glowplug.domain.budget import Budget, Scope, Window
from glowplug.domain.instance import Failure, FailureKind, InstanceView, State
from glowplug.domain.plan import DeviceView, MemoryView
from glowplug.money import NANO
from glowplug.usecases.budgets import State as Standing
from glowplug.usecases.budgets import view
from glowplug.wire.exposition import Families
from tests.still_clock import StillClock

VIEW = InstanceView(model="m", engine="llamacpp", state=State.STOPPED, claim={"gpu0": 7})
GPU = DeviceView(id="gpu0", total=100, used=None, ours={"m": 7, "n": 3}, leases={"l": 5}, reserve=10, free=75)


@pytest.fixture
def clock() -> StillClock:
    return StillClock()


@pytest.fixture
def metrics(tmp_path: Path, clock: StillClock) -> ControlMetrics:
    return ControlMetrics(
        clock,
        instances=lambda: [VIEW],
        memory=lambda: MemoryView(data=(GPU,)),
        journal=tmp_path,
        stale=lambda: "line 3 is wrong",
    )


def values(families: Families, name: str) -> dict[tuple[str, ...], float]:
    return {tuple(value for _, value in s.labels) + ((s.suffix,) if s.suffix else ()): s.value for s in families[name]}


def test_states_change_once_and_busy_is_ready(metrics: ControlMetrics) -> None:
    for state in (State.STARTING, State.LOADING, State.READY, State.BUSY, State.READY, State.STOPPING, State.STOPPED):
        metrics.changed(msgspec.structs.replace(VIEW, state=state, load_seconds=2.0))
    families = metrics.families(1, 0)
    assert values(families, "glowplug_instance_transitions_total") == {
        ("m", state): 1 for state in ("starting", "loading", "ready", "stopping", "stopped")
    }
    loads = values(families, "glowplug_load_seconds")
    assert (loads["m", "_count"], loads["m", "_sum"]) == (1, 2.0)


def test_ends_are_counted_once_with_their_reason(metrics: ControlMetrics) -> None:
    for reason in ("idle", "evicted", "evicted"):
        for state in (State.READY, State.DRAINING, State.STOPPING, State.RELEASING, State.STOPPED):
            leaving = reason if state in (State.DRAINING, State.STOPPING, State.RELEASING) else ""
            metrics.changed(msgspec.structs.replace(VIEW, state=state, leaving=leaving))
    metrics.changed(msgspec.structs.replace(VIEW, state=State.READY))
    metrics.changed(msgspec.structs.replace(VIEW, state=State.RELEASING, leaving="failed"))
    assert values(metrics.families(1, 0), "glowplug_instance_stops_total") == {
        ("m", "idle"): 1, ("m", "evicted"): 2, ("m", "failed"): 1,
    }  # fmt: skip


def test_budgets_of_what_is_bounded_and_what_open_requests_hold(metrics: ControlMetrics) -> None:
    assert metrics.families(1, 0)["glowplug_budget_dollars"] == []
    budgets = [
        view(Budget(id=str(number), scope=scope, name=name, amount=5 * NANO, window=window, seconds=seconds), state)
        for number, (scope, name, window, seconds, state) in enumerate((
            (Scope.TEAM, "web", Window.MONTH, 0.0, Standing(2 * NANO, NANO // 2, 0.0, 1.0)),
            (Scope.ALL, "", Window.ROLLING, 300.0, None),
            (Scope.KEY, "key_1", Window.MONTH, 0.0, Standing(1, 2, 0.0, 1.0)),
            (Scope.USER, "ann", Window.MONTH, 0.0, Standing(1, 2, 0.0, 1.0)),
        ))
    ]  # fmt: skip
    metrics.budgets = lambda: budgets
    assert values(metrics.families(1, 0), "glowplug_budget_dollars") == {
        ("team", "web", "month", "amount"): 5, ("team", "web", "month", "spent"): 2,
        ("team", "web", "month", "reserved"): 0.5, ("team", "web", "month", "left"): 2.5,
        ("all", "", "300s", "amount"): 5,
    }  # fmt: skip


def test_failures_by_kind_and_memory_that_did_not_come_back(metrics: ControlMetrics) -> None:
    failure = Failure(kind=FailureKind.OUT_OF_MEMORY, message="no room")
    metrics.changed(msgspec.structs.replace(VIEW, state=State.FAILED, failure=failure))
    metrics.leaked("m", {"gpu0": 3})
    metrics.leaked("m", {"gpu0": 4})
    families = metrics.families(1, 0)
    assert values(families, "glowplug_instance_failures_total") == {("m", "out_of_memory"): 1}
    assert values(families, "glowplug_leaked_bytes_total") == {("m", "gpu0"): 7}


def test_memory_and_instances_as_they_are_and_the_unknown_is_no_number(metrics: ControlMetrics) -> None:
    families = metrics.families(2, 1)
    assert values(families, "glowplug_memory_bytes") == {
        ("gpu0", "total"): 100, ("gpu0", "claimed"): 15, ("gpu0", "reserve"): 10, ("gpu0", "free"): 75,
    }  # fmt: skip
    assert values(families, "glowplug_instance_state") == {("m", "llamacpp", "stopped"): 1}
    assert values(families, "glowplug_claimed_bytes") == {("m", "gpu0"): 7}
    assert values(families, "glowplug_workers") == {(): 2}
    assert values(families, "glowplug_workers_missing") == {(): 1}
    assert values(families, "glowplug_config_stale") == {(): 1}


def test_the_ledger(metrics: ControlMetrics, clock: StillClock, tmp_path: Path) -> None:
    families = metrics.families(1, 0)
    assert families["glowplug_fold_age_seconds"] == families["glowplug_ledger_mismatches"] == []
    (tmp_path / "w0-1-2-3-4.gpj").write_bytes(b"x" * 10)
    (tmp_path / "other").write_bytes(b"x")
    metrics.folded(True)
    metrics.folded(False)
    clock.now += 5
    metrics.mismatches = 2
    families = metrics.families(1, 0)
    expected: dict[str, Any] = {
        "glowplug_fold_age_seconds": 5, "glowplug_fold_failures_total": 1, "glowplug_journal_bytes": 10,
        "glowplug_ledger_mismatches": 2,
    }  # fmt: skip
    assert {name: values(families, name)[()] for name in expected} == expected


def test_every_family_has_a_row(metrics: ControlMetrics) -> None:
    assert set(metrics.families(1, 0)) == set(CONTROL_METRICS)


def test_energy_is_told_in_joules(tmp_path: Path, clock: StillClock) -> None:
    metrics = ControlMetrics(
        clock,
        instances=list,
        memory=lambda: MemoryView(data=()),
        journal=tmp_path,
        stale=lambda: "",
        energy=lambda: {("m", "gpu0"): 1_500_000},
    )
    assert values(metrics.families(1, 0), "glowplug_energy_joules_total") == {("m", "gpu0"): 1.5}

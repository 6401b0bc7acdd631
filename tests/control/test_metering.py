"""Control's side of budgets: rows, windows, and sums that are never too low (see also test_metering_machine.py)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from glowplug.control.metering import Metering
from glowplug.domain.budget import Budget, Scope, UseLimit, Window
from glowplug.domain.snapshot import Snapshot
from glowplug.ledger.counters import CounterFile, Tally, WorkerCounters
from glowplug.ledger.fold import Folded
from glowplug.routing.labels import period_label

NOON = 1_800_014_400.0
"""2027-01-15 12:00 UTC."""
DAY = 86_400.0


class Turned:
    """Both clocks, turned by hand."""

    def __init__(self) -> None:
        self.wall, self.steady = NOON, 1000.0

    def unix(self) -> float:
        return self.wall

    def monotonic(self) -> float:
        return self.steady

    def pass_(self, seconds: float) -> None:
        self.wall += seconds
        self.steady += seconds


class Ledger:
    """What is folded: (start, nano) of attempts of everybody."""

    def __init__(self) -> None:
        self.lines: list[tuple[float, int]] = []
        self.folds = 0
        self.during: Callable[[], None] = lambda: None
        self.knows = True

    def fold(self) -> Folded:
        self.folds += 1
        self.during()
        return Folded()

    def since(self, scope: Scope, name: str, start: float) -> int | None:
        return sum(nano for at, nano in self.lines if at >= start) if self.knows else None


class Bench:
    def __init__(self, directory: Path, workers: int = 2) -> None:
        self.path = directory / "counters"
        self.clock, self.ledger, self.workers = Turned(), Ledger(), workers
        self.again = 0
        self.gone: set[str] = set()
        self.metering = self.start()
        self.snapshot = Snapshot(revision=1, pepper=b"")

    def start(self) -> Metering:
        """As a new control process."""

        def again() -> None:
            self.again += 1

        ledger, clock = self.ledger, self.clock
        return Metering(self.path, ledger, ledger.fold, clock, clock.monotonic, self.gone.__contains__, again)

    def extend(self, *budgets: Budget, limits: tuple[UseLimit, ...] = ()) -> Snapshot:
        self.snapshot = self.metering.extend(Snapshot(revision=1, pepper=b""), budgets, limits, self.workers)
        return self.snapshot

    def tally(self, budget: Budget, window: int = 0, index: int = 0) -> Tally:
        (route,) = [one for one in self.snapshot.budgets if one.budget.id == budget.id]
        file = CounterFile(self.path)
        assert file.identity == self.snapshot.counters
        return WorkerCounters(file, index, f"w{index}-1-1").tally(route.periods[window].row)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def daily(amount: int = 100, window: Window = Window.DAY, **more: float) -> Budget:
    return Budget(id="b", scope=Scope.ALL, amount=amount, window=window, **more)


def test_nothing_is_made_for_nothing(bench: Bench) -> None:
    snapshot = bench.extend()
    assert (snapshot.counters, snapshot.rows, snapshot.budgets) == (0, {}, ())
    assert not bench.path.exists()
    assert bench.metering.sleep() is None
    bench.workers = 1
    assert bench.extend(limits=(UseLimit(scope=Scope.ALL, rpm=5),)).rows == {}, "one worker shares nothing"
    assert not bench.path.exists()


def test_the_fold_is_the_moment_of_truth(bench: Bench) -> None:
    budget = daily()
    bench.extend(budget)
    tally = bench.tally(budget)
    tally.add(30)
    bench.ledger.lines = [(NOON - 3600, 10), (NOON, 30), (NOON - DAY, 999)]
    bench.metering.fold()
    assert tally.spent() == 40
    state = bench.metering.states()["b"]
    assert (state.spent, state.reserved, state.ends - state.starts) == (40, 0, DAY)
    bench.metering.fold()
    assert (tally.spent(), bench.again) == (40, 0)


def test_what_is_closed_while_the_fold_runs_counts_twice_until_the_next_and_never_not_at_all(bench: Bench) -> None:
    budget = daily()
    bench.extend(budget)
    tally = bench.tally(budget)

    def close() -> None:
        bench.ledger.lines.append((NOON, 5))
        tally.add(5)

    bench.ledger.during = close
    bench.metering.fold()
    assert (tally.spent(), bench.again) == (10, 1)
    bench.ledger.during = lambda: None
    bench.metering.fold()
    assert (tally.spent(), bench.again) == (5, 1)


def test_a_ledger_that_does_not_add_up_leaves_the_workers_sums(bench: Bench) -> None:
    budget = daily()
    bench.extend(budget)
    tally = bench.tally(budget)
    tally.add(5)
    bench.ledger.knows = False
    bench.metering.fold()
    assert tally.spent() == 5


def test_the_next_window_has_its_row_before_it_begins(bench: Bench) -> None:
    budget = daily()
    first = bench.extend(budget)
    old, new = bench.tally(budget, 0), bench.tally(budget, 1)
    old.add(90)
    new.add(1)
    bench.ledger.lines = [(NOON, 90)]
    bench.metering.fold()
    assert (old.spent(), new.spent()) == (90, 0), "the line of the 1 is not folded yet, and its window is to come"
    assert bench.metering.sleep() == pytest.approx(3600.0)
    bench.clock.pass_(DAY / 2 + 1)
    assert bench.metering.turned()
    bench.ledger.lines.append((bench.clock.wall, 1))
    second = bench.extend(budget)
    bench.metering.fold()
    assert not bench.metering.turned()
    assert second.budgets[0].periods[0] == first.budgets[0].periods[1]
    assert new.spent() == 1
    assert bench.metering.states()["b"].spent == 1


@pytest.mark.parametrize("hours", [5, 13, 24 * 40, -5, -13, -24 * 40])
def test_a_wall_clock_that_jumps_turns_no_window(bench: Bench, hours: int) -> None:
    budget = daily()
    before = bench.extend(budget).budgets
    bench.clock.wall += hours * 3600.0
    assert not bench.metering.turned()
    assert bench.extend(budget).budgets == before
    bench.clock.wall -= hours * 3600.0
    bench.clock.pass_(60.0)
    assert bench.extend(budget).budgets == before


def test_a_clock_that_was_put_right_is_believed_and_the_ledger_decides(bench: Bench) -> None:
    budget = daily()
    bench.extend(budget)
    bench.clock.wall += 3 * DAY
    bench.extend(budget)
    bench.clock.pass_(901.0)
    assert bench.metering.turned()
    assert bench.extend(budget).budgets[0].periods[0].start > NOON + 2 * DAY
    bench.ledger.lines = [(NOON, 50)]
    bench.metering.fold()
    assert bench.metering.states()["b"].spent == 0
    bench.clock.wall -= 3 * DAY
    bench.metering.now()
    bench.clock.pass_(901.0)
    bench.extend(budget)
    bench.metering.fold()
    assert bench.metering.states()["b"].spent == 50, "back in the first window with what was spent in it"


def test_a_rolling_window_moves_with_every_fold(bench: Bench) -> None:
    budget = daily(window=Window.ROLLING, seconds=7200.0)
    bench.extend(budget)
    bench.ledger.lines = [(NOON - 7000, 5), (NOON - 8000, 90)]
    bench.metering.fold()
    assert bench.metering.states()["b"].spent == 5
    assert bench.metering.sleep() == 120.0
    bench.clock.pass_(300.0)
    bench.metering.fold()
    assert bench.metering.states()["b"].spent == 0


def test_a_later_control_process_goes_on(bench: Bench) -> None:
    budget = daily()
    before = bench.extend(budget, limits=(UseLimit(scope=Scope.ALL, rpm=5, concurrency=2),))
    tally = bench.tally(budget)
    tally.add(7)
    tally.hold(3)
    bench.metering = bench.start()
    after = bench.extend(budget, limits=(UseLimit(scope=Scope.ALL, rpm=5, concurrency=2),))
    assert after == before
    assert bench.metering.states()["b"][:2] == (7, 3)
    bench.gone.add("w0-1-1")
    bench.metering = bench.start()
    bench.extend(budget)
    assert bench.metering.states()["b"][:2] == (7, 0)


def test_what_a_worker_held_is_void_when_it_has_ended(bench: Bench) -> None:
    bench.metering.left("w0-1-1")
    budget = daily()
    bench.extend(budget)
    bench.tally(budget).hold(9)
    assert bench.metering.states()["b"].reserved == 9
    bench.metering.left("w0-1-1")
    assert bench.metering.states()["b"].reserved == 0


def test_without_a_file_budgets_have_no_row(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench(tmp_path / "absent")
    snapshot = bench.extend(daily())
    assert (snapshot.counters, snapshot.rows) == (0, {})
    assert all(period.row == -1 for period in snapshot.budgets[0].periods)
    assert "cannot be made" in caplog.text
    bench.metering.fold()
    assert bench.metering.states() == {}


def test_limits_that_have_no_room_are_told(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    from glowplug.ledger.counters import create

    budgets = tuple(Budget(id=str(n), scope=Scope.ALL, amount=1, window=Window.TOTAL) for n in range(3))
    create(bench.path, 2, rows=2).close()
    import glowplug.control.metering as module

    real = module.open_or_create
    module.open_or_create = lambda path, workers: real(path, workers, 2)
    try:
        snapshot = bench.extend(*budgets)
    finally:
        module.open_or_create = real
    assert len(snapshot.rows) == 2
    assert snapshot.budgets[2].periods[0].row == -1
    assert period_label("2", 0.0) not in snapshot.rows
    assert "1 limits and budgets have no room" in caplog.text

"""Counters on a real file: one writer a cell, everybody adds up, what the dead held is void."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from math import inf
from pathlib import Path
from typing import Any

import pytest

from glowplug.domain.budget import Budget, Scope, Window
from glowplug.ledger.counters import ControlCounters, CounterFile, WorkerCounters, create, open_or_create
from glowplug.routing.budgets import Meter, Period, Reservation
from glowplug.routing.limits import SharedRate, Slots

SOURCE = Path(__file__).parents[2] / "src"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    create(tmp_path / "counters", workers=3, rows=64).close()
    return tmp_path / "counters"


def worker(path: Path, index: int, name: str = "") -> WorkerCounters:
    return WorkerCounters(CounterFile(path), index, name or f"w{index}-1-1")


def test_everybody_adds_up_what_all_have_written(path: Path) -> None:
    control = ControlCounters(CounterFile(path))
    row = control.assign(["a", "b"])["b"]
    one, two = worker(path, 0).tally(row), worker(path, 2).tally(row)
    one.add(5)
    two.add(7)
    one.hold(2)
    assert (one.spent(), two.spent(), control.spent(row)) == (12, 12, 12)
    assert (one.reserved(), two.reserved(), control.reserved(row), two.held_by_others()) == (2, 2, 2, 2)
    assert (one.used(), two.used()) == (12, 12)
    two.publish(counted=9, due=77)
    assert list(one.views()) == [(0, 0), (9, 77)]
    control.know(row, spend=100, counted=5)
    assert (one.spent(), two.spent()) == (107, 107)
    control.know(row, spend=1)
    assert one.spent() == 1


class Between:
    """Cells in which something happens just before the `at`-th read."""

    def __init__(self, cells: memoryview[int], at: int, happens: Callable[[], None]) -> None:
        self.cells, self.left, self.happens = cells, at, happens

    def __getitem__(self, index: int) -> int:
        if self.left == 0:
            self.happens()
        self.left -= 1
        return self.cells[index]


@pytest.mark.parametrize("at", range(8))
@pytest.mark.parametrize("folded", [False, True])
def test_what_is_taken_is_never_too_little_while_others_settle(path: Path, at: int, folded: bool) -> None:
    """A hold of 10 becomes a cost of 7, and perhaps the ledger takes it over, somewhere between two reads."""
    control = ControlCounters(CounterFile(path))
    row = control.assign(["a"])["a"]
    one, two = worker(path, 0).tally(row), worker(path, 1).tally(row)
    reservation = Reservation((two,), 10)

    def settled() -> None:
        reservation.settle(7)
        if folded:
            control.know(row, spend=7)

    meter = Meter(Budget(id="b", scope=Scope.ALL, amount=100, window=Window.TOTAL), ((Period(0.0, inf), one),))
    one._cells = Between(one._cells, at, settled)  # type: ignore[assignment]
    assert meter.left(1.0) <= 93
    assert one.taken() == one.spent() + one.reserved() == 7


def test_what_it_cost_is_written_before_the_hold_is_given_back(path: Path) -> None:
    control = ControlCounters(CounterFile(path))
    row = control.assign(["a"])["a"]
    one, two = worker(path, 0).tally(row), worker(path, 1).tally(row)
    reservation = Reservation((one,), 10)
    seen = []

    class Watched:
        def __init__(self, cells: Any) -> None:
            self.cells = cells

        def __setitem__(self, index: int, value: int) -> None:
            self.cells[index] = value
            seen.append(two.taken())

    one._cells = Watched(one._cells)  # type: ignore[assignment]
    reservation.settle(4)
    assert seen == [14, 4], "too much for a moment, never too little"


def test_the_file_is_private_and_whole(path: Path) -> None:
    status = path.stat()
    assert stat.S_IMODE(status.st_mode) == 0o600
    assert status.st_blocks * 512 >= status.st_size, "every byte is allocated"


def test_a_file_that_fits_is_kept_and_another_replaced(path: Path) -> None:
    first = CounterFile(path)
    assert open_or_create(path, workers=3, rows=64).identity == first.identity
    assert open_or_create(path, workers=2, rows=64).identity == first.identity
    more = open_or_create(path, workers=4, rows=64)
    assert more.identity != first.identity
    path.write_bytes(b"GPC1")
    assert open_or_create(path, workers=1, rows=64).columns == 2
    path.write_bytes(bytes(30_000))
    with pytest.raises(ValueError, match="counters"):
        CounterFile(path)
    with pytest.raises(ValueError, match="no column"):
        WorkerCounters(more, 9, "w9-1-1")


def test_a_later_control_process_finds_the_same_rows(path: Path) -> None:
    before = ControlCounters(CounterFile(path)).assign(["a", "b", "c"])
    after = ControlCounters(CounterFile(path)).assign(["c", "d", "a"])
    assert (after["a"], after["c"]) == (before["a"], before["c"])
    assert after["d"] not in before.values(), "a row that became free is taken again as late as can be"


def test_rows_come_back_in_the_end_and_are_never_given_twice(path: Path) -> None:
    control = ControlCounters(CounterFile(path))
    for turn in range(40):
        rows = control.assign([f"{turn}-{n}" for n in range(5)])
        assert len(set(rows.values())) == 5
    full = control.assign([str(n) for n in range(70)])
    assert len(full) == len(set(full.values())) == 64


def test_what_the_dead_held_is_void_and_what_they_settled_stays(path: Path) -> None:
    control = ControlCounters(CounterFile(path))
    row = control.assign(["a"])["a"]
    dead, other = worker(path, 0, "w0-7-7").tally(row), worker(path, 1).tally(row)
    dead.add(3)
    dead.hold(50)
    control.void(["w0-7-6"])
    assert other.reserved() == 50
    control.void(["w0-7-7"])
    assert (other.reserved(), other.spent(), control.reserved(row)) == (0, 3, 0)
    heir = worker(path, 0, "w0-8-8").tally(row)
    heir.hold(4)
    assert (other.reserved(), heir.spent()) == (4, 3)
    control.void(["w0-7-7"])
    assert other.reserved() == 4, "a late word about the predecessor is not about its heir"
    assert list(control.owners()) == ["w0-8-8", "w1-1-1"]


def test_an_heir_voids_what_was_held_while_control_is_away(path: Path) -> None:
    row = ControlCounters(CounterFile(path)).assign(["a"])["a"]
    worker(path, 0).tally(row).hold(50)
    other = worker(path, 1).tally(row)
    assert other.reserved() == 50
    worker(path, 0, "w0-2-2")
    assert other.reserved() == 0


def test_who_left_a_row_does_not_disturb_its_next_use(path: Path) -> None:
    counters, other = worker(path, 0), worker(path, 1)
    old = counters.tally(5)
    lease = Reservation((old,), 10)
    assert other.tally(5).reserved() == 10
    old.leave()
    new = counters.tally(5)
    new.hold(1)
    lease.settle(7)
    assert (new.reserved(), new.spent(), other.tally(5).reserved()) == (1, 0, 1)


@pytest.mark.parametrize("workers", [2, 3])
def test_a_rate_of_several_workers_is_passed_by_less_than_one_request_a_worker(path: Path, workers: int) -> None:
    row = ControlCounters(CounterFile(path)).assign(["rpm"])["rpm"]
    passed = [0] * workers
    start = threading.Barrier(workers)

    def hammer(index: int) -> None:
        limit = SharedRate(200, worker(path, index).tally(row))
        start.wait()
        for _ in range(2000):
            passed[index] += limit.take(1000.0) == 0.0

    _together(hammer, workers)
    assert 200 <= sum(passed) <= 200 + workers - 1


@pytest.mark.parametrize("workers", [2, 3])
def test_places_of_several_workers(path: Path, workers: int) -> None:
    row = ControlCounters(CounterFile(path)).assign(["places"])["places"]
    held = [0] * workers
    start = threading.Barrier(workers)

    def hammer(index: int) -> None:
        slots = Slots(10, worker(path, index).tally(row))
        start.wait()
        for _ in range(500):
            if not slots.full:
                slots.take()
                held[index] += 1

    _together(hammer, workers)
    assert 10 <= sum(held) <= 10 + workers - 1


def _together(hammer: object, workers: int) -> None:
    assert callable(hammer)
    threads = [threading.Thread(target=hammer, args=(index,)) for index in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not any(thread.is_alive() for thread in threads)


_SPENDER = """
import sys
from pathlib import Path
from typing import Any
from glowplug.ledger.counters import CounterFile, WorkerCounters
from glowplug.routing.budgets import Meter, Period, Reservation
path, index, row, amount = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
tally = WorkerCounters(CounterFile(path), index, f"w{index}-1-1").tally(row)
print("ready", flush=True)
sys.stdin.readline()
count = 0
while tally.spent() + tally.reserved() < amount:
    lease = Reservation((tally,), 10)
    lease.settle(7)
    count += 1
print(count, flush=True)
tally.hold(33)
print("holding", flush=True)
sys.stdin.readline()
"""


def _spender(path: Path, index: int, row: int, amount: int) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(SOURCE), *(p for p in sys.path if p)])}
    return subprocess.Popen(
        [sys.executable, "-c", _SPENDER, str(path), str(index), str(row), str(amount)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment,
    )  # fmt: skip


def test_processes_that_spend_together_pass_the_budget_by_one_request_each_and_leave_nothing_behind(path: Path) -> None:
    control = ControlCounters(CounterFile(path))
    row = control.assign(["b"])["b"]
    spenders = [_spender(path, index, row, 70_000) for index in range(2)]
    try:
        for spender in spenders:
            assert spender.stdin is not None
            assert spender.stdout is not None
            assert spender.stdout.readline() == "ready\n"
        for spender in spenders:
            assert spender.stdin is not None
            spender.stdin.write("go\n")
            spender.stdin.flush()
        counts = []
        for spender in spenders:
            assert spender.stdout is not None
            counts.append(int(spender.stdout.readline()))
            assert spender.stdout.readline() == "holding\n"
        # Admitted while anything is left: the last request may pass the amount by its own estimate, and one more of
        # each other worker.
        assert 70_000 - 10 <= control.spent(row) == 7 * sum(counts) <= 70_000 + 2 * 7
        assert control.reserved(row) == 66
        spenders[0].send_signal(signal.SIGKILL)
        spenders[0].wait(10)
        assert control.reserved(row) == 66, "a killed process leaves its holds"
        control.void(["w0-1-1"])
        assert control.reserved(row) == 33
    finally:
        for spender in spenders:
            spender.kill()
            spender.communicate(timeout=10)

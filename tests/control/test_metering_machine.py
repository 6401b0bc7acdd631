"""Budgets against a model, with everything that can happen to them.

Two real planes of counters on one file, a real journal and ledger in the model's memory, real `Metering`: what is
played is what runs, but for processes and sockets.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, precondition, rule

from glowplug.domain.access import Role
from glowplug.domain.budget import Budget, Scope, Window
from glowplug.domain.price import Price, Rates, Tokens, cost
from glowplug.domain.snapshot import KeyRoute
from glowplug.gateway.guards import Guards
from glowplug.gateway.tables import Tables
from glowplug.ledger.counters import CounterFile, WorkerCounters
from glowplug.ledger.fold import Folded
from glowplug.routing.budgets import Meter, Period, Reservation, period_of
from tests.control.test_metering import Bench
from tests.gateway.rig import snapshot

WORKERS = 2
KEY = KeyRoute(id="k", digest=b"k" * 32, role=Role.USER)


class Attempt(msgspec.Struct):
    """One attempt under way."""

    worker: int
    life: int
    """Of its worker: a restarted one is another."""
    started: float
    period: Period
    """In which it counts: that of its start, or the last that its worker knows."""
    reserved: int
    lease: Reservation
    price: Price


class Worker:
    """One worker process: its tables, and the journal that it leaves behind when it is killed."""

    def __init__(self, bench: Bench, index: int, life: int) -> None:
        self.name = f"w{index}-{life}-1"
        self.tables = Tables(
            Guards(lambda _identity: WorkerCounters(CounterFile(bench.path), index, self.name)),
        )

    @property
    def meter(self) -> Meter:
        (key,) = self.tables.keys.values()
        (meter,) = key.meters
        return meter


class Budgets(RuleBasedStateMachine):
    attempts = Bundle("attempts")

    def __init__(self) -> None:
        super().__init__()
        self.directory = tempfile.TemporaryDirectory()
        self.bench = Bench(Path(self.directory.name), WORKERS)
        self.bench.ledger.fold = self.into_the_ledger  # type: ignore[method-assign]
        self.bench.metering = self.bench.start()
        self.price = Price(version="1", rates=Rates(prompt=1_000_000, completion=1_000_000))
        self.budget = Budget(id="b", scope=Scope.KEY, name="k", amount=700, window=Window.HOUR)
        self.lives = [0] * WORKERS
        self.workers: list[Worker | None] = [None] * WORKERS
        self.journal: list[tuple[float, int]] = []
        self.closed: list[tuple[float, int]] = []
        """Every attempt that was closed: (started, nano), once each."""
        self.open: list[Attempt] = []
        self.opened = self.ended = 0
        self.interrupted: list[tuple[float, int]] = []
        """What was cut off by a crash and is not folded yet: nobody can know it before."""
        self.clock_off = 0.0

    def teardown(self) -> None:
        self.directory.cleanup()

    # ---- what happens

    @initialize()
    def begin(self) -> None:
        self.publish()
        for index in range(WORKERS):
            self.start(index)

    def publish(self) -> None:
        extended = self.bench.extend(self.budget)
        self.snapshot = msgspec.structs.replace(
            snapshot(keys=(KEY,), aliases=(), models=()),
            budgets=extended.budgets, rows=extended.rows, counters=extended.counters,
        )  # fmt: skip
        for worker in self.workers:
            if worker is not None:
                worker.tables.apply(self.snapshot)

    def start(self, index: int) -> None:
        self.lives[index] += 1
        worker = self.workers[index] = Worker(self.bench, index, self.lives[index])
        worker.tables.apply(self.snapshot)

    def into_the_ledger(self) -> Folded:
        self.bench.ledger.lines += self.journal
        self.journal = []
        self.interrupted = []
        return Folded()

    @property
    def now(self) -> float:
        return self.bench.metering.now()

    @rule(target=attempts, index=st.integers(0, WORKERS - 1), prompt=st.integers(0, 30), most=st.integers(0, 90))
    def reserve(self, index: int, prompt: int, most: int) -> Attempt | None:
        """A request is admitted while anything is left."""
        worker = self.workers[index]
        if worker is None or worker.meter.left(self.now) <= 0:
            return None
        assert self.truth(self.now) < self.budget.amount, "admitted only while something is left, so passed by one"
        amount = cost(self.price, Tokens(prompt=prompt, completion=most))
        period, account = worker.meter.at(self.now)
        attempt = Attempt(
            index, self.lives[index], self.now, period, amount, Reservation((account,), amount), self.price
        )
        self.open.append(attempt)
        self.opened += 1
        return attempt

    def _lives(self, attempt: Attempt | None) -> bool:
        return attempt is not None and attempt in self.open

    @rule(attempt=consumes(attempts), part=st.floats(0, 1))
    def settle(self, attempt: Attempt | None, part: float) -> None:
        """It cost at most what was expected: by the price it was admitted with."""
        if self._lives(attempt):
            assert attempt is not None
            self._close(attempt, int(attempt.reserved * part))

    @precondition(lambda self: self.open)
    @rule()
    def settle_the_oldest(self) -> None:
        self._close(self.open[0], self.open[0].reserved)

    @rule(attempt=consumes(attempts))
    def release(self, attempt: Attempt | None) -> None:
        if self._lives(attempt):
            assert attempt is not None
            self._close(attempt, 0)
            attempt.lease.settle(10**9)
            attempt.lease.release()

    def _close(self, attempt: Attempt, nano: int) -> None:
        self.journal.append((attempt.started, nano))
        self.closed.append((attempt.started, nano))
        attempt.lease.settle(nano)
        self.open.remove(attempt)
        self.ended += 1

    @rule(index=st.integers(0, WORKERS - 1), told=st.booleans())
    def crash(self, index: int, told: bool) -> None:
        """Killed: its attempts are settled as interrupted, for their prompt, by the fold."""
        worker = self.workers[index]
        if worker is None:
            return
        self.workers[index] = None
        for attempt in [one for one in self.open if one.worker == index]:
            self.open.remove(attempt)
            self.ended += 1
            interrupted = (attempt.started, min(attempt.reserved, 5))
            self.journal.append(interrupted)
            self.closed.append(interrupted)
            self.interrupted.append(interrupted)
        self.bench.gone.add(worker.name)
        if told:
            self.bench.metering.left(worker.name)

    @rule(index=st.integers(0, WORKERS - 1))
    def restart(self, index: int) -> None:
        if self.workers[index] is None:
            self.start(index)

    @rule()
    def fold(self) -> None:
        self.bench.metering.fold()

    @rule()
    def control_restarts(self) -> None:
        """A new control process: same file, same rows; it folds before it publishes."""
        self.bench.clock.wall -= self.clock_off
        self.clock_off = 0.0
        self.bench.metering = self.bench.start()
        self.publish()
        self.bench.metering.fold()

    @rule(minutes=st.sampled_from([1, 20, 61]))
    def time_passes(self, minutes: int) -> None:
        """The wall clock that jumped is set back before anybody believes it."""
        self.bench.clock.wall -= self.clock_off
        self.clock_off = 0.0
        self.now  # noqa: B018 - looked at, as the sweep does
        self.bench.clock.pass_(minutes * 60.0)

    @rule(hours=st.sampled_from([-700, -5, 5, 700]))
    def clock_jumps(self, hours: int) -> None:
        before = self.now
        self.bench.clock.wall += hours * 3600.0
        self.clock_off += hours * 3600.0
        assert abs(self.now - before) < 1.0

    @precondition(lambda self: self.bench.metering.turned())
    @rule()
    def window_turns(self) -> None:
        """As control does behind the end of a window."""
        self.publish()
        self.bench.metering.fold()
        self.publish()

    @rule(rate=st.sampled_from([500_000, 1_000_000, 3_000_000]))
    def price_changes(self, rate: int) -> None:
        self.price = Price(version=str(rate), rates=Rates(prompt=rate, completion=rate))

    @rule(amount=st.integers(0, 1500))
    def amount_changes(self, amount: int) -> None:
        self.budget = msgspec.structs.replace(self.budget, amount=amount)
        self.publish()

    def truth(self, now: float) -> int:
        """What was spent in the window a moment is in, and what is held, as far as anybody can know it."""
        start, end = period_of(self.budget, now)
        lines = [nano for at, nano in self.closed if start <= at < end]
        unknown = [nano for at, nano in self.interrupted if start <= at < end]
        held = [one.reserved for one in self.open if start <= one.started < end]
        return sum(lines) - sum(unknown) + sum(held)

    # ---- what is always so

    @invariant()
    def reserved_is_the_sum_of_open_leases(self) -> None:
        """Of those in windows that workers still count in; the dead hold nothing once it is known."""
        for worker in self.workers:
            if worker is None:
                continue
            for period, account in worker.meter.periods:
                there = [one.reserved for one in self.open if one.period == period]
                if all(one is not None for one in self.workers):
                    assert account.reserved() == sum(there)
                else:
                    assert account.reserved() >= sum(there)

    @invariant()
    def spent_is_never_too_little(self) -> None:
        for worker in self.workers:
            for period, account in worker.meter.periods if worker is not None else ():
                known = [nano for at, nano in self.bench.ledger.lines if period.start <= at < period.end]
                assert account.spent() >= sum(known)

    @invariant()
    def each_lease_is_closed_once(self) -> None:
        assert self.opened == self.ended + len(self.open)
        assert len(self.closed) == self.ended

    @invariant()
    def a_fold_at_rest_is_exact(self) -> None:
        if self.open or self.journal or not any(self.workers):
            return
        self.bench.metering.fold()
        for worker in self.workers:
            for period, account in worker.meter.periods if worker is not None else ():
                there = sum(nano for at, nano in self.closed if period.start <= at < period.end)
                # A window that is over has what came later, too, until control has turned it.
                if period.start <= self.now < period.end:
                    assert account.spent() == there


Budgets.TestCase.settings = settings(max_examples=80, stateful_step_count=50, deadline=None)
TestBudgets = Budgets.TestCase

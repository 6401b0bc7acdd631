"""Windows and what is left of a budget."""

from __future__ import annotations

from datetime import UTC, datetime
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glowplug.domain.budget import Budget, Scope, Window
from glowplug.routing.budgets import Meter, Period, Reservation, counted_from, period_of, periods


def budget(window: Window = Window.MONTH, amount: int = 100, **more: float) -> Budget:
    return Budget(id="b", scope=Scope.KEY, name="k", amount=amount, window=window, **more)


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


@pytest.mark.parametrize(("window", "start", "end"), [
    (Window.HOUR, "2027-12-31T23:00:00", "2028-01-01T00:00:00"),
    (Window.DAY, "2027-12-31T00:00:00", "2028-01-01T00:00:00"),
    (Window.WEEK, "2027-12-27T00:00:00", "2028-01-03T00:00:00"),
    (Window.MONTH, "2027-12-01T00:00:00", "2028-01-01T00:00:00"),
])  # fmt: skip
def test_calendar_windows_are_utc_and_weeks_begin_on_monday(window: Window, start: str, end: str) -> None:
    assert period_of(budget(window), at("2027-12-31T23:59:59")) == (at(start), at(end))


@given(st.sampled_from([Window.HOUR, Window.DAY, Window.WEEK, Window.MONTH]), st.floats(0, 4e9))
def test_the_next_window_begins_where_this_one_ends(window: Window, now: float) -> None:
    current, following = periods(budget(window), now)
    assert current.start <= now < current.end == following.start < following.end
    assert period_of(budget(window), current.start) == current
    assert period_of(budget(window), following.end - 1) == following


def test_windows_without_an_end() -> None:
    total = budget(Window.TOTAL, created_at=5.0)
    assert periods(total, 100.0) == ((5.0, inf),)
    assert counted_from(total, period_of(total, 100.0), 100.0) == 5.0
    rolling = budget(Window.ROLLING, seconds=60.0)
    assert periods(rolling, 100.0) == ((-inf, inf),)
    assert counted_from(rolling, period_of(rolling, 100.0), 100.0) == 40.0
    hour = budget(Window.HOUR)
    assert counted_from(hour, period_of(hour, 7300.0), 7300.0) == 7200.0


class Books:
    """An account in memory."""

    def __init__(self, spent: int = 0) -> None:
        self.total, self.held = spent, 0

    def spent(self) -> int:
        return self.total

    def reserved(self) -> int:
        return self.held

    def taken(self) -> int:
        return self.total + self.held

    def hold(self, amount: int) -> None:
        self.held += amount

    def settle(self, cost: int, held: int) -> None:
        self.total += cost
        self.held -= held


def test_a_worker_crosses_the_boundary_alone() -> None:
    now, later = Books(90), Books(1)
    meter = Meter(budget(), ((Period(0.0, 10.0), now), (Period(10.0, 20.0), later)))
    assert (meter.left(9.9), meter.left(10.0), meter.left(-5.0)) == (10, 99, 10)
    assert meter.left(25.0) == 99, "the last goes on while control is away"


def test_a_reservation_is_closed_once_in_the_period_in_which_it_was_made() -> None:
    now, later = Books(), Books()
    meter = Meter(budget(), ((Period(0.0, 10.0), now), (Period(10.0, 20.0), later)))
    lease = Reservation((meter.at(9.0)[1],), 40)
    assert (meter.left(9.0), meter.left(11.0)) == (60, 100)
    lease.settle(25)
    lease.settle(25)
    lease.release()
    assert (now.total, now.held, meter.left(9.0), meter.left(11.0)) == (25, 0, 75, 100)
    failed = Reservation((now, later), 5)
    assert (now.held, later.held) == (5, 5)
    failed.release()
    assert (now.held, later.held, now.total, later.total) == (0, 0, 25, 0)


def test_a_reservation_grows_with_what_is_known_to_be_spent() -> None:
    now = Books()
    lease = Reservation((now,), 5)
    for spent, held in ((3, 5), (9, 9), (7, 9), (20, 20)):
        lease.grow(spent)
        assert (now.held, now.total) == (held, 0)
    lease.settle(21)
    lease.grow(30)
    assert (now.held, now.total) == (0, 21)

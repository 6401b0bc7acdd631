"""The rate limiter: never too many, waits that are exact."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glowplug.routing.limits import RateLimit, SharedRate, Slots

_gaps = st.lists(st.sampled_from([0.0, 0.001, 0.3, 1.0, 7.5, 59.0, 60.0, 61.0, 200.0]), min_size=1, max_size=80)


@given(st.integers(1, 30), _gaps, st.floats(0, 1e6))
def test_never_more_than_one_burst_and_what_trickled_in_since(rpm: int, gaps: list[float], now: float) -> None:
    limit = RateLimit(rpm)
    passed: list[float] = []
    for gap in gaps:
        now += gap
        if limit.take(now) == 0.0:
            passed.append(now)
            for count, since in enumerate(reversed(passed), 1):
                assert count <= rpm + (now - since) * rpm / 60.0 + 1e-3


@given(st.integers(1, 6000))
def test_a_full_burst_passes_and_the_next_waits_exactly(rpm: int) -> None:
    limit = RateLimit(rpm)
    assert all(limit.take(1000.0) == 0.0 for _ in range(rpm))
    wait = limit.take(1000.0)
    assert wait == pytest.approx(60.0 / rpm, rel=1e-4)
    assert limit.wait(1000.0) == wait, "a refused request is not counted"
    assert limit.wait(1000.0 + wait * 0.9) > 0.0
    assert limit.take(1000.0 + wait + 1e-6) == 0.0
    assert limit.take(1000.0 + wait + 1e-6) > 0.0


@given(st.integers(1, 100), _gaps)
def test_waiting_as_long_as_told_is_enough(rpm: int, gaps: list[float]) -> None:
    limit, now = RateLimit(rpm), 50.0
    for gap in gaps:
        now += gap
        wait = limit.take(now)
        if wait:
            now += wait + 1e-6
            assert limit.take(now) == 0.0


def test_asking_counts_nothing() -> None:
    limit = RateLimit(1)
    assert [limit.wait(5.0) for _ in range(3)] == [0.0] * 3
    assert limit.take(5.0) == 0.0
    assert limit.take(64.9) == pytest.approx(0.1)
    assert limit.take(65.0) == 0.0


@pytest.mark.parametrize("rpm", [0, -1])
def test_zero_lets_nobody_through(rpm: int) -> None:
    assert RateLimit(rpm).take(0.0) == 60.0


class Together:
    """What two limiters count together, without a file."""

    def __init__(self) -> None:
        self.total = self.held = self.counted = self.due = 0
        self.other: Together | None = None

    def add(self, amount: int) -> None:
        self.total += amount

    def used(self) -> int:
        assert self.other is not None
        return self.total + self.other.total

    def views(self) -> list[tuple[int, int]]:
        assert self.other is not None
        return [(self.other.counted, self.other.due)]

    def publish(self, counted: int, due: int) -> None:
        self.counted, self.due = counted, due

    def hold(self, amount: int) -> None:
        self.held += amount

    def held_by_others(self) -> int:
        assert self.other is not None
        return self.other.held


def pair() -> tuple[Together, Together]:
    one, two = Together(), Together()
    one.other, two.other = two, one
    return one, two


@given(st.integers(1, 30), st.lists(st.tuples(st.booleans(), st.sampled_from([0.0, 0.3, 1.0, 7.5, 59.0])), max_size=80))
def test_two_that_share_a_rate_let_through_what_one_would(rpm: int, moves: list[tuple[bool, float]]) -> None:
    shares = pair()
    limits = [SharedRate(rpm, share) for share in shares]
    alone, now = RateLimit(rpm), 50.0
    for which, gap in moves:
        now += gap
        assert limits[which].take(now) == pytest.approx(alone.take(now), abs=1e-5)
    assert limits[0].left(now).remaining == limits[1].left(now).remaining == alone.left(now).remaining


def test_what_was_taken_in_the_same_instant_is_counted_afterwards() -> None:
    one, two = pair()
    first, second = SharedRate(2, one), SharedRate(2, two)
    assert first.take(0.0) == 0.0
    hidden, two.other = two.other, Together()  # the second does not see the first for a moment
    assert second.take(0.0) == second.take(0.0) == 0.0
    two.other = hidden
    assert first.take(0.0) == pytest.approx(60.0)
    assert second.take(0.0) == pytest.approx(60.0)


def test_a_picture_that_is_being_changed_is_not_used() -> None:
    one, two = pair()
    first = SharedRate(600, one)
    first.take(0.0, 500)
    two.counted, two.due = 900, 0
    two.total = 10
    assert first.left(0.0).remaining == 90


def test_a_request_takes_its_tokens_and_the_next_waits_for_all_of_them() -> None:
    limit = RateLimit(600)
    assert limit.take(0.0, 500) == 0.0
    assert limit.take(0.0, 400) == 0.0, "something was left, so it passes"
    assert limit.left(0.0) == (600, 0, pytest.approx(90.0))
    assert limit.take(0.0, 1) == pytest.approx(30.1)
    limit.correct(-600, 0.0)
    assert limit.left(0.0) == (600, 300, pytest.approx(30.0))
    limit.correct(100, 0.0)
    assert limit.left(0.0).remaining == 200
    assert limit.left(100.0) == (600, 600, 0.0)


def test_a_correction_reaches_the_others() -> None:
    shares = pair()
    one, two = (SharedRate(600, share) for share in shares)
    one.take(0.0, 500)
    assert two.left(0.0).remaining == 100
    one.correct(-400, 0.0)
    assert two.left(0.0).remaining == 500
    two.correct(200, 0.0)
    assert one.left(0.0).remaining == 300


def test_places_are_shared_and_come_back() -> None:
    shares = pair()
    one, two = (Slots(2, share) for share in shares)
    one.take()
    two.take()
    assert (one.full, two.full) == (True, True)
    one.give()
    assert (one.full, two.full, one.held, two.held) == (False, False, 0, 1)
    assert (one.free, two.free) == (max(0, 2 - one.held - two.held),) * 2
    alone = Slots(1)
    alone.take()
    assert alone.full

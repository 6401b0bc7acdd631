"""The rate limiter: never too many, waits that are exact."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glowplug.routing.limits import RateLimit

_gaps = st.lists(st.sampled_from([0.0, 0.001, 0.3, 1.0, 7.5, 59.0, 60.0, 61.0, 200.0]), min_size=1, max_size=80)


@given(st.integers(1, 30), _gaps, st.floats(0, 1e6))
def test_never_more_than_rpm_in_a_window_that_begins_with_an_idle_minute(
    rpm: int, gaps: list[float], now: float
) -> None:
    limit = RateLimit(rpm)
    passed: list[float] = []
    window = -1e9
    for gap in gaps:
        now += gap
        if limit.take(now) == 0.0:
            if not passed or now - passed[-1] >= 60.0:
                window = now
            passed.append(now)
            assert sum(1 for t in passed if window <= t < window + 60.0 - 1e-3 - 60.0 / rpm) <= rpm
            # and anywhere: one burst and what trickled in since
            assert sum(1 for t in passed if t > now - 60.0) <= 2 * rpm


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

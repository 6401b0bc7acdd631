from __future__ import annotations

import time

from glowplug.clock import Clock, SteadyTime, SystemClock, steady_seconds


def test_the_system_clock_tells_the_machines_time() -> None:
    clock: Clock = SystemClock()
    before = (time.monotonic(), time.time())
    now = (clock.monotonic(), clock.unix())
    after = (time.monotonic(), time.time())
    assert before[0] <= now[0] <= after[0]
    assert before[1] <= now[1] <= after[1]


def test_a_jump_of_the_wall_clock_is_not_believed_until_it_has_stood() -> None:
    time = SteadyTime(1_000_000.0, 50.0, believe=900.0)
    assert time.look(1_000_010.0, 60.0) == 1_000_010.0
    assert time.look(1_000_012.0, 61.0) == 1_000_012.0, "a small correction"
    for hours in (3, -3, 1000):
        jumped = hours * 3600.0
        assert time.look(1_000_013.0 + jumped, 62.0) == 1_000_013.0
        assert time.look(1_000_113.0 + jumped, 162.0) == 1_000_113.0
        assert time.look(1_000_014.0, 63.0) == 1_000_014.0, "and back"
    assert time.look(1_000_014.0 + 7200, 63.0) == 1_000_014.0
    assert time.look(1_000_913.0 + 7200, 962.0) == 1_000_913.0
    assert time.look(1_000_914.0 + 7200, 963.0) == 1_008_114.0
    assert time.look(1_000_915.0 + 7200, 964.0) == 1_008_115.0


def test_a_second_jump_begins_its_own_doubt() -> None:
    time = SteadyTime(1000.0, 0.0, believe=100.0)
    time.look(5000.0, 0.0)
    assert time.look(9090.0, 90.0) == 1090.0
    assert time.look(9120.0, 120.0) == 1120.0
    assert time.look(9190.0, 190.0) == 9190.0


def test_the_steady_clock_does_not_go_back() -> None:
    assert 0.0 < steady_seconds() <= steady_seconds()

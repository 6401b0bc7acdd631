from __future__ import annotations

import time

from glowplug.clock import Clock, SystemClock


def test_the_system_clock_tells_the_machines_time() -> None:
    clock: Clock = SystemClock()
    before = (time.monotonic(), time.time())
    now = (clock.monotonic(), clock.unix())
    after = (time.monotonic(), time.time())
    assert before[0] <= now[0] <= after[0]
    assert before[1] <= now[1] <= after[1]

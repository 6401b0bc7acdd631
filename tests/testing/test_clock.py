from __future__ import annotations

from glowplug.testing.clock import VirtualClock


def test_timers_run_in_order_each_at_its_moment() -> None:
    clock, seen = VirtualClock(monotonic=0.0, unix=1000.0), []
    clock.call_later(2, lambda: seen.append(("b", clock.monotonic())))
    clock.call_later(1, lambda: clock.call_later(0.5, lambda: seen.append(("a", clock.monotonic()))) and None)
    cancelled = clock.call_later(1.2, lambda: seen.append(("never", 0.0)))
    cancelled.cancel()
    assert clock.pending == 2
    clock.advance(1.9)
    assert seen == [("a", 1.5)]
    clock.advance(5)
    assert seen == [("a", 1.5), ("b", 2.0)]
    assert (clock.monotonic(), clock.unix(), clock.pending) == (6.9, 1006.9, 0)

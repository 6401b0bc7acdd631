"""A clock that only moves when it is told to, with the timers that depend on it."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from itertools import count


class VirtualTimer:
    """A pending call; `cancel()` takes it back."""

    __slots__ = ("callback", "when")

    def __init__(self, when: float, callback: Callable[[], None]) -> None:
        self.when = when
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        self.callback = None


class VirtualClock:
    """Stands in for `glowplug.clock.SystemClock` and for `glowplug.lifecycle.ports.Scheduler`.

    `advance(60)` runs every timer that falls due within those seconds, in order, each at its own moment, timers that
    those timers set included.
    """

    def __init__(self, *, monotonic: float = 1000.0, unix: float = 1_700_000_000.0) -> None:
        self._now = monotonic
        self._offset = unix - monotonic
        self._timers: list[tuple[float, int, VirtualTimer]] = []
        self._order = count()

    def monotonic(self) -> float:
        return self._now

    def unix(self) -> float:
        return self._now + self._offset

    def call_later(self, delay: float, callback: Callable[[], None]) -> VirtualTimer:
        timer = VirtualTimer(self._now + max(delay, 0.0), callback)
        heapq.heappush(self._timers, (timer.when, next(self._order), timer))
        return timer

    @property
    def pending(self) -> int:
        """Timers that are set and not cancelled."""
        return sum(timer.callback is not None for _, _, timer in self._timers)

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        end = self._now + seconds
        while self._timers and self._timers[0][0] <= end:
            when, _, timer = heapq.heappop(self._timers)
            self._now = max(self._now, when)
            callback, timer.callback = timer.callback, None
            if callback is not None:
                callback()
        self._now = end

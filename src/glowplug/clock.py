"""Time as a dependency, so that tests can turn it.

Durations and deadlines use `monotonic` (seconds).  Records and windows that people see use `unix` (seconds since 1970).
The virtual twin is `glowplug.testing.clock.VirtualClock`.
"""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    def monotonic(self) -> float:
        """Seconds on a clock that never goes back."""
        ...

    def unix(self) -> float:
        """Seconds since 1970-01-01 UTC."""
        ...


class SystemClock:
    """The machine's clocks."""

    def monotonic(self) -> float:
        return time.monotonic()

    def unix(self) -> float:
        return time.time()


class SteadyTime:
    """Unix time for what is counted over calendar windows: a wall clock that jumps is not believed at once.

    It follows a clock that never jumps (one that counts a suspended machine's time, too) and takes small corrections of
    the wall clock as they come.  A jump is believed when it has stood for `believe` seconds: a clock that was set
    wrongly and back again turns no window, one that was put right does, a little later.
    """

    __slots__ = ("_believe", "_doubt", "_since", "offset")

    def __init__(self, unix: float, steady: float, believe: float = 900.0) -> None:
        self.offset = unix - steady
        """Unix time minus the steady clock."""
        self._believe = believe
        self._doubt = 0.0
        self._since = 0.0

    def look(self, unix: float, steady: float) -> float:
        """Unix time now, from what the wall clock and the steady clock say (seconds)."""
        off = unix - steady - self.offset
        if abs(off) <= SMALL_STEP:
            self.offset += off
            self._doubt = 0.0
        elif abs(off - self._doubt) > SMALL_STEP:
            self._doubt, self._since = off, steady
        elif steady - self._since >= self._believe:
            self.offset += off
            self._doubt = 0.0
        return steady + self.offset


SMALL_STEP = 5.0
"""Seconds by which the wall clock may be corrected at once."""


def steady_seconds() -> float:
    """Seconds on a clock that never jumps and goes on while the machine sleeps, where the system has one."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()

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

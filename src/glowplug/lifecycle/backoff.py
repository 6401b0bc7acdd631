"""When a failed model may be started again: pure."""

from __future__ import annotations

import math
from dataclasses import dataclass

from glowplug.domain.instance import FailureKind

FIRST_DELAY = 10.0
LONGEST_DELAY = 300.0
SETTLED = 60.0
"""An engine that was ready for this long has proved itself; failures before that are forgotten."""

_UNTIL_CHANGED = frozenset(
    {FailureKind.BAD_FLAG, FailureKind.MISSING_FILE, FailureKind.MISSING_PROGRAM, FailureKind.BAD_MODEL}
)


@dataclass(frozen=True, slots=True)
class Backoff:
    """Failures in a row of one (model, command line)."""

    failures: int = 0

    def after(self, kind: FailureKind, *, now: float, ready_for: float | None) -> tuple[Backoff, float]:
        """The next value, and the monotonic moment from which a request may start it again (`inf`: not before the
        configuration or a file changes).  `ready_for`: seconds it had been ready, None when it never was."""
        if kind in _UNTIL_CHANGED:
            return Backoff(self.failures + 1), math.inf
        before = 0 if ready_for is not None and ready_for >= SETTLED else self.failures
        step = before if ready_for is not None else before + 1
        return Backoff(before + 1), now + delay(step)


def delay(step: int) -> float:
    """Seconds for the nth failure in a row: 0, 10, 20, 40 … 300."""
    return 0.0 if step <= 0 else min(FIRST_DELAY * 2.0 ** min(step - 1, 16), LONGEST_DELAY)

from __future__ import annotations

import math

import pytest

from glowplug.domain.instance import FailureKind
from glowplug.lifecycle.backoff import Backoff, delay


def test_delays_double_from_ten_seconds_to_five_minutes() -> None:
    assert [delay(step) for step in range(8)] == [0, 10, 20, 40, 80, 160, 300, 300]
    assert delay(10_000) == 300


@pytest.mark.parametrize(
    ("before", "kind", "ready_for", "after", "wait"),
    [
        (0, FailureKind.CRASH, None, 1, 10),
        (2, FailureKind.OUT_OF_MEMORY, None, 3, 40),
        (0, FailureKind.CRASH, 1.0, 1, 0),
        (1, FailureKind.CRASH, 59.0, 2, 10),
        (5, FailureKind.CRASH, 60.0, 1, 0),
        (0, FailureKind.BAD_MODEL, None, 1, math.inf),
    ],
)
def test_after(before: int, kind: FailureKind, ready_for: float | None, after: int, wait: float) -> None:
    assert Backoff(before).after(kind, now=100.0, ready_for=ready_for) == (Backoff(after), 100.0 + wait)

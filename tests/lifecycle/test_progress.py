from __future__ import annotations

import pytest

from glowplug.launchers.base import Sample
from glowplug.lifecycle.progress import advanced, from_memory


@pytest.mark.parametrize(
    ("after", "moved"),
    [
        (Sample(100, 1000, 10, 8 << 20), False),
        (Sample(104, 1000, 10), False),
        (Sample(105, 1000, 10), True),
        (Sample(100, 1000 + 262_143, 10), False),
        (Sample(100, 1000 + 262_144, 10), True),
        (Sample(100, 1000, 11), True),
        (Sample(100, 1000, 0), True),
        (Sample(100, 1000, 10, (8 << 20) + (1 << 20) - 1), False),
        (Sample(100, 1000, 10, 9 << 20), True),
        (Sample(100, 1000, 10, 0), False),
    ],
)
def test_advanced(after: Sample, moved: bool) -> None:
    assert advanced(Sample(100, 1000, 10, 8 << 20), after) is moved


@pytest.mark.parametrize(
    ("resident", "device", "weights", "fraction"),
    [
        (0, 0, 1000, 0.0),
        (250, 0, 1000, 0.25),
        (250, 500, 1000, 0.5),
        (500, 250, 1000, 0.5),
        (2000, 0, 1000, 0.99),
        (500, 500, 0, None),
    ],
)
def test_memory_says_how_far_a_load_is(resident: int, device: int, weights: int, fraction: float | None) -> None:
    assert from_memory(resident, device, weights) == fraction

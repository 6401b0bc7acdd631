from __future__ import annotations

import pytest

from glowplug.launchers.base import Sample
from glowplug.lifecycle.progress import advanced


@pytest.mark.parametrize(
    ("after", "moved"),
    [
        (Sample(100, 1000, 10), False),
        (Sample(104, 1000, 10), False),
        (Sample(105, 1000, 10), True),
        (Sample(100, 1000 + 262_143, 10), False),
        (Sample(100, 1000 + 262_144, 10), True),
        (Sample(100, 1000, 11), True),
        (Sample(100, 1000, 0), True),
    ],
)
def test_advanced(after: Sample, moved: bool) -> None:
    assert advanced(Sample(100, 1000, 10), after) is moved

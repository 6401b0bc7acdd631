from __future__ import annotations

import pytest

from glowplug.cli.moments import ago, ahead, count, span


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-3, "0s"),
        (0, "0s"),
        (0.6, "1s"),
        (59.4, "59s"),
        (60, "1m"),
        (252, "4m12s"),
        (3600, "1h"),
        (3601, "1h"),
        (11_100, "3h5m"),
        (86_400 * 12 + 3600 * 2 + 59, "12d2h"),
    ],
)
def test_span(seconds: float, text: str) -> None:
    assert span(seconds) == text


def test_moments() -> None:
    assert ago(None, 100.0) == ago(0.0, 100.0) == ""
    assert ago(40.0, 100.0) == "1m ago"
    assert ahead(None, 100.0) == ""
    assert ahead(130.0, 100.0) == "in 30s"
    assert ahead(90.0, 100.0) == ahead(100.2, 100.0) == "now"
    assert count(1234567) == "1,234,567"

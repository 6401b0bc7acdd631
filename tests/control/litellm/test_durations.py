from __future__ import annotations

import pytest

from glowplug.control.litellm.durations import budget_text, seconds, written
from glowplug.domain.budget import Budget, Scope, Window
from glowplug.errors import RequestError
from glowplug.usecases.budgets import parse_budget


@pytest.mark.parametrize(
    ("text", "length"),
    [("30s", 30), ("5m", 300), ("24h", 86_400), ("30d", 2_592_000), ("2w", 1_209_600), ("1mo", 2_592_000)],
)
def test_seconds(text: str, length: int) -> None:
    assert seconds("duration", text) == length


@pytest.mark.parametrize("text", ["", "0d", "d", "5", "1y", "-1d", "1.5d", "1d1h", "9999999999d", "٣d"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(RequestError, match="duration"):
        seconds("duration", text)


@pytest.mark.parametrize(
    ("duration", "window", "back"),
    [
        ("", Window.TOTAL, None), ("1h", Window.HOUR, "1h"), ("60m", Window.HOUR, "1h"), ("24h", Window.DAY, "1d"),
        ("7d", Window.WEEK, "7d"), ("1w", Window.WEEK, "7d"), ("30d", Window.MONTH, "30d"),
        ("1mo", Window.MONTH, "30d"),
        ("5h", Window.ROLLING, "5h"), ("90m", Window.ROLLING, "90m"), ("14d", Window.ROLLING, "14d"),
        ("61s", Window.ROLLING, "61s"),
    ],
)  # fmt: skip
def test_windows_there_and_back(duration: str, window: Window, back: str | None) -> None:
    amount, found, length = parse_budget(budget_text(1, duration))
    assert (amount, found) == (1, window)
    assert written(Budget(id="b", scope=Scope.ALL, amount=1, window=found, seconds=length)) == back

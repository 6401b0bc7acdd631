"""The soak (`make soak`) for a few seconds: a real installation, a provider with a bill of its own, workers killed."""

from __future__ import annotations

from pathlib import Path

import pytest
from bench.bill import DIFFERENCES
from bench.soak import BUDGETS, CHECK, HELD, RESERVED, differences, run, void

KILLS = 6


@pytest.mark.timeout(90)
def test_six_kills_lose_and_double_nothing(state_dir: Path) -> None:
    books = run(KILLS, 5.0, state_dir)
    wrong = differences(books)
    assert set(wrong) == {*DIFFERENCES, BUDGETS, RESERVED, HELD, CHECK}
    assert {kind: found for kind, found in wrong.items() if found} == {}
    assert void(books, KILLS) == ""
    assert all(budget["spent"] > 0 for budget in books.budgets)
    assert len(books.budgets) > 1
    assert books.checked["lines"] == len(books.lines)

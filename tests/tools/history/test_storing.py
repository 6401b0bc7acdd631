from __future__ import annotations

from contextlib import closing
from pathlib import Path

from tools.history.making import Shape
from tools.history.storing import batches, store

from glowplug.store import check, keys, usage_days
from tests.support.sqlite import opened


def test_a_ledger_that_is_right(tmp_path: Path) -> None:
    told: list[str] = []
    with closing(opened(tmp_path / "history.db")) as database:
        assert store(database, Shape(200, days=3, keys=5, changes=3), told.append) > 0
        stretch = database.call(lambda c: check.stretch(c, 0, 9, 10_000))
        assert (stretch.costs, stretch.differing, stretch.then) == ((), (), None)
        assert stretch.lines >= 200
        assert len(database.call(keys.every)) == 5
        assert len(database.call(usage_days.with_lines)) == 3


def test_some_at_a_time() -> None:
    assert list(batches("abcde", 2)) == [["a", "b"], ["c", "d"], ["e"]]

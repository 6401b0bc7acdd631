from __future__ import annotations

import pytest

from glowplug.errors import RequestError
from glowplug.store.attempts import AttemptStore
from glowplug.store.database import Database
from glowplug.store.usage import By
from glowplug.usecases.usage import Usage, day, groups
from tests.ledger.builders import closed


async def test_the_journal_is_folded_before_the_sums_are_made(database: Database) -> None:
    store = AttemptStore(database)

    def fold() -> None:
        store.absorb("w", "s", 1, [], [closed("a", model="x"), closed("b", model="y")])

    usage = Usage(database, fold)
    first = await usage.sums((By.MODEL,), limit=1)
    assert [row.model for row in first.data] == ["x"]
    assert first.next is not None
    rest = await usage.sums((By.MODEL,), limit=1, after=first.next)
    assert ([row.model for row in rest.data], rest.has_more) == (["y"], False)


@pytest.mark.parametrize(
    ("text", "wanted"), [("", ()), ("day", (By.DAY,)), ("model, key,model", (By.MODEL, By.KEY)), (",", ())]
)
def test_groups(text: str, wanted: tuple[By, ...]) -> None:
    assert groups(text) == wanted


def test_an_unknown_group() -> None:
    with pytest.raises(RequestError, match="model, key, day, user, team"):
        groups("worker")


@pytest.mark.parametrize("text", ["2026-1-1", "yesterday", "2026-02-30", "20260101", "2026-01-01T00:00"])
def test_what_is_no_day_is_refused(text: str) -> None:
    with pytest.raises(RequestError, match="for example"):
        day("since", text)
    assert day("since", "2026-01-31") == "2026-01-31"

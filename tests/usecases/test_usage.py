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


def fill(database: Database) -> None:
    records = [
        closed(f"{day}{model}{key}", model=model, key=key, day=day)
        for day in range(9)
        for model in ("m", "was", "cloud-1")
        for key in ("k", "other")
    ]
    AttemptStore(database).absorb("w", "s", 1, [], records)


@pytest.fixture
def usage(database: Database) -> Usage:
    fill(database)
    return Usage(database, lambda: None, lambda: {"was": "m"}, lambda: {"m": "local", "cloud-*": "acme", "c*": "other"})


@pytest.mark.parametrize("limit", [1, 3, 4, 7, 1000])
async def test_pages_of_days_are_all_there_is(usage: Usage, limit: int) -> None:
    by = (By.DAY, By.MODEL, By.KEY)
    whole = (await usage.sums(by)).data
    assert len(whole) == 9 * 2 * 2
    found, after = [], ""
    while True:
        part = await usage.sums(by, limit=limit, after=after)
        found += part.data
        assert part.has_more is (part.next is not None)
        if part.next is None:
            break
        after = part.next
    assert tuple(found) == whole
    with pytest.raises(RequestError, match="no row"):
        await usage.sums(by, after="2025-11-24/nobody//")


async def test_providers_are_those_of_the_models_now(usage: Usage) -> None:
    found = await usage.sums((By.PROVIDER,))
    assert [(row.provider, row.model, row.attempts) for row in found.data] == [("acme", None, 18), ("local", None, 36)]
    both = await usage.sums((By.DAY, By.MODEL, By.PROVIDER), until="2025-11-24")
    assert [(row.model, row.provider) for row in both.data] == [("cloud-1", "acme"), ("m", "local")]
    one = await usage.sums((), only={"model": "m", "key": "k"})
    assert [row.attempts for row in one.data] == [18], "with what was used under its name before"


async def test_tags_go_with_days_alone(usage: Usage) -> None:
    found = await usage.sums((By.TAG,))
    assert [(row.tag, row.attempts, row.cost) for row in found.data] == [("a", 18, 18 * 31), ("b", 18, 18 * 31)]
    days = await usage.sums((By.DAY, By.TAG), since="2025-11-25", until="2025-11-25")
    assert [(row.day, row.tag, row.attempts) for row in days.data] == [("2025-11-25", "a", 2), ("2025-11-25", "b", 2)]
    for by, only in (((By.TAG, By.KEY), {}), ((By.TAG,), {"key": "k"})):
        with pytest.raises(RequestError, match="tag"):
            await usage.sums(by, only=only)

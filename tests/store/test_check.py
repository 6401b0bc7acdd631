"""Lines of the ledger computed anew."""

from __future__ import annotations

import tracemalloc

import msgspec
import pytest
from sqlalchemy import update

from glowplug.domain.price import Hours, Price, Rates
from glowplug.store import check, prices
from glowplug.store.attempts import AttemptStore
from glowplug.store.check import Wrong
from glowplug.store.database import Database
from glowplug.store.rollups import Sum
from glowplug.store.tables import attempts, spend
from tests.ledger.builders import START, closed, opened

PRICE = Price(version="t", rates=Rates(prompt=3_000_000), request=1)


@pytest.fixture
def store(database: Database) -> AttemptStore:
    database.call(lambda c: prices.note(c, {"m": PRICE}, 1.0))
    return AttemptStore(database)


def wrong(database: Database) -> tuple[int, tuple[Wrong, ...]]:
    """How many lines were looked at, and which are wrong."""
    found = database.call(lambda c: check.stretch(c, 0, 100))
    assert found.then is None and found.problems[0] == len(found.costs)
    return found.lines, found.costs


def test_a_cost_is_what_its_price_makes_of_its_tokens(database: Database, store: AttemptStore) -> None:
    unpriced = msgspec.structs.replace(closed("b"), price="", cost=0)
    local = msgspec.structs.replace(closed("c"), price="local", cost=0)
    store.absorb("w", "s", 1, [opened("d"), opened("e")], [closed("a"), unpriced, local])
    assert wrong(database) == (3, ()), "what is open is not looked at"
    store.settle("w")
    assert wrong(database) == (5, ())


@pytest.mark.parametrize(
    ("changed", "what"),
    [
        ({"cost": 30}, "it costs 30 nano-dollars, and its price makes 31"),
        ({"prompt_tokens": 11}, "it costs 31 nano-dollars, and its price makes 34"),
        ({"price": "gone"}, "its price 'gone' is written down nowhere"),
        ({"price": ""}, "it costs 31 nano-dollars, and its price makes 0"),
    ],
)
def test_a_cost_that_is_wrong(database: Database, store: AttemptStore, changed: dict[str, object], what: str) -> None:
    store.absorb("w", "s", 1, [], [closed("a"), closed("b", 2)])
    database.call(lambda c: c.execute(update(attempts).where(attempts.c.request == "b").values(**changed)))
    assert wrong(database) == (2, (Wrong("b", 2, what),))


def test_records_of_the_journal_are_in_the_ledger_as_they_are(database: Database, store: AttemptStore) -> None:
    store.absorb("w", "s", 1, [opened("b")], [closed("a"), closed("c", prompt=5)])
    said = [closed("a"), closed("a", prompt=99), closed("b"), closed("c"), closed("d")]
    found = database.call(lambda c: list(check.records(c, said)))
    assert [(one.request, one.what) for one in found] == [
        ("b", "the journal has its end, and the ledger has not"),
        ("c", "journal and ledger differ in prompt_tokens, cost"),
        ("d", "the journal has its end, and the ledger has not"),
    ]


def test_what_a_provider_said_is_not_computed(database: Database, store: AttemptStore) -> None:
    store.absorb("w", "s", 1, [], [msgspec.structs.replace(closed("a"), price="provider", cost=7)])
    assert wrong(database) == (1, ())


def test_a_line_costs_what_its_hour_says(database: Database) -> None:
    store = AttemptStore(database)
    start = int(START % 86_400)
    hours = (Hours(start=start, end=start + 1, rates=Rates(prompt=7_000_000)),)
    price = Price(version="t", rates=Rates(prompt=3_000_000), request=1, hours=hours)
    database.call(lambda c: prices.note(c, {"m": price}, 1.0))
    night = msgspec.structs.replace(closed("a"), cost=70)
    later = msgspec.structs.replace(closed("b"), started=START + 1)
    store.absorb("w", "s", 1, [opened("c")], [night, later])
    store.settle("w")
    assert wrong(database) == (3, ())


def test_hours_are_looked_at_one_after_the_other(database: Database, store: AttemptStore) -> None:
    store.absorb(
        "w", "s", 1, [opened("open", day=9)], [closed(f"r{day}.{n}", day=day) for day in (0, 1, 3) for n in (0, 1)]
    )
    database.call(lambda c: c.execute(update(spend).where(spend.c.scope == "all").values(nano=1)))
    database.call(lambda c: c.execute(update(attempts).where(attempts.c.attempt == 0).values(cost=1)))
    hour, found = 0, []
    while True:
        one = database.call(lambda c, hour=hour: check.stretch(c, hour, 1, lines=1))  # type: ignore[misc]
        found.append(one)
        if one.then is None:
            break
        hour = one.then
    assert [one.lines for one in found] == [2, 2, 2, 0]
    first = int(START // 3600)
    assert [one.then for one in found] == [first + 1, first + 25, first + 73, None]
    assert [(len(one.costs), len(one.differing), one.problems) for one in found[:3]] == [(1, 1, (2, 6))] * 3
    assert database.call(lambda c: check.stretch(c, 0, 100)).lines == 6


def test_a_sum_without_a_line_is_found(database: Database, store: AttemptStore) -> None:
    row = {"scope": "all", "name": "", "hour": 5, "nano": 1, "prompt_tokens": 0, "completion_tokens": 0, "attempts": 1}
    database.call(lambda c: c.execute(spend.insert(), [row]))
    found = database.call(lambda c: check.stretch(c, 0, 100))
    assert found.differing == ((("all", "", 5), Sum(), Sum(1, 0, 0, 1)),)


def test_memory_is_that_of_some_lines(database: Database, store: AttemptStore) -> None:
    """Ten times the lines of one hour take no more."""

    def peak(count: int) -> int:
        tracemalloc.start()
        try:
            found = database.call(lambda c: check.stretch(c, 0, 100))
            assert found.lines == count
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    store.absorb("w", "s", 1, [], [closed(f"a{n}") for n in range(1500)])
    few = peak(1500)
    for batch in range(9):
        store.absorb("w", "s", 1, [], [closed(f"b{batch}.{n}") for n in range(1500)])
    assert peak(15_000) < 1.5 * few

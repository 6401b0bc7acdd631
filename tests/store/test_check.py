"""Lines of the ledger computed anew."""

from __future__ import annotations

import msgspec
import pytest
from sqlalchemy import update

from glowplug.domain.price import Hours, Price, Rates
from glowplug.store import check, prices
from glowplug.store.attempts import AttemptStore
from glowplug.store.check import Wrong
from glowplug.store.database import Database
from glowplug.store.tables import attempts
from tests.ledger.builders import START, closed, opened

PRICE = Price(version="t", rates=Rates(prompt=3_000_000), request=1)


@pytest.fixture
def store(database: Database) -> AttemptStore:
    database.call(lambda c: prices.note(c, {"m": PRICE}, 1.0))
    return AttemptStore(database)


def wrong(database: Database) -> list[Wrong | None]:
    return database.call(lambda c: list(check.costs(c)))


def test_a_cost_is_what_its_price_makes_of_its_tokens(database: Database, store: AttemptStore) -> None:
    unpriced = msgspec.structs.replace(closed("b"), price="", cost=0)
    local = msgspec.structs.replace(closed("c"), price="local", cost=0)
    store.absorb("w", "s", 1, [opened("d"), opened("e")], [closed("a"), unpriced, local])
    assert wrong(database) == [None] * 3, "what is open is not looked at"
    store.settle("w")
    assert wrong(database) == [None] * 5


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
    assert wrong(database) == [None, Wrong("b", 2, what)]


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
    assert wrong(database) == [None]


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
    assert wrong(database) == [None] * 3

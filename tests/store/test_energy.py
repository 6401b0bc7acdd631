"""Energy comes into lines that are closed, once, and the sums move with what it costs."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from sqlalchemy import select

from glowplug.domain.price import LOCAL, Price, Rates, energy_price
from glowplug.domain.usage import AttemptClosed
from glowplug.store import check, energy, prices, rollups
from glowplug.store.attempts import AttemptStore
from glowplug.store.database import Database
from glowplug.store.tables import attempts
from tests.ledger.builders import closed, opened

PRICE = energy_price(300_000_000)


def local(request: str) -> AttemptClosed:
    return msgspec.structs.replace(closed(request), price=LOCAL, cost=0)


@pytest.fixture
def store(database: Database) -> AttemptStore:
    store = AttemptStore(database)
    store.absorb("w", "s", 1, [opened("open")], [local("a"), local("b"), closed("priced")])
    own = Price(version="t", rates=Rates(prompt=3_000_000), request=1)
    database.call(lambda c: prices.note(c, {"m": own}, 1.0))
    return store


def lines(database: Database) -> dict[str, Any]:
    row = attempts.c
    query = select(row.request, row.energy_mj, row.cost, row.price)
    return database.call(lambda c: {line[0]: tuple(line[1:]) for line in c.execute(query)})


def put(database: Database, measured: dict[str, int], price: Price | None = PRICE) -> int:
    found = {(request, 0): energy_mj for request, energy_mj in measured.items()}
    return database.call(lambda c: energy.put(c, found, price, 5.0))


def fits(database: Database) -> bool:
    stored, computed = database.call(rollups.stored), database.call(rollups.computed)
    return stored == computed and database.call(lambda c: check.stretch(c, 0, 9)).problems == (0, 0)


def test_a_line_without_a_price_of_its_own_costs_its_energy(database: Database, store: AttemptStore) -> None:
    assert put(database, {"a": 36_000_000, "priced": 7, "open": 8, "nobody": 9}) == 2
    assert lines(database) == {
        "a": (36_000_000, 3_000_000, "energy 0.3/kWh"),
        "b": (None, 0, LOCAL),
        "priced": (7, 31, "t"),
        "open": (None, 0, ""),
    }
    assert fits(database)


def test_it_is_told_once(database: Database, store: AttemptStore) -> None:
    assert put(database, {"a": 1000, "b": 0}) == 2
    assert put(database, {"a": 5000, "b": 5000}) == 0
    assert lines(database)["a"] == (1000, 84, "energy 0.3/kWh")
    assert lines(database)["b"] == (0, 0, "energy 0.3/kWh"), "nothing was measured to have been used"
    store.absorb("w", "s", 2, [], [local("a")])
    assert lines(database)["a"] == (1000, 84, "energy 0.3/kWh"), "a record that comes twice changes nothing"
    assert fits(database)


def test_without_a_price_of_electricity_it_is_counted_and_free(database: Database, store: AttemptStore) -> None:
    assert put(database, {"a": 1000}, None) == 1
    assert lines(database)["a"] == (1000, 0, LOCAL)
    assert fits(database)


def test_an_interrupted_one_says_nothing_of_energy(database: Database, store: AttemptStore) -> None:
    put(database, {"a": 1000})
    store.absorb("w", "s", 2, [opened("c")], [])
    store.settle("w")
    assert put(database, {"c": 9}) == 0
    assert lines(database)["c"] == (None, 0, LOCAL), "what energy would have cost is no price of tokens"
    assert fits(database)

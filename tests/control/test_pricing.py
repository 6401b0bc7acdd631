"""Which price each model has."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from pathlib import Path

import msgspec
import pytest

from glowplug.control.pricing import Pricing, price_in_force
from glowplug.domain.price import LOCAL, Price, Rates
from glowplug.domain.snapshot import ModelRoute, Snapshot
from glowplug.errors import StoreError
from glowplug.ledger.price_table import PriceTable
from glowplug.ledger.prices import Answer, Pair
from glowplug.store import prices
from glowplug.store.database import Database
from tests.still_clock import StillClock

OWN, LISTED = Price(version="own", rates=Rates(prompt=1)), Price(version="listed", rates=Rates(prompt=2))
MODELS = (
    ModelRoute(name="known", local=False, upstream_model="k", base_url="https://p/v1"),
    ModelRoute(name="unknown", local=False, upstream_model="u", base_url="https://p/v1"),
    ModelRoute(name="own", local=False, upstream_model="k", base_url="https://p/v1", price=OWN),
    ModelRoute(name="here", local=False, upstream_model="h", base_url="http://127.0.0.1:9/v1"),
    ModelRoute(name="local", local=True, upstream_model="l"),
)


class World:
    def __init__(self, database: Database, path: Path) -> None:
        self.asked: list[tuple[Pair, ...]] = []
        self.broken = False
        self.sent: list[dict[str, str]] = []
        self.models = MODELS
        table = PriceTable(path, lambda: 1.0, lambda: "1", self.look_up)
        self.pricing = Pricing(table, database, StillClock(), lambda: self.models, self.send)

    def look_up(self, pairs: Iterable[Pair]) -> Answer:
        self.asked.append(tuple(pairs))
        if self.broken:
            raise StoreError("the price list could not be read: no")
        return Answer("1", tuple(LISTED if model == "k" else None for _, model in self.asked[-1]))

    def send(self) -> None:
        snapshot = self.pricing.extend(Snapshot(revision=1, pepper=b"", models=self.models))
        self.sent.append({model.name: model.price.version for model in snapshot.models if model.price})


async def test_the_list_is_asked_for_what_nobody_priced_and_all_is_written_down(
    database: Database, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    world = World(database, tmp_path / "prices.json")
    with caplog.at_level(logging.WARNING):
        await world.pricing.refresh()
    assert world.asked == [(("https://p/v1", "k"), ("https://p/v1", "u"))]
    assert world.sent == [{"known": "listed", "own": "own"}]
    assert "no price is known for unknown;" in caplog.text
    known = await database.run(prices.every)
    assert set(known) == {("known", "listed"), ("own", "own"), ("local", LOCAL)}
    await world.pricing.refresh()
    assert (len(world.asked), len(world.sent)) == (1, 1), "nothing is missing any more"
    world.models = (*MODELS, msgspec.structs.replace(MODELS[0], name="more", upstream_model="m"))
    await world.pricing.refresh()
    assert world.asked[1:] == [(("https://p/v1", "m"),)]


async def test_without_the_list_what_has_a_price_keeps_it(
    database: Database, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    world = World(database, tmp_path / "prices.json")
    world.broken = True
    await world.pricing.refresh()
    assert "could not be read" in caplog.text
    assert world.sent == []
    assert set(await database.run(prices.every)) == {("own", "own"), ("local", LOCAL)}


def test_a_local_model_is_free_unless_it_has_a_price() -> None:
    priced = msgspec.structs.replace(MODELS[-1], price=OWN)
    found = [price_in_force(model) for model in (*MODELS, priced)]
    assert [None if price is None else price.version for price in found] == [None, None, "own", None, LOCAL, "own"]

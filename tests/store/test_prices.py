"""What versions of prices meant."""

from __future__ import annotations

from glowplug.domain.price import Price, Rates, Tier
from glowplug.store import prices
from glowplug.store.database import Database

ONE = Price(version="1", rates=Rates(prompt=3, completion=4, cached=0), tiers=(Tier(above=9, rates=Rates(prompt=1)),))
TWO = Price(version="2", rates=Rates(prompt=5))


def test_a_version_keeps_the_meaning_it_had_first(database: Database) -> None:
    assert database.call(lambda c: prices.note(c, {"a": ONE, "b": TWO}, 1.0)) == 2
    assert database.call(lambda c: prices.note(c, {"a": Price(version="1"), "b": ONE}, 2.0)) == 1
    assert database.call(lambda c: prices.note(c, {}, 3.0)) == 0
    assert database.call(prices.every) == {("a", "1"): ONE, ("b", "2"): TWO, ("b", "1"): ONE}
    assert database.call(lambda c: prices.latest(c, ["a", "b", "c"])) == {"a": ONE, "b": ONE}

from __future__ import annotations

import pytest

from glowplug.errors import StoreError
from glowplug.store import meta
from glowplug.store.database import Database


def test_a_fact_is_read_as_it_was_last_stored(database: Database) -> None:
    assert database.call(lambda c: meta.get(c, "name")) is None
    for value in ("one", "", "zwei ☃"):
        database.call(lambda c, value=value: meta.put(c, "name", value))
        assert database.call(lambda c: meta.get(c, "name")) == value
    assert database.call(lambda c: meta.get(c, "Name")) is None


def test_facts_do_not_touch_each_other(database: Database) -> None:
    database.call(lambda c: (meta.put(c, "a", "1"), meta.put(c, "b", "2"), meta.put(c, "a", "3")))
    assert database.call(lambda c: (meta.get(c, "a"), meta.get(c, "b"))) == ("3", "2")


def test_a_fact_that_cannot_be_stored_leaves_the_old_one(database: Database) -> None:
    database.call(lambda c: meta.put(c, "a", "1"))
    with pytest.raises(StoreError):
        database.call(lambda c: meta.put(c, "a", None))  # type: ignore[arg-type]
    assert database.call(lambda c: meta.get(c, "a")) == "1"

from __future__ import annotations

import pytest
from sqlalchemy import insert, update
from sqlalchemy.exc import StatementError

from glowplug.errors import StoreError
from glowplug.keyring import KeyRing
from glowplug.secret import Secret
from glowplug.store import credentials
from glowplug.store.database import Database
from glowplug.store.sealed import Sealed, SealedValue, columns, keys_in_use, reseal, sealed
from glowplug.store.tables import api_keys, metadata
from glowplug.store.tables import credentials as table


def test_only_sealed_values_go_in(database: Database) -> None:
    for value in (b"sk-plain", "sk-plain", Secret("sk-plain")):
        row = {"name": "a", "value": value, "created_at": 0.0, "updated_at": 0.0}
        with pytest.raises((StoreError, StatementError), match="only a sealed value"):
            database.call(lambda c, row=row: c.execute(insert(table).values(row)))


def test_no_other_column_takes_one(database: Database) -> None:
    value = SealedValue(KeyRing.new().seal("x", credentials.place("a")))
    for column in (api_keys.c.name, api_keys.c.digest):
        with pytest.raises((StoreError, StatementError, TypeError)):
            database.call(lambda c, column=column: c.execute(update(api_keys).values({column: value})).rowcount)


def test_tables_with_sealed_columns_have_one_column_that_names_their_rows() -> None:
    found = list(columns(metadata))
    assert (table, "value") in found
    assert all(len(one.primary_key.columns) == 1 for one, _ in found)
    assert all(isinstance(one.c[name].type, Sealed) for one, name in found)


def test_a_turned_key_seals_everything_and_a_lost_one_blocks_only_its_row(database: Database) -> None:
    lost, old = KeyRing.new(), KeyRing.new()
    for name, ring in (("a", old), ("b", lost), ("c", old)):
        database.call(lambda c, n=name, r=ring: credentials.put(c, n, Secret(f"sk-{n}"), r, 1.0))
    new = old.turned()
    done = database.call(lambda c: reseal(c, metadata, new))
    assert [(one.place.row, bool(one.problem)) for one in done] == [("a", False), ("b", True), ("c", False)]
    assert lost.active in done[1].problem
    assert database.call(lambda c: keys_in_use(c, metadata)) == {new.active, lost.active}
    stored = {row.name: data for row, data in database.call(credentials.every)}
    assert new.only(frozenset()).open(stored["a"], credentials.place("a")).reveal() == "sk-a"
    assert lost.open(stored["b"], credentials.place("b")).reveal() == "sk-b"
    assert database.call(lambda c: [one.problem for one in reseal(c, metadata, new)]) == [done[1].problem]


def test_a_value_does_not_show() -> None:
    ring = KeyRing.new()
    shown = repr(sealed(ring, Secret("sk-x"), credentials.place("a")))
    assert ring.active in shown
    assert "sk-x" not in shown

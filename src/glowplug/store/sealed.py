"""The type of columns that hold sealed values, and re-sealing all of them.

Only a value that the key ring sealed can be put into such a column, and no other column takes one: a routing field can
never hold ciphertext, and a secret cannot be stored in the clear by mistake.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Dialect, LargeBinary, MetaData, Table, select, update
from sqlalchemy.types import TypeDecorator

from glowplug.keyring import KeyRing, Place, Unopenable, sealed_with
from glowplug.secret import Secret


@dataclass(frozen=True)
class SealedValue:
    """What `Sealed` columns hold.  Made by `sealed` alone."""

    data: bytes

    def __repr__(self) -> str:
        return f"SealedValue(with {sealed_with(self.data)!r})"


def sealed(ring: KeyRing, secret: Secret, place: Place) -> SealedValue:
    """A secret, ready to be stored in one place."""
    return SealedValue(ring.seal(secret.reveal(), place))


class Sealed(TypeDecorator[SealedValue]):
    """Bytes in the database, `SealedValue` here.  Binding anything else raises TypeError."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> bytes | None:
        if not isinstance(value, SealedValue):
            raise TypeError("only a sealed value can be stored in a sealed column")
        return value.data

    def process_result_value(self, value: Any, dialect: Dialect) -> SealedValue | None:
        return None if value is None else SealedValue(bytes(value))


@dataclass(frozen=True)
class Resealed:
    """What became of one sealed value when the key was turned."""

    place: Place
    problem: str = ""
    """Why it could not be opened and was left; empty when it was sealed anew."""


def columns(metadata: MetaData) -> Iterator[tuple[Table, str]]:
    """Every sealed column: its table (whose primary key is one column, the row's name) and its name."""
    for table in metadata.sorted_tables:
        for column in table.columns:
            if isinstance(column.type, Sealed):
                yield table, column.name


def reseal(connection: Connection, metadata: MetaData, ring: KeyRing) -> list[Resealed]:
    """Seal everything with the ring's active key.  What cannot be opened stays as it is and is named."""
    done = []
    for table, name in columns(metadata):
        (row_name,) = table.primary_key.columns
        rows = connection.execute(select(row_name, table.c[name]).order_by(row_name)).all()
        for row, value in rows:
            if value is None or sealed_with(value.data) == ring.active:
                continue
            place = Place(table.name, str(row), name)
            try:
                secret = ring.open(value.data, place)
            except Unopenable as error:
                done.append(Resealed(place, error.message))
                continue
            connection.execute(update(table).where(row_name == row).values({name: sealed(ring, secret, place)}))
            done.append(Resealed(place))
    return done


def keys_in_use(connection: Connection, metadata: MetaData) -> frozenset[str]:
    """Ids of the keys that stored values are sealed with."""
    found: set[str] = set()
    for table, name in columns(metadata):
        found.update(
            sealed_with(value.data) for (value,) in connection.execute(select(table.c[name])) if value is not None
        )
    return frozenset(found - {""})

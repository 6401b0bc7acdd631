"""Many rows at once, in the driver's own way.  Functions of one connection."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import Column, Connection, Table, UniqueConstraint, select
from sqlalchemy.dialects import postgresql, sqlite

from glowplug.store import rollups, statements, usage_days
from glowplug.store.tables import attempts


def add_new(connection: Connection, table: Table, rows: Sequence[Mapping[str, object]]) -> int:
    """Insert the rows that are not there by any of the table's unique keys; returns how many."""
    # The same clause in both dialects, but SQLAlchemy has it on the dialect's own insert.
    make = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    if not rows:
        return 0
    # Both drivers add up what each row of the list changed.
    statement = make(table).on_conflict_do_nothing().execution_options(preserve_rowcount=True)
    return connection.execute(statement, [dict(row) for row in rows]).rowcount


def count_new(connection: Connection, table: Table, rows: Sequence[Mapping[str, object]]) -> int:
    """How many of the rows `add_new` would insert; only reads."""
    taken = [(names, _taken(connection, table, names)) for names in _unique_keys(table)]
    new = 0
    for row in rows:
        mine = [(tuple(row.get(name) for name in names), there) for names, there in taken]
        # NULL is like nothing else, itself included.
        if any(one in there for one, there in mine if None not in one):
            continue
        new += 1
        for one, there in mine:
            there.add(one)
    return new


def _unique_keys(table: Table) -> list[tuple[str, ...]]:
    """The names of the columns of every key in which a table has no two rows alike."""
    columns: list[Iterable[Column[Any]]] = [table.primary_key.columns]
    columns += [one.columns for one in table.constraints if isinstance(one, UniqueConstraint)]
    columns += [index.columns for index in table.indexes if index.unique]
    return sorted({tuple(column.name for column in one) for one in columns})


def _taken(connection: Connection, table: Table, names: Sequence[str]) -> set[tuple[object, ...]]:
    return {tuple(row) for row in connection.execute(select(*(table.c[name] for name in names)))}


def known_requests(connection: Connection, requests: Iterable[str]) -> set[str]:
    """Those that have a first attempt in the ledger."""
    names = sorted(requests)
    # All in one value: a statement with a place for each would be taken apart anew for each number of them.
    if connection.dialect.name == "postgresql":
        statement = "SELECT request FROM attempts WHERE attempt = 0 AND request = ANY(%s::text[])"
        found = connection.exec_driver_sql(statement, (names,))
    else:
        statement = "SELECT request FROM attempts WHERE attempt = 0 AND request IN (SELECT value FROM json_each(?))"
        found = connection.exec_driver_sql(statement, (msgspec.json.encode(names).decode(),))
    return set(found.scalars())


def add_lines(
    connection: Connection,
    columns: Sequence[str],
    rows: Sequence[tuple[object, ...]],
    sums: Mapping[tuple[str, str, int], Sequence[int]],
) -> None:
    """Insert lines that are not there, with what they add to the sums (nano-dollars, prompt tokens, completion tokens,
    attempts)."""
    if not rows:
        return
    connection.exec_driver_sql(statements.insert(connection, attempts, columns), list(rows))
    rollups.move(connection, {where: rollups.Sum(*one) for where, one in sums.items()})
    at = columns.index("day")
    usage_days.unmake(connection, {str(row[at]) for row in rows})

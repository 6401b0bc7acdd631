"""Many rows at once, in the driver's own way.  Functions of one connection."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import Connection, Table, select
from sqlalchemy.dialects import postgresql, sqlite

from glowplug.store import rollups
from glowplug.store.tables import attempts

_MOST_NAMES = 500
"""In one statement."""


def add_new(connection: Connection, table: Table, rows: Sequence[Mapping[str, object]]) -> int:
    """Insert the rows that are not there by any of the table's unique keys; returns how many."""
    # The same clause in both dialects, but SQLAlchemy has it on the dialect's own insert.
    make = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    (first, *_) = table.primary_key.columns
    statement = make(table).on_conflict_do_nothing().returning(first)
    return sum(len(connection.execute(statement, dict(row)).all()) for row in rows)


def known_requests(connection: Connection, requests: Iterable[str]) -> set[str]:
    """Those that have a first attempt in the ledger."""
    names = sorted(requests)
    found: set[str] = set()
    for start in range(0, len(names), _MOST_NAMES):
        some = attempts.c.request.in_(names[start : start + _MOST_NAMES])
        found.update(connection.execute(select(attempts.c.request).where(attempts.c.attempt == 0, some)).scalars())
    return found


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
    place = "%s" if connection.dialect.name == "postgresql" else "?"
    names = ", ".join(f'"{attempts.c[name].name}"' for name in columns)  # columns of ours only
    places = ", ".join([place] * len(columns))
    connection.exec_driver_sql(f"INSERT INTO attempts ({names}) VALUES ({places})", list(rows))  # noqa: S608
    rollups.move(connection, {where: rollups.Sum(*one) for where, one in sums.items()})

"""Rows for every table of any revision, made from the columns that a database says it has: the same ones every time."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, Boolean, Connection, Float, Integer, LargeBinary, MetaData, String, insert, select

EVERY = 3
"""Rows a table."""


def fill(connection: Connection, rows: int = EVERY) -> dict[str, list[dict[str, Any]]]:
    """Fill every table but Alembic's; returns what `read` will say."""
    found = MetaData()
    found.reflect(connection)
    for table in found.sorted_tables:
        if table.name == "alembic_version":
            continue
        for number in range(rows):
            row = {
                column.name: None if column.nullable and number % 2 else _value(column.name, column.type, number)
                for column in table.columns
            }
            connection.execute(insert(table).values(row))
    return read(connection)


def read(connection: Connection) -> dict[str, list[dict[str, Any]]]:
    """Every row of every table, by table, in the order of their keys."""
    found = MetaData()
    found.reflect(connection)
    return {
        table.name: sorted(
            (dict(row) for row in connection.execute(select(table)).mappings()),
            key=lambda row, names=[c.name for c in table.primary_key.columns]: repr([row[name] for name in names]),
        )
        for table in found.sorted_tables
        if table.name != "alembic_version"
    }


def _value(name: str, kind: Any, number: int) -> Any:
    match kind:
        case JSON():
            return ["é", {"b": 1, "a": [None, number]}]
        case Boolean():
            return number == 0
        case Float():
            return 1_700_000_000.123456 + number * 3600
        case Integer():
            return (1 << 31) - 10 + number if name in ("hour", "rpm", "concurrency", "attempt") else number + 1
        case LargeBinary():
            return bytes([number, 0, 255]) + name.encode()
        case String():
            text = f"{name} {number} ü"
            return text[: kind.length or 99]
    raise AssertionError(f"{name} has a type nobody fills: {kind!r}")

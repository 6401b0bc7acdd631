"""Statements as the driver takes them, for what is stored by the thousand.

SQLAlchemy Core makes a dictionary of each row, which costs more than what the database does with it.  Names come from
our own tables, and values are never in the text.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, Table


def insert(connection: Connection, table: Table, columns: Sequence[str], conflict: str = "") -> str:
    """`INSERT` of these columns for `exec_driver_sql`, with one value for each; `conflict` is what comes behind."""
    names = ", ".join(f'"{table.c[name].name}"' for name in columns)  # columns of ours only
    said = f'INSERT INTO "{table.name}" ({names}) VALUES ({values(connection, len(columns))})'  # noqa: S608
    return f"{said} {conflict}" if conflict else said


def values(connection: Connection, count: int) -> str:
    """Places for so many values, as this driver writes them."""
    return ", ".join(["%s" if connection.dialect.name == "postgresql" else "?"] * count)

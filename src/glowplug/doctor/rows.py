"""Changes of a foreign PostgreSQL database: rows and indexes, in one transaction.

A row is kept as the texts PostgreSQL writes its columns as, and restored from them: under these settings every type of
LiteLLM's tables is written so that reading it gives the same value (`extra_float_digits`, `DateStyle`).
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import msgspec

from glowplug.errors import Conflict, StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import psycopg

    from glowplug.doctor.actions import Hands

Texts = dict[str, str | None]
"""Column → its value as text; None is NULL."""
_LOCK_S = 30
_SHOWN = 40
_LONGEST = 60


class RowChange(msgspec.Struct, frozen=True, kw_only=True, tag="row"):
    """One row becomes another, goes (`after` None), or comes (`before` None)."""

    table: str
    key: Texts
    """Columns that name it; values may be NULL."""
    before: Texts | None
    """All columns."""
    after: Texts | None
    masked: tuple[str, ...] = ()
    """Columns whose values are not shown."""


class Statement(msgspec.Struct, frozen=True, kw_only=True, tag="statement"):
    """A change of the schema, with the statement that takes it back and one that says whether it is done."""

    do: str
    undo: str
    done: str
    """A query with one boolean: whether `do` was done."""


Change = RowChange | Statement


class Rows(msgspec.Struct, frozen=True, kw_only=True, tag="rows"):
    """Changes of one database, all of them or none."""

    schema: str
    changes: tuple[Change, ...]
    why: str
    """What is done, as a sentence without a full stop."""

    def says(self) -> str:
        return self.why

    def diff(self) -> str:
        lines: list[str] = []
        for change in self.changes[:_SHOWN]:
            if isinstance(change, Statement):
                lines.append(f"+ {change.do}")
            else:
                lines += _row_diff(change)
        more = len(self.changes) - _SHOWN
        return "\n".join([*lines, *([f"… {more} more changes"] if more > 0 else [])])

    def do(self, hands: Hands) -> bool:
        with _transaction(hands) as connection:
            database = _Database(connection, self.schema)
            did = [database.do(change) for change in self.changes]
        return any(did)

    def undo(self, hands: Hands) -> bool:
        with _transaction(hands) as connection:
            database = _Database(connection, self.schema)
            did = [database.do(_reversed(change)) for change in reversed(self.changes)]
        return any(did)


def _reversed(change: Change) -> Change:
    if isinstance(change, Statement):
        return Statement(do=change.undo, undo=change.do, done=f"SELECT NOT ({change.done})")
    return RowChange(table=change.table, key=change.key, before=change.after, after=change.before)


@contextmanager
def _transaction(hands: Hands) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
    """A connection that writes, to the database that is examined.  Raises StoreError, Conflict."""
    import psycopg

    from glowplug.moving.litellm.source import connect

    foreign = hands.site.litellm
    if foreign is None or foreign.database is None:
        raise StoreError("it is not known which database this is about", hint="name it with --litellm")
    with connect(foreign.database) as connection:
        try:
            with connection.transaction():
                connection.execute("SET LOCAL DateStyle = 'ISO, YMD'")
                connection.execute("SET LOCAL TimeZone = 'UTC'")
                connection.execute("SET LOCAL extra_float_digits = 3")
                connection.execute(f"SET LOCAL lock_timeout = '{_LOCK_S}s'")
                yield connection
        except psycopg.Error as error:
            text = str(error).strip().splitlines() or [type(error).__name__]
            raise StoreError(f"the database refused it: {text[0]}", hint="nothing of it was changed") from None


class _Database:
    """The transaction that changes it, with the types of the tables that it met."""

    def __init__(self, connection: psycopg.Connection[tuple[Any, ...]], schema: str) -> None:
        self._connection = connection
        self._schema = schema
        self._types: dict[str, dict[str, str]] = {}

    def do(self, change: Change) -> bool:
        if isinstance(change, Statement):
            row = self._connection.execute(change.done.encode()).fetchone()
            if row is not None and row[0]:
                return False
            self._connection.execute(change.do.encode())
            return True
        there = self._row(change)
        if there == change.after:
            return False
        if there != change.before:
            raise Conflict(
                f"the row {_name(change.key)} of {change.table} was changed by somebody else meanwhile",
                hint="look again, and decide anew",
            )
        self._put(change)
        return True

    def _row(self, change: RowChange) -> Texts | None:
        from psycopg import sql

        columns = list(change.before or change.after or {})
        query = sql.SQL("SELECT {} FROM {} WHERE {} FOR UPDATE").format(
            sql.SQL(", ").join(sql.SQL("{}::text").format(sql.Identifier(name)) for name in columns),
            sql.Identifier(self._schema, change.table),
            self._where(change),
        )
        row = self._connection.execute(query, _values(change.key)).fetchone()
        return None if row is None else dict(zip(columns, row, strict=True))

    def _put(self, change: RowChange) -> None:
        from psycopg import sql

        table = sql.Identifier(self._schema, change.table)
        if change.after is None:
            query = sql.SQL("DELETE FROM {} WHERE {}").format(table, self._where(change))
            self._connection.execute(query, _values(change.key))
            return
        if change.before is None:
            names = list(change.after)
            query = sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
                table,
                sql.SQL(", ").join(map(sql.Identifier, names)),
                sql.SQL(", ").join(self._value(change.table, name) for name in names),
            )
            self._connection.execute(query, list(change.after.values()))
            return
        new = {name: value for name, value in change.after.items() if value != change.before.get(name)}
        query = sql.SQL("UPDATE {} SET {} WHERE {}").format(
            table,
            sql.SQL(", ").join(
                sql.SQL("{} = {}").format(sql.Identifier(name), self._value(change.table, name)) for name in new
            ),
            self._where(change),
        )
        self._connection.execute(query, [*new.values(), *_values(change.key)])

    def _where(self, change: RowChange) -> Any:
        """By the values as they are, so that an index finds the row: a table may have millions."""
        from psycopg import sql

        return sql.SQL(" AND ").join(
            sql.SQL("{} IS NULL").format(sql.Identifier(name))
            if value is None
            else sql.SQL("{} = {}").format(sql.Identifier(name), self._value(change.table, name))
            for name, value in change.key.items()
        )

    def _value(self, table: str, column: str) -> Any:
        from psycopg import sql

        if table not in self._types:
            self._types[table] = _types(self._connection, self._schema, table)
        type_ = self._types[table].get(column)
        if type_ is None:
            raise Conflict(f"there is no column {column} of {table} any more", hint="look again, and decide anew")
        return sql.SQL("%s::{}").format(sql.SQL(type_))  # as the catalogue writes it


def _values(key: Texts) -> list[str]:
    return [value for value in key.values() if value is not None]


def _types(connection: psycopg.Connection[tuple[Any, ...]], schema: str, table: str) -> dict[str, str]:
    """Column → its type, as PostgreSQL writes it."""
    found = connection.execute(
        "SELECT a.attname, format_type(a.atttypid, a.atttypmod) FROM pg_catalog.pg_attribute a"
        " JOIN pg_catalog.pg_class c ON c.oid = a.attrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
        " WHERE n.nspname = %s AND c.relname = %s AND a.attnum > 0 AND NOT a.attisdropped",
        (schema, table),
    ).fetchall()
    return {str(name): str(type_) for name, type_ in found}


def _row_diff(change: RowChange) -> list[str]:
    where = f"{change.table} {_name(change.key)}"
    if change.before is None or change.after is None:
        sign, row = ("-", change.before) if change.after is None else ("+", change.after)
        return [f"{sign} {where}: {_brief(row or {}, change.masked)}"]
    lines = [f"@ {where}"]
    for name, value in change.after.items():
        if value != (old := change.before.get(name)):
            lines += [
                f"- {name}: {_value(name, old, change.masked)}",
                f"+ {name}: {_value(name, value, change.masked)}",
            ]
    return lines


def _name(key: Mapping[str, str | None]) -> str:
    return ", ".join(f"{name}={'NULL' if value is None else value}" for name, value in key.items())


def _brief(row: Mapping[str, str | None], masked: tuple[str, ...]) -> str:
    return ", ".join(f"{name}={_value(name, value, masked)}" for name, value in row.items() if value not in (None, ""))


def _value(name: str, value: str | None, masked: tuple[str, ...]) -> str:
    if value is None:
        return "NULL"
    if name in masked:
        return f"({len(value)} characters)"
    return value if len(value) <= _LONGEST else value[: _LONGEST - 1] + "…"

"""The audit log in the database.  Functions of one connection; `noted` puts lines into the transaction of a change."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

import msgspec
from sqlalchemy import Connection, delete, insert, select, tuple_
from sqlalchemy.engine import RowMapping

from glowplug.domain.change import Change
from glowplug.store.tables import changes

T = TypeVar("T")

FILTERS = ("noun", "subject", "by", "action")
"""Columns that a list may be narrowed by."""


def add(connection: Connection, change: Change) -> None:
    """Store one line."""
    connection.execute(insert(changes).values(msgspec.structs.asdict(change)))


def noted(write: Callable[[Connection], T], *lines: Change) -> Callable[[Connection], T]:
    """`write` and these lines in one transaction: neither is there without the other."""

    def both(connection: Connection) -> T:
        result = write(connection)
        for line in lines:
            add(connection, line)
        return result

    return both


def newest(
    connection: Connection, limit: int, before: Change | None = None, only: Mapping[str, str] | None = None
) -> tuple[Change, ...]:
    """Lines older than `before`, the newest first; `only` narrows by column."""
    row = changes.c
    query = select(changes)
    for name, value in (only or {}).items():
        query = query.where(row[name] == value)
    if before is not None:
        query = query.where(tuple_(row.at, row.id) < tuple_(before.at, before.id))
    found = connection.execute(query.order_by(row.at.desc(), row.id.desc()).limit(limit)).mappings()
    return tuple(_change(one) for one in found)


def find(connection: Connection, change_id: str) -> Change | None:
    """The line with this id."""
    row = connection.execute(select(changes).where(changes.c.id == change_id)).mappings().first()
    return None if row is None else _change(row)


def forget(connection: Connection, until: float) -> int:
    """Drop what is older than `until` (Unix seconds); says how many lines that were."""
    return connection.execute(delete(changes).where(changes.c.at < until)).rowcount


def _change(row: RowMapping) -> Change:
    return Change(**{name: row[name] for name in Change.__struct_fields__})

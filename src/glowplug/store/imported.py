"""What imports brought, as their source had it the last time.  Functions of one connection."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, delete, insert, select

from glowplug.store.tables import imported_rows

Fields = Mapping[str, Any]
"""Plain JSON by name."""


class Mark(NamedTuple):
    """What the last import knew of one thing."""

    source: str
    """Where it was read (`moving.identity.source_id`)."""
    made: bool
    """An import made it here; else it was here before."""
    fields: Fields
    """As the source had them."""


def every(connection: Connection, noun: str) -> dict[str, Mark]:
    """All of one kind, by id."""
    row = imported_rows.c
    found = connection.execute(select(row.id, row.source, row.made, row.fields).where(row.noun == noun))
    return {id: Mark(source, made, fields) for id, source, made, fields in found}


def put(connection: Connection, noun: str, marks: Mapping[str, Mark]) -> None:
    """Store marks in place of those that their ids had."""
    forget(connection, noun, marks)
    if marks:
        connection.execute(
            insert(imported_rows), [{"noun": noun, "id": id, **one._asdict()} for id, one in marks.items()]
        )


def forget(connection: Connection, noun: str, ids: Iterable[str]) -> None:
    """Drop the marks of these ids, where there are any."""
    named = [{"which": id} for id in ids]
    if named:
        row = imported_rows.c
        connection.execute(delete(imported_rows).where(row.noun == noun, row.id == bindparam("which")), named)

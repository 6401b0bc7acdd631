"""The log of requests with their bodies.  Functions of one connection; `Database.run` gives them theirs."""

from __future__ import annotations

import msgspec
from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects import postgresql, sqlite

from glowplug.store.tables import request_bodies
from glowplug.wire.link import Logged


def add(connection: Connection, logged: Logged, since: float) -> None:
    """Store one, and delete all that ended before `since` (Unix seconds)."""
    row = msgspec.structs.asdict(logged)
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    connection.execute(insert(request_bodies).values(row).on_conflict_do_nothing())
    connection.execute(delete(request_bodies).where(request_bodies.c.at < since))


def find(connection: Connection, request: str) -> Logged | None:
    """The one of this request, or None."""
    row = connection.execute(select(request_bodies).where(request_bodies.c.request == request)).mappings().first()
    return Logged(**row) if row is not None else None


def remove(connection: Connection, key: str) -> int:
    """Delete everything of one API key (its id); returns how many."""
    return connection.execute(delete(request_bodies).where(request_bodies.c.key == key)).rowcount

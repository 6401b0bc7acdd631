"""Limits of users, teams, tags, models and of everybody together, in the database.  Functions of one connection."""

from __future__ import annotations

from sqlalchemy import Connection, delete, insert, select

from glowplug.domain.budget import Scope, UseLimit
from glowplug.store.tables import use_limits


def put(connection: Connection, limit: UseLimit) -> None:
    """Store a limit in place of what its scope had."""
    remove(connection, limit.scope, limit.name)
    connection.execute(
        insert(use_limits).values(
            scope=limit.scope.value, name=limit.name, rpm=limit.rpm, tpm=limit.tpm, concurrency=limit.concurrency
        )
    )


def every(connection: Connection) -> tuple[UseLimit, ...]:
    """All limits, by scope and name."""
    rows = connection.execute(select(use_limits).order_by(use_limits.c.scope, use_limits.c.name)).mappings()
    return tuple(
        UseLimit(
            scope=Scope(row["scope"]), name=row["name"], rpm=row["rpm"], tpm=row["tpm"], concurrency=row["concurrency"]
        )
        for row in rows
    )


def remove(connection: Connection, scope: Scope, name: str) -> bool:
    """Forget the limit of a scope; False when it has none."""
    its = (use_limits.c.scope == scope.value, use_limits.c.name == name)
    return connection.execute(delete(use_limits).where(*its)).rowcount == 1

"""Facts about the installation, by name."""

from __future__ import annotations

from sqlalchemy import Connection, delete, insert, select

from glowplug.store.tables import meta


def get(connection: Connection, name: str) -> str | None:
    """The value stored under a name, or None."""
    return connection.execute(select(meta.c.value).where(meta.c.name == name)).scalar_one_or_none()


def put(connection: Connection, name: str, value: str) -> None:
    """Store a value under a name, in place of what was there."""
    connection.execute(delete(meta).where(meta.c.name == name))
    connection.execute(insert(meta).values(name=name, value=value))

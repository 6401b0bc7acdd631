"""Secrets of providers, sealed.  Functions of one connection."""

from __future__ import annotations

from sqlalchemy import Connection, delete, insert, select, update

from glowplug.domain.credential import Credential
from glowplug.keyring import KeyRing, Place, sealed_with
from glowplug.secret import Secret
from glowplug.store.sealed import sealed
from glowplug.store.tables import credentials


def place(name: str) -> Place:
    """Where the value of a credential is."""
    return Place(credentials.name, name, credentials.c.value.name)


def put(connection: Connection, name: str, secret: Secret, ring: KeyRing, at: float) -> None:
    """Store a secret under a name, in place of the one it had.  `at`: Unix seconds."""
    value = sealed(ring, secret, place(name))
    changed = connection.execute(
        update(credentials).where(credentials.c.name == name).values(value=value, updated_at=at)
    )
    if changed.rowcount == 0:
        connection.execute(insert(credentials).values(name=name, value=value, created_at=at, updated_at=at))


def every(connection: Connection) -> tuple[tuple[Credential, bytes], ...]:
    """All of them by name, each with its sealed value."""
    rows = connection.execute(select(credentials).order_by(credentials.c.name)).mappings()
    return tuple(
        (
            Credential(
                name=row["name"],
                created_at=row["created_at"],
                updated_at=row["updated_at"],
                key=sealed_with(row["value"].data),
            ),
            row["value"].data,
        )
        for row in rows
    )


def remove(connection: Connection, name: str) -> bool:
    """Forget a credential; False when there is none of that name."""
    return connection.execute(delete(credentials).where(credentials.c.name == name)).rowcount == 1

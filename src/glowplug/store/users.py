"""People in the database.  Functions of one connection; `Database.run` gives them theirs."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from glowplug.domain.people import User, UserRole
from glowplug.store.tables import users


def add(connection: Connection, user: User) -> None:
    """Store a new user."""
    connection.execute(insert(users).values(id=user.id, created_at=user.created_at, **_columns(user)))


def put(connection: Connection, user: User) -> None:
    """Store a user in place of what their id had; when they came stays."""
    connection.execute(update(users).where(users.c.id == user.id).values(**_columns(user)))


def every(connection: Connection) -> tuple[User, ...]:
    """All of them, oldest first."""
    rows = connection.execute(select(users).order_by(users.c.created_at, users.c.id)).mappings()
    return tuple(
        User(
            id=row["id"],
            name=row["name"],
            email=row["email"],
            role=UserRole(row["role"]),
            models=tuple(row["models"]),
            created_at=row["created_at"],
            blocked_at=row["blocked_at"],
        )
        for row in rows
    )


def remove(connection: Connection, user_id: str) -> bool:
    """Forget a user; False when there is no such."""
    return connection.execute(delete(users).where(users.c.id == user_id)).rowcount == 1


def _columns(user: User) -> dict[str, Any]:
    return {
        "name": user.name,
        "email": user.email,
        "role": user.role.value,
        "models": list(user.models),
        "blocked_at": user.blocked_at,
    }

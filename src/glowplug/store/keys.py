"""API keys in the database.  Functions of one connection; `Database.run` gives them theirs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, func, insert, or_, select, update
from sqlalchemy.engine import RowMapping

from glowplug.domain.access import ApiKey, Rights, Role
from glowplug.store.tables import api_keys


def add(connection: Connection, key: ApiKey) -> None:
    """Store a new key."""
    connection.execute(insert(api_keys).values(_columns(key)))


def put(connection: Connection, key: ApiKey) -> None:
    """Store a key in place of what its id had."""
    connection.execute(update(api_keys).where(api_keys.c.id == key.id).values(_columns(key)))


def every(connection: Connection) -> tuple[ApiKey, ...]:
    """All keys, revoked ones too, oldest first."""
    rows = connection.execute(select(api_keys).order_by(api_keys.c.created_at, api_keys.c.id)).mappings()
    return tuple(_key(row) for row in rows)


def count(connection: Connection) -> int:
    """How many keys there are, revoked ones too."""
    return int(connection.execute(select(func.count()).select_from(api_keys)).scalar_one())


def revoke(connection: Connection, key_id: str, at: float) -> bool:
    """Mark a key revoked at `at` (Unix seconds).  False when there is no such key or it was revoked before."""
    done = connection.execute(
        update(api_keys).where(api_keys.c.id == key_id, api_keys.c.revoked_at.is_(None)).values(revoked_at=at)
    )
    return done.rowcount == 1


def used(connection: Connection, times: Mapping[str, float]) -> None:
    """Move `last_used_at` forward (never back) for each key id."""
    for key_id, at in times.items():
        connection.execute(
            update(api_keys)
            .where(
                api_keys.c.id == key_id,
                or_(api_keys.c.last_used_at.is_(None), api_keys.c.last_used_at < at),
            )
            .values(last_used_at=at)
        )


def _key(row: RowMapping) -> ApiKey:
    return ApiKey(
        id=row["id"],
        name=row["name"],
        display=row["display"],
        role=Role(row["role"]),
        models=tuple(row["models"]),
        rpm=row["rpm"],
        rights=Rights(row["rights"]),
        priority=row["priority"],
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        revoked_at=row["revoked_at"],
        last_used_at=row["last_used_at"],
        digest=bytes(row["digest"]),
        user=row["user"],
        team=row["team"],
        tags=tuple(row["tags"]),
        tpm=row["tpm"],
        concurrency=row["concurrency"],
        cached=row["cached"],
        log_bodies=row["log_bodies"],
        end_users=row["end_users"],
        imported=bytes(row["imported"] or b""),
        routes=tuple(row["routes"]),
        replaces=row["replaces"],
        blocked_at=row["blocked_at"],
    )


def _columns(key: ApiKey) -> dict[str, Any]:
    return {
        "id": key.id,
        "name": key.name,
        "display": key.display,
        "role": key.role.value,
        "models": list(key.models),
        "rpm": key.rpm,
        "rights": key.rights.value,
        "priority": key.priority,
        "created_at": key.created_at,
        "expires_at": key.expires_at,
        "revoked_at": key.revoked_at,
        "last_used_at": key.last_used_at,
        "digest": key.digest,
        "user": key.user,
        "team": key.team,
        "tags": list(key.tags),
        "tpm": key.tpm,
        "concurrency": key.concurrency,
        "cached": key.cached,
        "log_bodies": key.log_bodies,
        "end_users": key.end_users,
        "imported": key.imported or None,
        "routes": list(key.routes),
        "replaces": key.replaces,
        "blocked_at": key.blocked_at,
    }

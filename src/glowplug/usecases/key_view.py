"""Keys as people see them."""

from __future__ import annotations

import msgspec

from glowplug.domain.access import ApiKey, Rights, Role
from glowplug.secret import Secret


class KeyView(msgspec.Struct, frozen=True, kw_only=True):
    """A stored key for people: everything but its hash."""

    id: str
    name: str
    display: str
    role: Role
    models: tuple[str, ...]
    rpm: int | None
    rights: Rights
    priority: int
    created_at: float
    expires_at: float | None
    revoked_at: float | None
    last_used_at: float | None
    user: str
    team: str
    tags: tuple[str, ...]
    tpm: int | None
    concurrency: int | None
    end_users: bool
    cached: bool
    log_bodies: bool
    routes: tuple[str, ...] = ()
    replaces: str = ""
    """Id of the key it was made to replace."""
    blocked_at: float | None = None
    key: str | None = None
    """The key itself, in the answer to its creation and never again."""
    dry_run: bool = False


def view(key: ApiKey, secret: Secret | None = None, dry_run: bool = False) -> KeyView:
    """A key for people."""
    return KeyView(
        id=key.id,
        name=key.name,
        display=key.display,
        role=key.role,
        models=key.models,
        rpm=key.rpm,
        rights=key.rights,
        priority=key.priority,
        created_at=key.created_at,
        expires_at=key.expires_at,
        revoked_at=key.revoked_at,
        last_used_at=key.last_used_at,
        user=key.user,
        team=key.team,
        tags=key.tags,
        tpm=key.tpm,
        concurrency=key.concurrency,
        end_users=key.end_users,
        cached=key.cached,
        log_bodies=key.log_bodies,
        routes=key.routes,
        replaces=key.replaces,
        blocked_at=key.blocked_at,
        key=secret.reveal() if secret else None,
        dry_run=dry_run,
    )

"""Who may do what."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Role(StrEnum):
    """What a key may do."""

    ADMIN = "admin"
    """The admin API, and models."""
    VIEWER = "viewer"
    """Read the admin API; no models."""
    USER = "user"
    """Models."""


class Rights(StrEnum):
    """What a key's requests may do to the machine's memory; each includes those below it."""

    EVICT = "evict"
    """Start models, and unload others that are idle to make room."""
    START = "start"
    """Start models that fit beside what is loaded."""
    WARM = "warm"
    """Use what is loaded."""


class ApiKey(msgspec.Struct, frozen=True, kw_only=True):
    """A stored API key.  The key itself is known only at creation; `digest` is its keyed hash (32 bytes)."""

    id: str
    name: str
    display: str
    """First characters and last four, for people: `sk-gp-1a2b…9f0e`."""
    role: Role = Role.USER
    models: tuple[str, ...] = ()
    """Models and aliases it may use; empty means all."""
    rpm: int | None = None
    """Requests a minute, or None for no limit."""
    rights: Rights = Rights.EVICT
    priority: int = 0
    """Of its requests when models queue for memory; higher goes first."""
    created_at: float = 0.0
    expires_at: float | None = None
    revoked_at: float | None = None
    last_used_at: float | None = None
    digest: bytes = b""
    user: str = ""
    """Whom it belongs to; spend is counted and limited by it."""
    team: str = ""
    tags: tuple[str, ...] = ()
    """Every request of this key has these."""
    tpm: int | None = None
    """Tokens a minute."""
    concurrency: int | None = None
    """Requests at the same time."""
    cached: bool = False
    """Answers may come from, and go into, the response cache."""
    log_bodies: bool = False
    """Requests and answers are kept whole in the request log."""
    end_users: bool = False
    """Its requests say who is asking (a chat front end with one key for everybody), and records name them; what is
    allowed is the key's alone."""
    imported: bytes = b""
    """SHA-256 of a key that another gateway made and that was not used here yet; its first use makes a keyed hash of
    it.  Empty for keys of ours."""
    routes: tuple[str, ...] = ()
    """Endpoints it may use (`/v1/chat/completions`, `/v1/audio/*`); empty means all."""
    replaces: str = ""
    """Id of the key it was made to replace; that one is good until its own end."""
    blocked_at: float | None = None
    """Since when it is not good; unlike a revoked key it can be let in again."""


def allows_route(routes: tuple[str, ...], path: str) -> bool:
    """Whether a list of endpoints has this path, or one with a `*` at its end what begins so; an empty list has all.
    What clients leave out of a path (`/v1`) or say twice makes no other endpoint of it."""
    if not routes:
        return True
    if path.startswith("/v1/v1/"):
        path = path[3:]
    paths = (path,) if path.startswith(("/v1/", "/admin", "/api/")) else (path, f"/v1{path}")
    return any(
        one == route or (route.endswith("*") and one.startswith(route[:-1])) for route in routes for one in paths
    )

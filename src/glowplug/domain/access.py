"""Who may do what."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

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
    """Its requests say who is asking (a chat front end with one key for everybody): records name them, and budgets and
    limits of theirs hold; what is allowed otherwise is the key's alone."""
    imported: bytes = b""
    """SHA-256 of a key that another gateway made; empty for keys of ours.  It names the key in what came from there.
    Until its first use here `digest` is one that no key has (`glowplug.secret.unused_digest`), and this is what it is
    known by; its first use gives it a keyed hash like any other's, and from then on only that counts."""
    routes: tuple[str, ...] = ()
    """Endpoints it may use (`/v1/chat/completions`, `/v1/audio/*`); empty means all."""
    replaces: str = ""
    """Id of the key it was made to replace; that one is good until its own end."""
    blocked_at: float | None = None
    """Since when it is not good; unlike a revoked key it can be let in again."""


FOR_MODELS: Final = ("/v1/*", "/api/*")
"""Endpoints of models, whoever's wire, and nothing else."""


def allows_path(routes: tuple[str, ...], path: str) -> bool:
    """Whether a list of endpoints has this path, or one with a `*` at its end what begins so; an empty list has all."""
    return not routes or any(path == route or (route.endswith("*") and path.startswith(route[:-1])) for route in routes)


def allows_route(routes: tuple[str, ...], path: str) -> bool:
    """The same of an endpoint for models: what clients leave out of a path (`/v1`) or say twice makes no other endpoint
    of it."""
    if path.startswith("/v1/v1/"):
        path = path[3:]
    short = not path.startswith(("/v1/", "/admin", "/api/"))
    return allows_path(routes, path) or (short and allows_path(routes, f"/v1{path}"))

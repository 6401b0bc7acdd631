"""Who is asking.  One function for every route; there is no identity without a key."""

from __future__ import annotations

from hmac import compare_digest
from time import time
from typing import Final

from glowplug.domain.access import Role
from glowplug.domain.snapshot import KeyRoute
from glowplug.errors import Forbidden, Unauthenticated, Unavailable
from glowplug.gateway.tables import Key, Tables
from glowplug.secret import key_digest
from glowplug.wire.credentials import BESIDE, presented_key

_SEEN: Final = 4096
"""Header values that are remembered under one snapshot; a new snapshot (a revocation, say) forgets them all."""

_AGENTS: Final = 32
"""Programs that are remembered of one key: who says something else every time must not fill the memory."""

_ADMIN: Final = Role.ADMIN
_VIEWER: Final = Role.VIEWER


def authenticate(tables: Tables, headers: dict[bytes, bytes], role: Role = Role.USER) -> Key:
    """The key a request presents.

    Raises Unavailable before the first snapshot, Unauthenticated when there is no key or nobody knows it, Forbidden
    when it may not do what `role` may.
    """
    credential = headers.get(b"authorization") if BESIDE not in headers else None
    key = tables.seen_credentials.get(credential) if credential is not None else None
    if key is None:
        key = _look_up(tables, headers)
        if credential is not None and len(tables.seen_credentials) < _SEEN:
            tables.seen_credentials[credential] = key
    now = time()
    expires = key.route.expires_at
    if expires is not None and expires <= now:
        raise _invalid()
    if role is _ADMIN and key.route.role is not Role.ADMIN:
        raise Forbidden("This API key may use models only", hint="use an admin key")
    key.used_at = now
    agent = headers.get(b"user-agent", b"")
    if agent not in key.agents and len(key.agents) < _AGENTS:
        key.agents[agent] = now
        tables.met(key.route.id, agent, now)
    return key


def _look_up(tables: Tables, headers: dict[bytes, bytes]) -> Key:
    if not tables.ready:
        raise Unavailable("The server is starting", hint="ask again in a moment", retry_after=1.0)
    token = presented_key(headers)
    if token is None:
        _strange(tables, headers)
        raise Unauthenticated(
            "No API key was given", hint="send `Authorization: Bearer <key>`; `glowplug keys create` makes one"
        )
    digest = key_digest(tables.snapshot.pepper, token)
    key = tables.keys.get(digest)
    if key is None and tables.imported:
        key = tables.find_imported(token, digest)
    if key is None or not compare_digest(key.route.digest, digest):
        _strange(tables, headers)
        raise _invalid()
    # Here and not in `authenticate`: what is not good is not remembered, so what is remembered need not be asked again.
    if key.route.blocked or key.route.role is _VIEWER:
        raise _barred(key.route)
    return key


def _strange(tables: Tables, headers: dict[bytes, bytes]) -> None:
    """Somebody came without a key that is known: who sets a client up wants to know that it came at all."""
    agent = headers.get(b"user-agent", b"")
    if agent not in tables.strangers and len(tables.strangers) < _AGENTS:
        tables.strangers[agent] = at = time()
        tables.met("", agent, at)


def _invalid() -> Unauthenticated:
    return Unauthenticated(
        "This API key is not valid", hint="it is unknown, revoked or expired; `glowplug keys list` shows the valid ones"
    )


def _barred(route: KeyRoute) -> Forbidden:
    """A key that is known and may use no models."""
    if route.blocked:
        words = route.blocked[:1].upper() + route.blocked[1:]
        return Forbidden(words, hint="an admin can let it in again", code="blocked")
    return Forbidden("This API key may look at the admin API and use no models", hint="use a key of the role user")

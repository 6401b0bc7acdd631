"""How people get in: sessions, invitations, and who they are elsewhere.  Times are Unix seconds."""

from __future__ import annotations

import msgspec

from glowplug.domain.people import UserRole


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who logged in with a browser.  `id` is the keyed hash of the token in their cookie, in hexadecimal."""

    id: str
    user: str
    created_at: float
    last_seen: float
    expires_at: float
    """When it ends however much it is used."""
    agent: str = ""
    """What the browser calls itself, for people to recognise it by."""


class Invitation(msgspec.Struct, frozen=True, kw_only=True):
    """A link that is good once.  `digest` is the keyed hash of its token (32 bytes)."""

    id: str
    digest: bytes = b""
    user: str = ""
    """Whose password it sets anew; empty where it makes a new user."""
    name: str = ""
    """Of the new user, as a proposal."""
    role: UserRole = UserRole.MEMBER
    """Of the new user."""
    by: str = ""
    """Who made it."""
    created_at: float = 0.0
    expires_at: float = 0.0
    used_at: float | None = None


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """Whom an identity provider knows a user as.  `subject` is unique within `issuer` and is never given to another."""

    issuer: str
    subject: str
    user: str
    since: float

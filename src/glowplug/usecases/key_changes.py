"""Changing keys, and putting new ones in their place.  Pure; the book of keys stores what comes of it."""

from __future__ import annotations

from math import inf

import msgspec
from msgspec import UNSET, UnsetType

from glowplug.domain.access import ApiKey, Rights, Role
from glowplug.errors import Conflict, RequestError
from glowplug.ids import new_api_key, short_id
from glowplug.secret import Secret, key_digest

DAY = 86_400.0
MOST_OVERLAP = 90 * DAY
_MOST_ROUTES = 100


class KeyChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be another at a key; the body of `PATCH /admin/keys/{id}`.  What is left out stays."""

    name: str | UnsetType = UNSET
    models: tuple[str, ...] | UnsetType = UNSET
    routes: tuple[str, ...] | UnsetType = UNSET
    rpm: int | UnsetType | None = UNSET
    tpm: int | UnsetType | None = UNSET
    concurrency: int | UnsetType | None = UNSET
    rights: Rights | UnsetType = UNSET
    priority: int | UnsetType = UNSET
    expires_in: float | UnsetType | None = UNSET
    """Seconds from now; null: never."""
    user: str | UnsetType = UNSET
    team: str | UnsetType = UNSET
    tags: tuple[str, ...] | UnsetType = UNSET
    end_users: bool | UnsetType = UNSET
    cached: bool | UnsetType = UNSET
    log_bodies: bool | UnsetType = UNSET
    blocked: bool | UnsetType = UNSET


class Rotation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a key is replaced; the body of `POST /admin/keys/{id}/rotate`."""

    overlap: float = DAY
    """Seconds for which the old one is still good."""


def changed(key: ApiKey, wanted: KeyChange, now: float) -> ApiKey:
    """The key as it is asked to be; values are checked by whoever made `wanted`, except for its time."""
    fields = {
        name: value
        for name, value in msgspec.structs.asdict(wanted).items()
        if value is not UNSET and name not in ("blocked", "expires_in")
    }
    if wanted.expires_in is not UNSET:
        fields["expires_at"] = None if wanted.expires_in is None else now + checked_time(wanted.expires_in)
    if wanted.blocked is not UNSET:
        fields["blocked_at"] = (key.blocked_at or now) if wanted.blocked else None
    return msgspec.structs.replace(key, **fields)


def replacement(old: ApiKey, pepper: bytes, now: float, overlap: float) -> tuple[ApiKey, Secret, ApiKey]:
    """A new key with the rights of the old one, its text, and the old one with its end.

    Raises Conflict for a key that is not good any more, RequestError for an overlap that makes no sense.
    """
    if not 0 <= overlap <= MOST_OVERLAP:
        raise RequestError(f"the overlap is {overlap} seconds", hint="give 0 to 90 days")
    if old.revoked_at is not None or (old.expires_at is not None and old.expires_at <= now):
        raise Conflict(f"{old.id} is not good any more", hint="make a new key: glowplug keys create NAME")
    if old.blocked_at is not None:
        raise Conflict(f"{old.id} is blocked", hint="let it in first: glowplug keys unblock")
    token = new_api_key()
    new = msgspec.structs.replace(
        old,
        id=short_id("key"),
        display=shortened(token),
        created_at=now,
        last_used_at=None,
        digest=key_digest(pepper, token.encode()),
        imported=b"",
        replaces=old.id,
    )
    ends = now + overlap if old.expires_at is None else min(old.expires_at, now + overlap)
    return new, Secret(token), msgspec.structs.replace(old, expires_at=ends)


def shortened(token: str) -> str:
    """A key for people: its beginning and its end."""
    return f"{token[:10]}…{token[-4:]}"


def checked_time(seconds: float) -> float:
    """Raises RequestError for what is no time from now."""
    if not 0 < seconds < inf:
        raise RequestError(f"expires_in is {seconds}", hint="give seconds from now, or leave it out")
    return seconds


def checked_routes(routes: tuple[str, ...]) -> tuple[str, ...]:
    """Endpoints that a key may use, each once.  Raises RequestError for what cannot be a path."""
    if len(routes) > _MOST_ROUTES:
        raise RequestError(f"there are {len(routes)} routes", hint=f"give at most {_MOST_ROUTES}; a * ends one")
    for route in routes:
        plain = route.removesuffix("*")
        if not plain.startswith("/") or "*" in plain or not plain.isascii() or not plain.isprintable() or " " in plain:
            raise RequestError(
                f"{route[:60]!r} is not a route", hint="write for example /v1/chat/completions or /v1/audio/*"
            )
    return tuple(dict.fromkeys(routes))


def guest(digest: bytes, now: float) -> ApiKey:
    """The admin key that a foreign file brings; it is in no table."""
    name = "master key of the foreign file"
    return ApiKey(id="key_master", name=name, display="master key", role=Role.ADMIN, created_at=now, digest=digest)

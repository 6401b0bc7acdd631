"""Who is asking, and may they: one function for every route.

Where the key is in a request is read by `glowplug.wire.credentials`, as the workers read it.  Host and Origin are
checked too: a page in a browser can reach loopback, but cannot choose these two.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import Protocol
from urllib.parse import urlsplit

from glowplug.domain.access import ApiKey, Role
from glowplug.errors import Forbidden, RequestError, Unauthenticated
from glowplug.usecases.keys import usable
from glowplug.wire.credentials import PLACES, presented_key


class Policy(StrEnum):
    """What a route asks of its caller.  Every route declares one."""

    OPEN = "open"
    """Nothing; for `/health/*` only."""
    KEY = "key"
    """Any key that works."""
    ADMIN = "admin"
    """A key that works and has the admin role."""


class Headers(Protocol):
    """The part of a request's headers that is needed here."""

    def getlist(self, key: str) -> list[str]: ...


def authenticate(policy: Policy, headers: Headers, find: Callable[[str], ApiKey | None], now: float) -> ApiKey | None:
    """The caller's key, or None where none is asked for.  Raises Unauthenticated, Forbidden."""
    if policy is Policy.OPEN:
        return None
    token = presented(headers)
    key = find(token)
    if key is None:
        raise Unauthenticated("this API key is not known here", hint="glowplug keys list shows the keys there are")
    if key.revoked_at is not None:
        raise Unauthenticated(f"the API key {key.display} was revoked", hint="ask an admin for a new one")
    if key.blocked_at is not None:
        raise Unauthenticated(f"the API key {key.display} is blocked", hint="ask an admin to let it in again")
    if not usable(key, now):
        raise Unauthenticated(f"the API key {key.display} has expired", hint="ask an admin for a new one")
    if policy is Policy.ADMIN and key.role is not Role.ADMIN:
        raise Forbidden(
            f"the API key {key.display} may use models, and this needs the admin role",
            hint="use an admin key; glowplug keys create --role admin makes one",
        )
    return key


def presented(headers: Headers) -> str:
    """The key a request brings.  Raises Unauthenticated when there is none, or a header that could hold one twice."""
    found: dict[bytes, bytes] = {}
    for name in PLACES:
        values = headers.getlist(name.decode())
        if len(values) > 1:
            raise Unauthenticated(f"the header {name.decode()} is there {len(values)} times", hint="send it once")
        if values:
            found[name] = values[0].encode("latin-1").strip()
    token = presented_key(found)
    if token is None:
        raise Unauthenticated(
            "no API key was given", hint="send `Authorization: Bearer <key>`; `glowplug keys create` makes one"
        )
    return token.decode("utf-8", "surrogateescape")


def check_host(headers: Headers, hosts: Iterable[str]) -> None:
    """Refuse names that are not ours, so that a rebound DNS name reaches nothing.  Raises RequestError, Forbidden."""
    values = headers.getlist("host")
    if len(values) != 1:
        raise RequestError(f"the request has {len(values)} Host headers", hint="send exactly one")
    name = _without_port(values[0])
    if not _in(name, hosts):
        raise Forbidden(
            f"this server does not answer to the name {name!r}",
            hint="add it to server.hosts in the configuration",
            code="host_not_allowed",
        )


def check_origin(headers: Headers, hosts: Iterable[str], origins: Iterable[str]) -> None:
    """Refuse browser pages of other sites.  An origin on our own host names is ours.  Raises Forbidden."""
    allowed = {origin.lower().rstrip("/") for origin in origins}
    for origin in headers.getlist("origin"):
        wanted = origin.lower()
        if "*" in allowed or wanted in allowed:
            continue
        parts = urlsplit(wanted)
        ours = [host for host in hosts if host != "*"]
        if parts.scheme in ("http", "https") and parts.netloc and _in(_without_port(parts.netloc), ours):
            continue
        raise Forbidden(
            f"pages of {origin[:200]!r} may not call this server",
            hint="add the origin to server.origins in the configuration",
            code="origin_not_allowed",
        )


def _without_port(value: str) -> str:
    name = value.strip().lower()
    if name.startswith("["):
        return name.partition("]")[0] + "]"
    return name.partition(":")[0]


def _in(name: str, hosts: Iterable[str]) -> bool:
    names = {host.lower() for host in hosts}
    return "*" in names or name in names or f"[{name}]" in names

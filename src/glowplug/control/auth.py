"""Who is asking, and may they: one function for every route.

A key comes as `Authorization: Bearer KEY` (OpenAI) or `x-api-key: KEY` (Anthropic).  Host and Origin are checked too:
a page in a browser can reach loopback, but cannot choose these two.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import Protocol
from urllib.parse import urlsplit

from glowplug.domain.access import ApiKey, Role
from glowplug.errors import Forbidden, RequestError, Unauthenticated
from glowplug.usecases.keys import usable


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
    if not usable(key, now):
        raise Unauthenticated(f"the API key {key.display} has expired", hint="ask an admin for a new one")
    if policy is Policy.ADMIN and key.role is not Role.ADMIN:
        raise Forbidden(
            f"the API key {key.display} may use models, and this needs the admin role",
            hint="use an admin key; glowplug keys create --role admin makes one",
        )
    return key


def presented(headers: Headers) -> str:
    """The one key a request brings.  Raises Unauthenticated when there is none or there are two that differ."""
    found: list[str] = []
    for value in headers.getlist("authorization"):
        scheme, _, token = value.strip().partition(" ")
        if scheme.lower() != "bearer":
            raise Unauthenticated(
                f"the Authorization header uses {scheme[:20]!r}", hint="send Authorization: Bearer KEY"
            )
        found.append(token.strip())
    found += [value.strip() for value in headers.getlist("x-api-key")]
    if not found or not all(found):
        raise Unauthenticated("no API key was sent", hint="send Authorization: Bearer KEY, or x-api-key: KEY")
    if len(set(found)) > 1:
        raise Unauthenticated("the request brings API keys that differ", hint="send one of them")
    return found[0]


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

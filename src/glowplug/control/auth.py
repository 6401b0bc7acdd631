"""Who is asking, and may they: one function for every route.

A request brings an API key or the cookie of a session; where both are there the key decides.  Sessions are for the
admin API and the pages, never for models.  Where the key is in a request is read by `glowplug.wire.credentials`, as the
workers read it.  Host and Origin are checked too: a page in a browser can reach loopback, but cannot choose these two.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import Final, Protocol
from urllib.parse import urlsplit

from glowplug.control import cookies
from glowplug.domain.access import ApiKey, Role
from glowplug.domain.caller import Caller
from glowplug.errors import Forbidden, RequestError, Unauthenticated
from glowplug.usecases.keys import present
from glowplug.usecases.standing import standing
from glowplug.wire.credentials import PLACES, presented_key

CSRF: Final = "x-glowplug-csrf"
"""Header with the CSRF token of a session."""
_READING: Final = ("GET", "HEAD")


class Policy(StrEnum):
    """What a route asks of its caller.  Every route declares one."""

    OPEN = "open"
    """Nothing; for `/health/*` only."""
    KEY = "key"
    """Any key that works and may use models."""
    ADMIN = "admin"
    """A key that works or a session, with the admin role; to read (GET), the viewer's does."""
    READ = "read"
    """The same as reading, whatever the method: nothing is changed."""
    ALONE = "alone"
    """An admin's, for reading too: what is read is nobody else's business."""
    OWN = "own"
    """Any key that works; the route itself gives its owner what is theirs and nothing else."""
    SELF = "self"
    """As OWN, and a session is as good as a key."""
    MANAGER = "manager"
    """As SELF, and the route itself refuses everybody who does not manage the team that it names."""
    LOGIN = "login"
    """Nothing but that it is no page of another server; for what lets people in, below `/auth/` and
    where an endpoint says so (`lets_in`)."""
    RETURN = "return"
    """Nothing: an identity provider sends a browser here, and its handler knows whether it was sent there."""
    PAGE = "page"
    """Nothing; for the files of the admin UI below `/ui`, which are the same for everybody."""
    PERSON = "person"
    """A session."""


_KEYS_ONLY: Final = (Policy.KEY, Policy.OWN)
"""What a session is not good for."""
_ANYBODYS: Final = (Policy.OPEN, Policy.OWN, Policy.SELF, Policy.MANAGER, Policy.PERSON)
"""What asks for no role."""


def block_of(key: ApiKey) -> str:
    """Why a key is not good by itself, whoever it belongs to."""
    return standing(key).blocked


class Headers(Protocol):
    """The part of a request's headers that is needed here."""

    def getlist(self, key: str) -> list[str]: ...


class Resume(Protocol):
    """Whose session a token is; the text beside it is the CSRF token, None where nothing is changed."""

    async def __call__(self, token: str, csrf: str | None) -> Caller: ...


async def authenticate(
    policy: Policy,
    headers: Headers,
    find: Callable[[str], ApiKey | None],
    now: float,
    *,
    method: str = "GET",
    resume: Resume | None = None,
    blocked: Callable[[ApiKey], str] = block_of,
) -> Caller | None:
    """The caller, or None where none is asked for; `blocked` says why a key is not good now.  Raises Unauthenticated,
    Forbidden."""
    if policy in (Policy.OPEN, Policy.RETURN, Policy.PAGE):
        return None
    if policy is Policy.LOGIN:
        cookies.own_page(headers)
        return None
    token = None if policy in _KEYS_ONLY or resume is None or _brings_key(headers) else cookies.token_in(headers)
    if resume is not None and token is not None:
        cookies.own_page(headers)
        caller = await resume(token, None if method in _READING else _csrf(headers))
    elif policy is Policy.PERSON:
        raise Unauthenticated("nobody is logged in", hint="POST /auth/login begins a session", code="no_session")
    else:
        key = known(headers, find, now, blocked)
        caller = Caller(role=key.role, user=key.user, key=key)
    if not may(policy, caller.role, method):
        has = "look and change nothing" if caller.role is Role.VIEWER else "use models"
        raise Forbidden(
            f"{_named(caller)} may {has}, and this needs the admin role",
            hint="use an admin key; glowplug keys create --role admin makes one",
        )
    return caller


class UnknownKey(Unauthenticated):
    """A key that is not one of ours; a kind of its own because LiteLLM's clients are told it apart."""


class ExpiredKey(Unauthenticated):
    """A key of ours whose time is over; for the same reason."""


def known(
    headers: Headers, find: Callable[[str], ApiKey | None], now: float, blocked: Callable[[ApiKey], str]
) -> ApiKey:
    """The key of a request, which is good.  Raises Unauthenticated, Forbidden."""
    key = find(presented(headers))
    if key is None:
        raise UnknownKey("this API key is not known here", hint="glowplug keys list shows the keys there are")
    if key.revoked_at is not None:
        raise Unauthenticated(f"the API key {key.display} was revoked", hint="ask an admin for a new one")
    if not present(key, now):
        raise ExpiredKey(f"the API key {key.display} has expired", hint="ask an admin for a new one")
    if why := blocked(key):
        raise Forbidden(why, hint="an admin can let it in again", code="blocked")
    return key


def may(policy: Policy, role: Role, method: str) -> bool:
    """Whether a role is enough for a route, asked with this method."""
    if policy in _ANYBODYS or role is Role.ADMIN:
        return True
    if role is Role.VIEWER:
        return policy is Policy.READ or (policy is Policy.ADMIN and method in _READING)
    return policy is Policy.KEY


def _named(caller: Caller) -> str:
    return f"the API key {caller.key.display}" if caller.key is not None else "this user"


def _brings_key(headers: Headers) -> bool:
    return any(headers.getlist(name.decode()) for name in PLACES)


def _csrf(headers: Headers) -> str:
    values = headers.getlist(CSRF)
    return values[0] if len(values) == 1 else ""


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

"""Logging in with an identity provider: authorization code with PKCE (RFC 7636), state and nonce.

A person is who their `(issuer, subject)` was tied to.  An e-mail address never decides who somebody is.
"""

from __future__ import annotations

import asyncio
import secrets
from base64 import b64encode, urlsafe_b64encode
from collections import OrderedDict
from collections.abc import Callable
from hashlib import sha256
from hmac import compare_digest
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

import msgspec
from sqlalchemy import Connection

from glowplug.clock import Clock
from glowplug.domain.login import Identity
from glowplug.domain.oidc import OidcSettings
from glowplug.domain.people import User, UserRole
from glowplug.errors import Forbidden, NotFound, UpstreamError
from glowplug.ids import short_id
from glowplug.store import logins
from glowplug.store.database import Database
from glowplug.usecases.fetching import fetch, may_ask
from glowplug.usecases.id_tokens import UnknownKey, checked, email_of, role_of
from glowplug.usecases.logins import LoginBook
from glowplug.usecases.sessions import Opened

LASTS = 600.0
"""Seconds that somebody may take at the provider."""
_MOST_PENDING = 1000
_FRESH = 3600.0
"""Seconds that what the provider publishes is believed."""
_AGAIN = 60.0
"""Seconds between two looks for a key that is not there."""


T = TypeVar("T", bound=msgspec.Struct)


class _Discovered(msgspec.Struct, frozen=True):
    """What is needed of the provider's discovery document (OpenID Connect Discovery 1.0, section 3)."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str


class _KeySet(msgspec.Struct, frozen=True):
    keys: list[dict[str, Any]]


class _Tokens(msgspec.Struct, frozen=True):
    id_token: str


class _Pending(msgspec.Struct, frozen=True):
    nonce: str
    verifier: str
    back: str
    browser: str
    until: float
    user: str
    """Whom it is to be tied to; empty for a login."""


class Begun(msgspec.Struct, frozen=True):
    """Where the browser goes, and what it keeps in a cookie meanwhile."""

    url: str
    browser: str


class OidcLogin:
    """One provider, as the configuration in force says; `settings()` is None where there is none."""

    def __init__(
        self, database: Database, book: LoginBook, clock: Clock, settings: Callable[[], OidcSettings | None]
    ) -> None:
        self._database = database
        self._book = book
        self._clock = clock
        self._settings = settings
        self._pending: OrderedDict[str, _Pending] = OrderedDict()
        self._known: tuple[str, float, _Discovered] | None = None
        self._keys: tuple[str, float, list[dict[str, Any]]] | None = None
        self._asking = asyncio.Lock()

    async def begin(self, own_url: str, user: str = "") -> Begun:
        """Send a browser to the provider.  `user`: tie this user to whoever they are there.

        Raises NotFound where no provider is configured, UpstreamError.
        """
        settings = self._sure()
        there = await self._discover(settings)
        state, nonce, verifier, browser = (secrets.token_urlsafe(32) for _ in range(4))
        back = f"{(settings.url or own_url).rstrip('/')}/auth/oidc/callback"
        now = self._clock.monotonic()
        self._pending[state] = _Pending(nonce, verifier, back, browser, now + LASTS, user)
        while len(self._pending) > _MOST_PENDING:
            self._pending.popitem(last=False)
        asked = {
            "response_type": "code",
            "client_id": settings.client_id,
            "redirect_uri": back,
            "scope": "openid email profile",
            "state": state,
            "nonce": nonce,
            "code_challenge": urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        }
        joint = "&" if "?" in there.authorization_endpoint else "?"
        return Begun(f"{there.authorization_endpoint}{joint}{urlencode(asked)}", browser)

    async def finish(self, state: str, code: str, issuer: str, browser: str, agent: str) -> Opened:
        """The browser is back.  Raises Forbidden for everything that is not as it was sent, UpstreamError."""
        settings = self._sure()
        pending = self._pending.pop(state, None)
        if pending is None or pending.until <= self._clock.monotonic():
            raise _strange("it took too long, or was not begun here")
        if not compare_digest(pending.browser.encode(), browser.encode("utf-8", "replace")):
            raise _strange("it was begun in another browser")
        if issuer and issuer != settings.issuer:  # RFC 9207
            raise _strange("another provider sent it")
        if not code:
            raise _strange("the provider refused")
        there = await self._discover(settings)
        token = await self._redeem(settings, there, code, pending)
        claims = await self._believe(settings, there, token, pending.nonce)
        user = await self._database.run(lambda c: self._user(c, claims, settings, pending.user))
        await self._book.joined()
        return await self._book.open(user, agent, "oidc")

    def _sure(self) -> OidcSettings:
        settings = self._settings()
        if settings is None:
            raise NotFound("no identity provider is configured", hint="login.oidc in the configuration names one")
        return settings

    async def _discover(self, settings: OidcSettings) -> _Discovered:
        now = self._clock.monotonic()
        async with self._asking:
            if self._known is not None and self._known[0] == settings.issuer and self._known[1] > now:
                return self._known[2]
            url = f"{settings.issuer.rstrip('/')}/.well-known/openid-configuration"
            found = _decoded(await fetch(url), _Discovered)
            if found.issuer != settings.issuer:
                raise UpstreamError(
                    "the identity provider calls itself by another issuer", hint="see login.oidc.issuer"
                )
            if not all(map(may_ask, (found.authorization_endpoint, found.token_endpoint, found.jwks_uri))):
                raise UpstreamError("the identity provider names an address that is not https")
            self._known = (settings.issuer, now + _FRESH, found)
            return found

    async def _redeem(self, settings: OidcSettings, there: _Discovered, code: str, pending: _Pending) -> str:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": pending.back,
            "client_id": settings.client_id,
            "code_verifier": pending.verifier,
        }
        headers = {}
        if settings.client_secret:  # RFC 6749, section 2.3.1
            pair = f"{quote(settings.client_id, safe='')}:{quote(settings.client_secret, safe='')}"
            headers["authorization"] = f"Basic {b64encode(pair.encode()).decode()}"
        return _decoded(await fetch(there.token_endpoint, urlencode(form).encode(), headers), _Tokens).id_token

    async def _believe(self, settings: OidcSettings, there: _Discovered, token: str, nonce: str) -> dict[str, Any]:
        try:
            return checked(token, await self._key_set(there, _FRESH), settings, nonce)
        except UnknownKey:
            return checked(token, await self._key_set(there, _AGAIN), settings, nonce)

    async def _key_set(self, there: _Discovered, oldest: float) -> list[dict[str, Any]]:
        """The provider's keys, at most `oldest` seconds old."""
        now = self._clock.monotonic()
        async with self._asking:
            if self._keys is None or self._keys[0] != there.jwks_uri or now - self._keys[1] >= oldest:
                self._keys = (there.jwks_uri, now, _decoded(await fetch(there.jwks_uri), _KeySet).keys)
            return self._keys[2]

    def _user(self, connection: Connection, claims: dict[str, Any], settings: OidcSettings, tie: str) -> User:
        """Who it is here.  Raises Forbidden for somebody who may not come in."""
        now, subject, email = self._clock.unix(), claims["sub"], email_of(claims)
        if settings.allowed_domains and email.rpartition("@")[2] not in settings.allowed_domains:
            raise Forbidden("nobody with this e-mail address may come in", code="not_invited")
        role = role_of(claims, settings)
        found = logins.identity(connection, settings.issuer, subject)
        if tie:
            if found is not None and found.id != tie:
                raise Forbidden("another user has this identity", code="identity_taken")
            found = found or logins.user(connection, tie)
        elif found is None and settings.auto_create:
            taken = bool(email) and logins.called(connection, email) is not None
            name = claims.get("name")
            found = User(
                id=short_id("user"),
                name=name[:200] if isinstance(name, str) else "",
                email="" if taken else email,
                role=role or UserRole.MEMBER,
                created_at=now,
            )
            logins.add_user(connection, found)
        if found is None:
            raise Forbidden("nobody here is known by this identity", hint="ask an admin", code="not_invited")
        logins.add_identity(connection, Identity(issuer=settings.issuer, subject=subject, user=found.id, since=now))
        last = found.role is UserRole.ADMIN and logins.admins(connection) <= 1
        if role is not None and role is not found.role and not last:
            logins.set_role(connection, found.id, role)
        return found


def _decoded(data: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(data, type=kind)
    except msgspec.MsgspecError:
        raise UpstreamError("the identity provider's answer is not what OpenID Connect says") from None


def _strange(why: str) -> Forbidden:
    return Forbidden(f"this login cannot be finished: {why}", hint="begin again", code="login_not_begun")

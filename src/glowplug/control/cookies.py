"""The session's cookie.  Pure.

`__Host-glowplug` over https, which no other host and no plain-text page can set (RFC 6265bis, section 4.1.3.2), and
`glowplug_session` on loopback, where there is no https.  A login over plain http from elsewhere is refused.
"""

from __future__ import annotations

from typing import Protocol
from urllib.parse import urlsplit

from glowplug.errors import Forbidden

SECURE = "__Host-glowplug"
LOOPBACK = "glowplug_session"
WAITING = "glowplug_oidc"
_LOOPBACK = ("localhost", "127.0.0.1", "[::1]")


class Headers(Protocol):
    """The part of a request's headers that is needed here."""

    def getlist(self, key: str) -> list[str]: ...


def token_in(headers: Headers) -> str | None:
    """The token of the session a request brings.  One that is there twice is none: nobody knows who set the other."""
    found: dict[str, list[str]] = {}
    for line in headers.getlist("cookie"):
        for pair in line.split(";"):
            name, equals, value = pair.strip().partition("=")
            if equals and name in (SECURE, LOOPBACK):
                found.setdefault(name, []).append(value.strip())
    values = found.get(SECURE)
    if values is None and _on_loopback(headers):
        values = found.get(LOOPBACK)
    return values[0] if values is not None and len(values) == 1 and values[0] else None


def own_page(headers: Headers) -> None:
    """Refuse requests that a page of another server made, also of another port of this host.  Raises Forbidden."""
    host = _one(headers, "host").lower()
    origins = headers.getlist("origin")
    strange = any(urlsplit(origin.lower()).netloc != host for origin in origins)
    if strange or _one(headers, "sec-fetch-site") in ("cross-site", "same-site"):
        raise Forbidden(
            "only this server's own pages may use a session", hint="use an API key instead", code="origin_not_allowed"
        )


def needs_https(headers: Headers) -> None:
    """Refuse to take a password or give a session over plain http beyond loopback.  Raises Forbidden."""
    if not _https(headers) and not _on_loopback(headers):
        raise Forbidden(
            "passwords and sessions need https here",
            hint="put a proxy with TLS in front that sets X-Forwarded-Proto, or use http://127.0.0.1 on the machine",
            code="https_needed",
        )


def set_cookie(headers: Headers, token: str, lasts: float) -> str:
    """The `Set-Cookie` that answers a login; `lasts`: seconds.  Raises Forbidden over plain http beyond loopback."""
    needs_https(headers)
    if _https(headers):
        return f"{SECURE}={token}; Path=/; Max-Age={lasts:.0f}; Secure; HttpOnly; SameSite=Strict"
    return f"{LOOPBACK}={token}; Path=/; Max-Age={lasts:.0f}; HttpOnly; SameSite=Strict"


def clear_cookies() -> tuple[str, str]:
    """The `Set-Cookie` headers that answer a logout."""
    return (
        f"{SECURE}=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Strict",
        f"{LOOPBACK}=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict",
    )


def own_url(headers: Headers) -> str:
    """How the browser reached this server; Host has been checked."""
    scheme = "https" if _https(headers) else "http"
    return f"{scheme}://{_one(headers, 'host')}"


def set_waiting(headers: Headers, token: str, lasts: float) -> str:
    """The `Set-Cookie` that a browser keeps while it is at an identity provider, and brings back from there (Lax)."""
    needs_https(headers)
    secure = "; Secure" if _https(headers) else ""
    return f"{WAITING}={token}; Path=/auth/oidc; Max-Age={lasts:.0f}{secure}; HttpOnly; SameSite=Lax"


def waiting_in(headers: Headers) -> str:
    """What `set_waiting` gave it; empty for none or more than one."""
    pairs = [pair.strip().partition("=") for line in headers.getlist("cookie") for pair in line.split(";")]
    values = [value for name, _, value in pairs if name == WAITING]
    return values[0] if len(values) == 1 else ""


def _https(headers: Headers) -> bool:
    """Browsers name the origin of every POST; a proxy that ends TLS says so."""
    return _one(headers, "origin").lower().startswith("https://") or _one(headers, "x-forwarded-proto") == "https"


def _on_loopback(headers: Headers) -> bool:
    host = _one(headers, "host").lower()
    name = host.partition("]")[0] + "]" if host.startswith("[") else host.partition(":")[0]
    return name in _LOOPBACK


def _one(headers: Headers, name: str) -> str:
    values = headers.getlist(name)
    return values[0].strip() if len(values) == 1 else ""

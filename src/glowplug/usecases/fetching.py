"""Asking an identity provider: https, or http on loopback; bounded in size and time, no redirect is followed."""

from __future__ import annotations

import asyncio
import http.client
import ssl
from urllib.parse import urlsplit

from glowplug.errors import UpstreamError

_MOST = 1 << 20
"""Bytes of an answer."""
_WITHIN = 10.0
"""Seconds for everything."""
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


async def fetch(url: str, form: bytes | None = None, headers: dict[str, str] | None = None) -> bytes:
    """The body of a GET, or of a POST of `form`.  Raises UpstreamError for whatever is not a 200 in bounds."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.username is not None or not host or not may_ask(url):
        raise UpstreamError(f"{url[:200]} is not asked", hint="identity providers are asked over https only")
    try:
        async with asyncio.timeout(_WITHIN):
            return await asyncio.to_thread(_ask, url, form, dict(headers or {}))
    except TimeoutError:
        raise UpstreamError(f"{host} did not answer within {_WITHIN:.0f} seconds") from None


def may_ask(url: str) -> bool:
    """Whether this may be asked: https, or http on loopback."""
    parts = urlsplit(url)
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)


def _ask(url: str, form: bytes | None, headers: dict[str, str]) -> bytes:
    parts = urlsplit(url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if form is not None:
        headers |= {"content-type": "application/x-www-form-urlencoded"}
    connection = _connection(parts.scheme, parts.hostname or "", parts.port)
    try:
        connection.request("GET" if form is None else "POST", target, form, headers | {"accept": "application/json"})
        answer = connection.getresponse()
        body = answer.read(_MOST + 1)
    except (OSError, http.client.HTTPException) as error:
        raise UpstreamError(f"{parts.hostname} cannot be asked: {type(error).__name__}") from None
    finally:
        connection.close()
    if answer.status != 200:
        raise UpstreamError(f"{parts.hostname} answered {answer.status}")
    if len(body) > _MOST:
        raise UpstreamError(f"the answer of {parts.hostname} is longer than {_MOST} bytes")
    return body


def _connection(scheme: str, host: str, port: int | None) -> http.client.HTTPConnection:
    if scheme == "https":
        return http.client.HTTPSConnection(host, port, timeout=_WITHIN / 2, context=ssl.create_default_context())
    return http.client.HTTPConnection(host, port, timeout=_WITHIN / 2)

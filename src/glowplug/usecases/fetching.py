"""Asking an identity provider: https, or http on loopback; bounded in size and time, no redirect is followed.

Its name is looked up once, what it stands for is checked, and that address is connected to (`config.pinning`): the
document of a provider names further places, and those are no more trusted than an address that came through an API.
"""

from __future__ import annotations

import asyncio
import ssl
from typing import Final
from urllib.parse import SplitResult, urlsplit

import httptools

from glowplug.config.egress import url_objection
from glowplug.config.pinning import Lookup, connect, resolve
from glowplug.errors import UpstreamError

_MOST: Final = 1 << 20
"""Bytes of an answer."""
_HEAD: Final = 1 << 16
"""Bytes of its head, and of what else is no body."""
_WITHIN: Final = 10.0
"""Seconds for everything."""
_LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")


async def fetch(
    url: str,
    form: bytes | None = None,
    headers: dict[str, str] | None = None,
    *,
    lookup: Lookup = resolve,
    tls: ssl.SSLContext | None = None,
    within: float = _WITHIN,
) -> bytes:
    """The body of a GET, or of a POST of `form`.  Raises UpstreamError for whatever is not a 200 in bounds.

    `tls`: how certificates are verified, where not by the system's authorities.
    """
    if not may_ask(url) or (parts := urlsplit(url)).username is not None:
        why = url_objection(url)
        hint = f"it {why}" if why else "identity providers are asked over https only"
        raise UpstreamError(f"{url[:200]} is not asked", hint=hint)
    host = parts.hostname or ""
    secure = parts.scheme == "https"
    try:
        asked = _request(parts, form, headers or {})
        port = parts.port or (443 if secure else 80)
        context = (tls or await asyncio.to_thread(ssl.create_default_context)) if secure else None
        async with asyncio.timeout(within):
            loop = asyncio.get_running_loop()
            transport, answer = await connect(lambda: _Answer(loop.create_future()), host, port, context, lookup)
            try:
                transport.write(asked)
                return await answer.done
            finally:
                transport.abort()
    except TimeoutError:
        raise UpstreamError(f"{host} did not answer within {within:.0f} seconds") from None
    except _Wrong as error:
        raise UpstreamError(f"{host} {error}") from None
    except (OSError, ValueError) as error:
        raise UpstreamError(f"{host} cannot be asked: {_said(error)}") from None


def may_ask(url: str) -> bool:
    """Whether this may be asked: https, or http on loopback, and no address that the egress rules refuse."""
    if url_objection(url):
        return False
    parts = urlsplit(url)
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)


class _Wrong(Exception):
    """An answer that is none.  Its text goes on after the host's name."""


class _Answer(asyncio.Protocol):
    """One response on its way."""

    def __init__(self, done: asyncio.Future[bytes]) -> None:
        self.done = done
        self._parser = httptools.HttpResponseParser(self)
        self._body: list[bytes] = []
        self._size = self._arrived = self._status = 0
        self._framed = False
        """Its head says where it ends; otherwise the end of the connection does (RFC 9112, section 6.3)."""

    def data_received(self, data: bytes) -> None:
        self._arrived += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._fail("did not answer in HTTP/1.1")
        if self._arrived - self._size > _HEAD:
            self._fail(f"answered with more than {_HEAD} bytes around the content")

    def on_header(self, name: bytes, value: bytes) -> None:
        self._framed = self._framed or name.lower() in (b"content-length", b"transfer-encoding")

    def on_headers_complete(self) -> None:
        self._status = self._parser.get_status_code()
        if self._status >= 200 and self._status != 200:
            self._fail(f"answered {self._status}")

    def on_body(self, data: bytes) -> None:
        self._size += len(data)
        if self._size > _MOST:
            self._fail(f"answered with more than {_MOST} bytes")
        elif not self.done.done():
            self._body.append(data)

    def on_message_complete(self) -> None:
        if self._status == 200 and not self.done.done():
            self.done.set_result(b"".join(self._body))

    def connection_lost(self, exc: Exception | None) -> None:
        if self._status == 200 and exc is None and not self._framed:
            self.on_message_complete()
        else:
            self._fail("closed the connection")

    def _fail(self, why: str) -> None:
        self._body.clear()
        if not self.done.done():
            self.done.set_exception(_Wrong(why))


def _request(parts: SplitResult, form: bytes | None, headers: dict[str, str]) -> bytes:
    """Raises ValueError for what would not stay within its line."""
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    fields = {"host": parts.netloc, "accept": "application/json", "connection": "close", **headers}
    if form is not None:
        fields |= {"content-type": "application/x-www-form-urlencoded", "content-length": str(len(form))}
    lines = [f"{'GET' if form is None else 'POST'} {target} HTTP/1.1", *(f"{k}: {v}" for k, v in fields.items())]
    if any(not (line.isascii() and line.isprintable()) for line in lines) or " " in target:
        raise ValueError("its address has characters that a URL has not")
    return "\r\n".join([*lines, "", ""]).encode() + (form or b"")


def _said(error: OSError | ValueError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not believed: {error.verify_message}"
    return str(error) if not isinstance(error, OSError) or error.errno is None else type(error).__name__

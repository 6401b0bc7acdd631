"""One client connection: bytes to requests and, in order, requests to answers.

The HTTP grammar is llhttp's in its strict mode: two lengths, a length beside chunked, a bare LF, a folded header, a
space before a colon are errors there, and here the end of the connection.
"""

from __future__ import annotations

import asyncio
import logging
from time import monotonic
from typing import TYPE_CHECKING, Final, cast

import httptools

from glowplug.errors import BodyTooLarge, GlowplugError, HeadersTooLarge, InternalError, RequestError, RequestTimeout
from glowplug.gateway import answer, dispatch, intake, refusals
from glowplug.gateway.access import check_route
from glowplug.gateway.auth import authenticate
from glowplug.gateway.call import Call
from glowplug.gateway.handover import Handover, Tunnel
from glowplug.gateway.kinds import OPENAI, PATHS, Kind
from glowplug.gateway.realtime import Realtime
from glowplug.gateway.repeats import TRIES, Expected, Head, again, remember
from glowplug.gateway.tables import Key
from glowplug.wire.http1 import CONTINUE

if TYPE_CHECKING:
    from glowplug.gateway.plane import Plane

INF: Final = float("inf")
_QUEUE: Final = 64
"""Pipelined requests that may wait behind the running one."""
_LINGER: Final = 5.0
"""Seconds a refused request's rest is read and thrown away: a close with unread bytes would reset the connection and
might destroy the answer on its way (RFC 9112 §9.6)."""

log = logging.getLogger("glowplug.worker")


Request = tuple[bytes, bytes, dict[bytes, bytes], bytes, bool, bool, Kind | None, Key | None, GlowplugError | None]
"""One parsed request: method, target, headers, body, keep alive, HTTP/1.0, kind, key, error.  A plain tuple of the
arguments of `_begin`: most requests are served at once and never become one."""


class ClientConnection:
    """An `asyncio.Protocol` (without that base, which no native class can have): reads requests, serves one at a time,
    keeps the rest in line with reading paused."""

    __slots__ = (
        "bad", "call", "client", "cors", "deadline", "expected", "full", "gone", "head", "head_bytes", "headers",
        "heads_seen", "http10", "in_head", "in_message", "keep", "key", "kind", "parser", "parts", "piece", "plane",
        "queue", "reading", "refused", "seen", "size", "tr", "tunnel", "url", "version",
    )  # fmt: skip

    tr: asyncio.Transport

    def __init__(self, plane: Plane) -> None:
        self.plane = plane
        self.call: Call | Handover | Tunnel | None = None
        self.queue: list[Request] = []
        self.parser = httptools.HttpRequestParser(self)
        self.reading = True
        self.in_head = True
        self.in_message = self.full = self.gone = self.refused = self.http10 = False
        self.keep = True
        self.bad: GlowplugError | None = None
        self.key: Key | None = None
        self.kind: Kind | None = None
        self.tunnel: Tunnel | Realtime | None = None
        self.client = ""
        self.cors = b""
        self.deadline = INF
        self.size = self.head_bytes = self.piece = self.heads_seen = 0
        self.expected: Expected | None = None
        self.seen: Head | None = None
        """The head of the last request, when it may well come again."""
        self.version = ""
        self.url = b""
        self.headers: dict[bytes, bytes] = {}
        """Header fields as they come."""
        self.head: dict[bytes, bytes] = {}
        """Those of the last complete head."""
        self.parts: list[bytes] = []

    # ---- transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.tr = cast(asyncio.Transport, transport)
        peer = transport.get_extra_info("peername")
        self.client = peer[0] if isinstance(peer, tuple) else "local"
        self.deadline = monotonic() + self.plane.tables.limits.head_timeout
        if not self.plane.joined(self, self.client):
            self._refuse(refusals.too_many_connections())

    def connection_lost(self, exc: Exception | None) -> None:
        self.gone = True
        self.plane.left(self, self.client)
        self.queue.clear()
        call, self.call = self.call, None
        if call is not None:
            call.client_gone()

    def eof_received(self) -> bool:
        return False

    def pause_writing(self) -> None:
        self.full = True
        self.deadline = monotonic() + self.plane.tables.limits.write_timeout
        if self.call is not None:
            self.call.pause()

    def resume_writing(self) -> None:
        self.full = False
        if self.call is not None:
            self.deadline = INF
            self.call.resume()
        elif not self.refused:
            self.deadline = monotonic() + self.plane.tables.limits.keep_alive
            self.plane.loop.call_soon(self._next)

    def data_received(self, data: bytes) -> None:
        if self.tunnel is not None:
            self.tunnel.client_data(data)
            return
        if self.refused or (self.seen is not None and again(self, data)):
            return
        size = self.piece = len(data)
        whole, begun = data, self.in_message
        if self.in_head:
            self.head_bytes += size
        while data:
            try:
                self.parser.feed_data(data)
                break
            except httptools.HttpParserUpgrade as upgrade:
                data = self._upgrade(data[upgrade.args[0] :])
            except httptools.HttpParserCallbackError as error:
                self._broken(error)
                return
            except httptools.HttpParserError as error:
                self._refuse(RequestError(f"The request is not valid HTTP/1.1: {error}", code="malformed_request"))
                return
        if self.in_message or self.head_bytes:
            self._unfinished(begun)
        if self.seen is None and not begun and self.heads_seen < TRIES and self.kind is not None and self.bad is None:
            self.heads_seen += 1
            self.seen = remember(whole, self.url, self.head, self.kind, self.plane.tables.snapshot)

    def _unfinished(self, begun: bool) -> None:
        """A request has arrived in part; `begun`: it had before these bytes."""
        limits = self.plane.tables.limits
        if self.in_head and self.head_bytes > limits.head_bytes:
            self._refuse(HeadersTooLarge(f"The head is longer than {limits.head_bytes} bytes"))
        elif self.call is None and not self.refused:
            if not self.in_head:
                self.deadline = monotonic() + limits.body_timeout
            elif not begun:  # the head has one deadline, however it drips
                self.deadline = monotonic() + limits.head_timeout

    # ---- httptools callbacks

    def on_message_begin(self) -> None:
        self.in_message = self.in_head = True
        self.url = b""
        self.headers = {}
        self.parts = []
        self.size = 0
        self.bad = None
        self.key = None
        self.kind = None

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        low = name.lower()
        headers = self.headers
        if low in headers:
            self._repeated(low, value)
        else:
            headers[low] = value

    def _repeated(self, low: bytes, value: bytes) -> None:
        if low in intake.ONCE:
            self.bad = RequestError(f"The header {low.decode()} is there twice", code="malformed_request")
        self.headers[low] += (b"; " if low == b"cookie" else b", ") + value

    def on_headers_complete(self) -> None:
        self.in_head = False
        headers = self.head = self.headers
        if b"transfer-encoding" in headers:
            self.headers = {}  # takes the trailer fields, which nothing here needs (RFC 9110 §6.5.1)
        tables = self.plane.tables
        limits = tables.limits
        large = self.head_bytes > limits.head_bytes or self.piece > limits.head_bytes
        self.head_bytes = 0
        if self.refused:
            return
        version = self.version = self.parser.get_http_version()
        try:
            if self.bad is not None:
                raise self.bad
            if large and intake.head_size(self.url, headers) > limits.head_bytes:
                raise HeadersTooLarge(f"The head is longer than {limits.head_bytes} bytes")
            intake.check_head(tables, self.url, version, headers)
            kind = PATHS.get(self.url.partition(b"?")[0])
            if kind is not None:
                self._admit(kind, headers)
            length = headers.get(b"content-length")
            if length is not None and int(length) > limits.body_bytes:
                raise BodyTooLarge(f"The body is {int(length)} bytes long; at most {limits.body_bytes} are taken")
        except GlowplugError as error:
            self.bad = error
            self.kind = PATHS.get(self.url.partition(b"?")[0])  # says in which words it is refused
            if intake.closes(error, headers, limits.head_bytes):
                self._refuse(error)
            return
        idle = self.call is None and not self.queue
        if idle and version != "1.0" and headers.get(b"expect", b"").lower() == b"100-continue":
            self.tr.write(CONTINUE)

    def _admit(self, kind: Kind, headers: dict[bytes, bytes]) -> None:
        """Find out whose model request this is.  Raises RequestError for another method, and what authenticate does."""
        method = self.parser.get_method()
        if method != b"POST":
            if method == b"OPTIONS" and b"origin" in headers:
                return  # a preflight carries no key
            if headers.get(b"upgrade", b"").lower() == b"websocket":
                raise refusals.no_websocket()
            raise RequestError("This route takes POST", code="method_not_allowed")
        self.kind = kind
        try:
            key = self.key = authenticate(self.plane.tables, headers)
            if key.route.routes:
                check_route(key, self.url.partition(b"?")[0])
        except GlowplugError as error:
            self.plane.metrics.auth_failures[error.code] += 1
            raise

    def on_body(self, data: bytes) -> None:
        self.size += len(data)
        limits = self.plane.tables.limits
        if self.bad is not None:
            if self.size > limits.head_bytes:
                self._refuse(self.bad)
        elif self.size > limits.body_bytes:
            self.parts = []
            self.bad = BodyTooLarge(f"The body is longer than {limits.body_bytes} bytes")
            self._refuse(self.bad)
        else:
            self.parts.append(data)

    def on_message_complete(self) -> None:
        self.in_message = False
        self.in_head = True
        if self.refused or (b"upgrade" in self.head and self.parser.should_upgrade()):
            return
        parts = self.parts
        body = parts[0] if len(parts) == 1 else b"".join(parts)
        self.parts = []
        bad = self.bad
        method = b"POST" if self.kind is not None and bad is None else self.parser.get_method()
        keep = self.parser.should_keep_alive()
        http10 = self.version == "1.0"
        if self.call is None and not self.queue and not self.full:
            self._begin(method, self.url, self.head, body, keep, http10, self.kind, self.key, bad)
            return
        self._enqueue((method, self.url, self.head, body, keep, http10, self.kind, self.key, bad))

    def _enqueue(self, request: Request) -> None:
        self.queue.append(request)
        if self.reading:
            self.reading = False
            self.tr.pause_reading()
        if len(self.queue) > _QUEUE:
            self.refused = True
            self.tr.abort()

    # ---- serving

    def _begin(
        self, method: bytes, target: bytes, headers: dict[bytes, bytes], body: bytes, keep: bool, http10: bool,
        kind: Kind | None, key: Key | None, error: GlowplugError | None,
    ) -> None:  # fmt: skip
        self.deadline = INF
        self.keep = keep and not self.plane.draining
        self.http10 = http10
        origin = headers.get(b"origin")
        self.cors = b"" if origin is None or error is not None else intake.cors_headers(origin)
        given = intake.given_request_id(headers) if b"x-request-id" in headers else ""
        rid = given or self.plane.request_ids.next()
        if error is not None:
            dispatch.refuse(self, method, error, rid, OPENAI if kind is None else kind.envelope)
        elif kind is not None and key is not None:
            call = self.call = Call(self, self.plane, key, kind, rid)
            if kind.queries and b"?" in target:
                call.query = target[target.index(b"?") :]
            call.run(body, headers)
        else:
            dispatch.begin(self, method, target, headers, body, rid)

    def call_done(self) -> None:
        """The current request has been answered."""
        self.call = None
        if self.gone:
            return
        if not self.keep or self.plane.draining:
            self.close()
            return
        self.deadline = monotonic() + self.plane.tables.limits.keep_alive
        if self.queue:
            self.plane.loop.call_soon(self._next)
        elif not self.reading:
            self.reading = True
            self.tr.resume_reading()

    def _next(self) -> None:
        if self.queue and self.call is None and not self.gone and not self.full:
            self._begin(*self.queue.pop(0))

    def _upgrade(self, rest: bytes) -> bytes:
        """The request asks for another protocol: a websocket is tunnelled, anything else is served as it stands.

        Returns what is to be parsed instead (RFC 9110 §7.8: a server may ignore Upgrade): llhttp stops behind such a
        head, so it goes, without the request to change, through a new parser.
        """
        if self.refused:
            return b""
        if self.head.get(b"upgrade", b"").lower() != b"websocket" or self.parser.get_method() != b"GET":
            parser, self.parser = self.parser, httptools.HttpRequestParser(self)
            version = parser.get_http_version().encode()
            return intake.without_upgrade(parser.get_method(), self.url, version, self.head) + rest
        headers = self.head
        if self.call is not None or self.queue or self.bad is not None:
            self._refuse(self.bad or RequestError("An upgrade cannot be pipelined", code="malformed_request"))
        elif b"content-length" in headers or b"transfer-encoding" in headers:
            self._refuse(RequestError("A websocket handshake has no body", code="malformed_request"))
        else:
            self.deadline = INF
            dispatch.upgrade(self, self.url, headers, rest)
        return b""

    # ---- ends

    def expired(self) -> None:
        """The connection's own deadline has passed."""
        if self.call is not None or self.refused:  # with a call it is armed only while the client reads nothing
            self.tr.abort()
        elif self.in_message or self.head_bytes:
            self._refuse(RequestTimeout("The request did not arrive in time"))
        else:
            self.close()

    def _broken(self, error: Exception) -> None:
        """Something of ours raised while a request was taken."""
        log.error("a request could not be handled", exc_info=error.__context__ or error)
        if self.call is not None:
            self.refused = True
            self.tr.abort()
        else:
            self._refuse(InternalError("Something went wrong here", hint="the log of the worker says what"))

    def _refuse(self, error: GlowplugError) -> None:
        """Answer an error, after what is still to be answered, and close; what still arrives is not read."""
        if self.refused:
            return
        self.refused = True
        self.parts = []
        if self.call is not None or self.queue:
            self._enqueue((b"", b"", {}, b"", False, False, self.kind, None, error))
            return
        self.keep = False
        envelope = OPENAI if self.kind is None else self.kind.envelope
        self.tr.write(answer.error(error, self.plane.request_ids.next(), answer.CLOSE, envelope))
        self.close()

    def shutdown(self) -> None:
        """The worker drains: finish what is running, begin nothing."""
        self.keep = False
        if self.call is None:
            self.close()

    def close(self) -> None:
        """Close after everything written has been sent, within the write deadline."""
        if self.gone:
            return
        self.refused = True
        now = monotonic()
        self.deadline = now + self.plane.tables.limits.write_timeout
        if not self.in_message:
            self.tr.close()
            return
        if not self.tr.get_write_buffer_size():
            self.deadline = now + _LINGER
        self.tr.write_eof()
        if not self.reading:
            self.reading = True
            self.tr.resume_reading()

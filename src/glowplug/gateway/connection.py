"""One client connection: bytes to requests and, in order, requests to answers.

The HTTP grammar is llhttp's in its strict mode: two lengths, a length beside chunked, a bare LF, a folded header, a
space before a colon are errors there, and here the end of the connection.
"""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import TYPE_CHECKING, Final, NamedTuple, cast

import httptools

from glowplug.errors import (
    BodyTooLarge,
    GlowplugError,
    HeadersTooLarge,
    RequestError,
    RequestTimeout,
    Unavailable,
)
from glowplug.gateway import answer, intake, local
from glowplug.gateway.auth import authenticate
from glowplug.gateway.call import Call
from glowplug.gateway.handover import Handover, Tunnel
from glowplug.gateway.tables import Key
from glowplug.ids import request_id
from glowplug.wire.http1 import CONTINUE

if TYPE_CHECKING:
    from glowplug.gateway.plane import Plane

INF: Final = float("inf")
_QUEUE: Final = 64
"""Pipelined requests that may wait behind the running one."""


class Request(NamedTuple):
    """One parsed request, ready to be served."""

    method: bytes
    target: bytes
    headers: dict[bytes, bytes]
    body: bytes
    keep: bool
    http10: bool
    kind: int | None
    key: Key | None
    error: GlowplugError | None


class ClientConnection(asyncio.Protocol):
    """Reads requests, serves one at a time, keeps the rest in line with reading paused."""

    __slots__ = (
        "bad", "call", "client", "cors", "deadline", "gone", "head_bytes", "headers", "http10", "in_head", "in_message",
        "keep", "key", "kind", "parser", "parts", "plane", "queue", "reading", "refused", "size", "tr", "tunnel", "url",
        "version",
    )  # fmt: skip

    tr: asyncio.Transport

    def __init__(self, plane: Plane) -> None:
        self.plane = plane
        self.call: Call | Handover | Tunnel | None = None
        self.queue: list[Request] = []
        self.parser = httptools.HttpRequestParser(self)
        self.reading = True
        self.in_head = True
        self.in_message = self.gone = self.refused = self.http10 = False
        self.keep = True
        self.bad: GlowplugError | None = None
        self.key: Key | None = None
        self.kind: int | None = None
        self.tunnel: Tunnel | None = None
        self.client = ""
        self.cors = b""
        self.deadline = INF
        self.size = self.head_bytes = 0
        self.version = ""
        self.url = b""
        self.headers: dict[bytes, bytes] = {}
        self.parts: list[bytes] = []

    # ---- transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.tr = cast(asyncio.Transport, transport)
        peer = transport.get_extra_info("peername")
        self.client = peer[0] if isinstance(peer, tuple) else "local"
        self.deadline = monotonic() + self.plane.tables.limits.head_timeout
        if not self.plane.joined(self, self.client):
            error = Unavailable("Too many connections from this client", code="too_many_connections", retry_after=1.0)
            self._refuse(error)

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
        self.deadline = monotonic() + self.plane.tables.limits.write_timeout
        if self.call is not None:
            self.call.pause()

    def resume_writing(self) -> None:
        if self.call is not None:
            self.deadline = INF
            self.call.resume()
        else:
            self.deadline = monotonic() + self.plane.tables.limits.keep_alive

    def data_received(self, data: bytes) -> None:
        if self.tunnel is not None:
            self.tunnel.client_data(data)
            return
        if self.refused:
            return
        if self.in_head:
            self.head_bytes += len(data)
            if self.call is None and not self.in_message:
                self.deadline = monotonic() + self.plane.tables.limits.head_timeout
        elif self.in_message and self.call is None:
            self.deadline = monotonic() + self.plane.tables.limits.body_timeout
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._upgrade(data[upgrade.args[0] :])
        except httptools.HttpParserError as error:
            if not self.refused:
                self._refuse(RequestError(f"The request is not valid HTTP/1.1: {error}", code="malformed_request"))
        if self.in_head and self.head_bytes > self.plane.tables.limits.head_bytes and not self.refused:
            self._refuse(HeadersTooLarge(f"The head is longer than {self.plane.tables.limits.head_bytes} bytes"))

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
        if not self.in_head:
            return  # a trailer field: nothing here needs one (RFC 9110 §6.5.1)
        low = name.lower()
        headers = self.headers
        if low in headers:
            if low in intake.ONCE:
                self.bad = RequestError(f"The header {low.decode()} is there twice", code="malformed_request")
            value = headers[low] + (b"; " if low == b"cookie" else b", ") + value
        headers[low] = value

    def on_headers_complete(self) -> None:
        self.in_head = False
        self.head_bytes = 0
        headers = self.headers
        limits = self.plane.tables.limits
        try:
            if self.bad is not None:
                raise self.bad
            self.version = self.parser.get_http_version()
            intake.check_head(self.plane.tables, self.url, self.version, headers)
            self.kind = intake.MODEL_PATHS.get(self.url.partition(b"?")[0])
            if self.kind is not None:
                if self.parser.get_method() != b"POST":
                    raise RequestError("This route takes POST", code="method_not_allowed")
                try:
                    self.key = authenticate(self.plane.tables, headers)
                except GlowplugError:
                    self.plane.metrics.auth_failures += 1
                    raise
            length = int(headers.get(b"content-length", b"0"))
            if length > limits.body_bytes:
                raise BodyTooLarge(f"The body is {length} bytes long; at most {limits.body_bytes} are taken")
        except GlowplugError as error:
            self.bad = error
            if (
                self.call is None
                and b"content-length" in headers
                and int(headers[b"content-length"]) > limits.head_bytes
            ):
                self._refuse(error)  # do not wait for a body that is refused anyway
            return
        if b"expect" in headers and self.call is None and headers[b"expect"].lower() == b"100-continue":
            self.tr.write(CONTINUE)

    def on_body(self, data: bytes) -> None:
        self.size += len(data)
        if self.bad is not None:
            if self.size > self.plane.tables.limits.head_bytes and self.call is None and not self.refused:
                self._refuse(self.bad)
            return
        if self.size > self.plane.tables.limits.body_bytes:
            self.parts = []
            self.bad = BodyTooLarge(f"The body is longer than {self.plane.tables.limits.body_bytes} bytes")
        else:
            self.parts.append(data)

    def on_message_complete(self) -> None:
        self.in_message = False
        self.in_head = True
        if self.refused or self.parser.should_upgrade():
            return
        parts = self.parts
        body = parts[0] if len(parts) == 1 else b"".join(parts)
        self.parts = []
        bad = self.bad
        keep = self.parser.should_keep_alive() and (bad is None or self.size <= self.plane.tables.limits.head_bytes)
        request = Request(
            self.parser.get_method(),
            self.url,
            self.headers,
            body,
            keep,
            self.version == "1.0",
            self.kind,
            self.key,
            bad,
        )
        if self.call is None and not self.queue:
            self._begin(request)
            return
        self.queue.append(request)
        if self.reading:
            self.reading = False
            self.tr.pause_reading()
        if len(self.queue) > _QUEUE:
            self.tr.abort()

    # ---- serving

    def _begin(self, request: Request) -> None:
        self.deadline = INF
        self.keep = request.keep and not self.plane.draining
        self.http10 = request.http10
        origin = request.headers.get(b"origin")
        self.cors = intake.cors_headers(origin) if origin is not None and request.error is None else b""
        rid = intake.given_request_id(request.headers) or request_id()
        if request.error is not None:
            self._answer_error(request, request.error, rid)
        elif request.kind is not None and request.key is not None:
            call = self.call = Call(self, self.plane, request.key, request.kind, rid)
            call.run(request.body)
        else:
            self._begin_other(request, rid)

    def _begin_other(self, request: Request, rid: str) -> None:
        if request.method == b"OPTIONS" and self.cors:
            self._answer(request, 200, intake.preflight_headers(request.headers) + self.cors, b"")
            return
        try:
            result = local.serve(self.plane, request.method, request.target.partition(b"?")[0], request.headers)
        except GlowplugError as error:
            self._answer_error(request, error, rid)
            return
        if result is not None:
            status, lines, body = result
            self._answer(request, status, b"%bx-request-id: %b\r\n%b" % (lines, rid.encode(), self.cors), body)
            return
        handover = self.call = Handover(self, self.plane, rid)
        handover.run(request.method, request.target, list(request.headers.items()), request.body)

    def _answer(self, request: Request, status: int, lines: bytes, body: bytes) -> None:
        connection = answer.connection_header(self.keep, self.http10)
        self.tr.write(answer.whole(status, lines, body, connection, head_only=request.method == b"HEAD"))
        self.call_done()

    def _answer_error(self, request: Request, error: GlowplugError, rid: str) -> None:
        connection = answer.connection_header(self.keep, self.http10)
        self.tr.write(answer.error(error, rid, connection, head_only=request.method == b"HEAD"))
        self.call_done()

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
        if self.queue and self.call is None and not self.gone and not self.refused:
            self._begin(self.queue.pop(0))

    def _upgrade(self, rest: bytes) -> None:
        """The request asks for another protocol: a websocket is tunnelled, anything else is served as it stands."""
        if self.refused:
            return
        headers = self.headers
        if self.call is not None or self.queue or self.bad is not None:
            self._refuse(self.bad or RequestError("An upgrade cannot be pipelined", code="malformed_request"))
        elif headers.get(b"upgrade", b"").lower() == b"websocket" and self.parser.get_method() == b"GET":
            self.deadline = INF
            tunnel = self.call = self.tunnel = Tunnel(self, self.plane, request_id())
            tunnel.run(self.parser.get_method(), self.url, list(headers.items()), rest)
        else:
            # RFC 9110 §7.8: a server may ignore Upgrade.  llhttp stops there, so the head goes through a new parser.
            method, url = self.parser.get_method(), self.url
            lines = b"".join(b"%b: %b\r\n" % h for h in headers.items() if h[0] not in (b"upgrade", b"connection"))
            self.parser = httptools.HttpRequestParser(self)
            self.data_received(b"%b %b HTTP/1.1\r\n%b\r\n%b" % (method, url, lines, rest))

    # ---- ends

    def expired(self) -> None:
        """The connection's own deadline has passed."""
        if self.call is not None:  # armed only while the client reads nothing
            self.tr.abort()
        elif self.in_message or self.head_bytes:
            self._refuse(RequestTimeout("The request did not arrive in time"))
        else:
            self.close()

    def _refuse(self, error: GlowplugError) -> None:
        """Answer an error and close; what still arrives is not read."""
        self.refused = True
        self.keep = False
        if self.call is not None:  # a pipelined request went wrong: the running answer must not be mixed up
            self.tr.abort()
            return
        self.tr.write(answer.error(error, request_id(), answer.CLOSE))
        self.close()

    def shutdown(self) -> None:
        """The worker drains: finish what is running, begin nothing."""
        self.keep = False
        if self.call is None:
            self.close()

    def close(self) -> None:
        """Close after everything written has been sent, within the write deadline."""
        if not self.gone:
            self.deadline = monotonic() + self.plane.tables.limits.write_timeout
            self.tr.close()

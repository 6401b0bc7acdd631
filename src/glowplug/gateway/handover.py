"""Everything that is not model traffic: relayed to the control process over its Unix socket.

A request goes through the same upstream connections as model traffic, with its response streamed as it comes.  An
upgraded connection (a websocket) becomes two byte streams copied into each other.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, cast

from glowplug.errors import Unavailable
from glowplug.gateway import answer
from glowplug.gateway.upstream import Dialing, UpstreamConnection
from glowplug.wire.http1 import (
    HOP_BY_HOP,
    LAST_CHUNK,
    STATUS_LINES,
    Headers,
    connection_tokens,
    fields,
    header,
    request_head,
)

if TYPE_CHECKING:
    from glowplug.gateway.connection import ClientConnection
    from glowplug.gateway.plane import Plane

INF: Final = float("inf")
_FIRST_REPLY: Final = 16_384
"""Bytes of a websocket handshake's answer that are looked at, at most."""


def _gone() -> Unavailable:
    return Unavailable(
        "The control process is not reachable",
        hint="models go on being served; it is restarted by itself, try again in a moment",
        code="control_unavailable",
        retry_after=1.0,
    )


class Handover:
    """One request that the control process answers.  The sink of its upstream connection."""

    __slots__ = (
        "chunked", "conn", "deadline", "dial", "fresh", "head_only", "over", "payload", "plane", "request_id", "sent",
        "up",
    )  # fmt: skip

    def __init__(self, conn: ClientConnection, plane: Plane, request_id: str) -> None:
        self.conn = conn
        self.plane = plane
        self.request_id = request_id
        self.deadline = INF
        self.chunked = self.fresh = self.head_only = self.over = self.sent = False
        self.up: UpstreamConnection | None = None
        self.dial: Dialing | None = None
        self.payload = b""

    def run(self, method: bytes, target: bytes, headers: Headers, body: bytes) -> None:
        # The response parser cannot know that a response answers HEAD, so control is asked with GET.
        self.head_only = method == b"HEAD"
        verb = b"GET" if self.head_only else method
        extra = [(b"x-request-id", self.request_id.encode()), (b"x-glowplug-peer", self.conn.client.encode())]
        kept = [(n, v) for n, v in headers if n.lower() not in (b"x-request-id", b"x-glowplug-peer")]
        head = request_head(verb, target, _host(headers), kept, len(body))
        # Ours come after the client's Connection header has been heard, which could name them to have them dropped.
        ours = b"".join(b"%b: %b\r\n" % field for field in extra)
        self.payload = b"%b%b\r\n%b" % (head[:-2], ours, body)
        self.dial = self.plane.control.start(self, self.payload)

    def up_head(self, status: int, head: bytes) -> None:
        conn = self.conn
        headers = fields(head)
        dropped = HOP_BY_HOP | connection_tokens(headers)
        lines = b"".join(b"%b: %b\r\n" % f for f in headers if f[0] not in dropped and f[0] != b"content-length")
        length = header(headers, b"content-length")
        bodiless = status in (204, 304)
        if length is not None or bodiless or self.head_only:
            size = b"content-length: %b\r\n" % length if length is not None and not bodiless else b""
            connection = answer.connection_header(conn.keep, conn.http10)
            begin = b"%b%b%b%b\r\n" % (STATUS_LINES[status], lines + conn.cors, size, connection)
        else:
            self.chunked = not conn.http10
            conn.keep = conn.keep and not conn.http10
            begin = answer.stream_head(status, lines + conn.cors, b"" if conn.keep else answer.CLOSE, conn.http10)
        self.sent = True
        conn.tr.write(begin)

    def up_data(self, data: bytes) -> None:
        if data and not self.head_only:
            self.conn.tr.write(b"%x\r\n%b\r\n" % (len(data), data) if self.chunked else data)

    def up_end(self, data: bytes) -> None:
        self.up = None
        self.up_data(data)
        if self.chunked and not self.head_only:
            self.conn.tr.write(LAST_CHUNK)
        self._done()

    def up_fail(self, why: str, stale: bool) -> None:
        self.up = self.dial = None
        if self.over:
            return
        if stale and not self.fresh and not self.sent:
            self.fresh = True
            self.dial = self.plane.control.start(self, self.payload, fresh=True)
            return
        if self.sent:
            self.conn.keep = False
        else:
            connection = answer.connection_header(self.conn.keep, self.conn.http10)
            self.conn.tr.write(answer.error(_gone(), self.request_id, connection, head_only=self.head_only))
        self._done()

    def _done(self) -> None:
        if not self.over:
            self.over = True
            self.conn.call_done()

    # ---- what a connection asks of whatever it is serving

    def expire(self, now: float) -> None:
        """Handed-over requests have no deadline of ours."""

    def client_gone(self) -> None:
        self.over = True
        self._drop()

    def pause(self) -> None:
        if self.up is not None:
            self.up.pause()

    def resume(self) -> None:
        if self.up is not None:
            self.up.resume()

    def shut(self) -> None:
        self._drop()
        if not self.over:
            self.conn.keep = False
            self._done()

    def _drop(self) -> None:
        up, self.up = self.up, None
        if up is not None:
            up.abort()
        dial, self.dial = self.dial, None
        if dial is not None:
            dial.cancel()


class Tunnel(asyncio.Protocol):
    """An upgraded connection: bytes from the client to the control process and back.

    Bytes of the client pass only after control has answered 101, so that a refused upgrade cannot carry requests past
    the worker.
    """

    def __init__(self, conn: ClientConnection, plane: Plane, request_id: str) -> None:
        self.conn = conn
        self.plane = plane
        self.request_id = request_id
        self.deadline = INF
        self._tr: asyncio.Transport | None = None
        self._open = False
        self._begun = False
        self._pending = b""
        self._reply = b""
        self._request = b""
        self._dial: asyncio.Task[None] | None = None

    def run(self, method: bytes, target: bytes, headers: Headers, rest: bytes) -> None:
        extra = [
            (b"x-request-id", self.request_id.encode()),
            (b"x-glowplug-peer", self.conn.client.encode()),
            (b"connection", b"Upgrade"),
            (b"upgrade", b"websocket"),
        ]
        replaced = frozenset((b"host", *(name for name, _ in extra)))
        kept = [(n, v) for n, v in headers if n.lower() not in replaced]
        lines = b"".join(b"%b: %b\r\n" % (n, v) for n, v in kept + extra)
        self._request = b"%b %b HTTP/1.1\r\nhost: %b\r\n%b\r\n" % (method, target, _host(headers), lines)
        self._pending = rest
        self._dial = self.plane.loop.create_task(self._connect())

    async def _connect(self) -> None:
        try:
            await self.plane.loop.create_unix_connection(lambda: self, self.plane.control_socket)
        except OSError:
            self.conn.tr.write(answer.error(_gone(), self.request_id, answer.CLOSE))
            self.conn.close()

    # ---- the control side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._tr = cast(asyncio.Transport, transport)
        self._tr.write(self._request)

    def data_received(self, data: bytes) -> None:
        if not self._begun:
            self._reply += data
            if len(self._reply) < 12 and b"HTTP/1.1 101".startswith(self._reply[:12]):
                return
            self._begun = True
            self._open = self._reply.startswith(b"HTTP/1.1 101")
            data, self._reply = self._reply, b""
            if self._open and self._pending and self._tr is not None:
                self._tr.write(self._pending)
            self._pending = b""
        self.conn.tr.write(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._tr = None
        self.conn.close()

    def pause_writing(self) -> None:
        self.conn.tr.pause_reading()

    def resume_writing(self) -> None:
        self.conn.tr.resume_reading()

    # ---- the client side

    def client_data(self, data: bytes) -> None:
        if self._open and self._tr is not None:
            self._tr.write(data)
        elif self._begun or len(self._pending) + len(data) > _FIRST_REPLY:
            self.conn.close()
        else:
            self._pending += data

    def expire(self, now: float) -> None:
        """A tunnel may be idle."""

    def client_gone(self) -> None:
        if self._dial is not None:
            self._dial.cancel()
        if self._tr is not None:
            self._tr.abort()

    def pause(self) -> None:
        if self._tr is not None:
            self._tr.pause_reading()

    def resume(self) -> None:
        if self._tr is not None:
            self._tr.resume_reading()

    def shut(self) -> None:
        self.client_gone()
        self.conn.close()


def _host(headers: Headers) -> bytes:
    return header(headers, b"host") or b"localhost"

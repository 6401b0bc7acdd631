"""What one request's client receives: a whole answer, a stream, an error in either place.

Once a stream's head is out (a heartbeat or content), everything else is said inside the stream.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from glowplug.errors import GlowplugError
from glowplug.gateway import answer
from glowplug.wire import sse
from glowplug.wire.http1 import LAST_CHUNK
from glowplug.wire.openai import error_body

if TYPE_CHECKING:
    from glowplug.gateway.connection import ClientConnection


class Reply:
    """The answer to one request on one client connection.  After `detach` everything is swallowed."""

    head_sent = False
    detached = False

    def __init__(self, conn: ClientConnection, request_id: str) -> None:
        self.conn = conn
        self.request_id = request_id

    def stream(self, data: bytes, identity: bytes, tail: bytes = b"") -> None:
        """Send the next bytes of a stream, the head before the first; `identity` are header lines for that head."""
        if self.detached:
            return
        conn = self.conn
        http10 = conn.http10
        framed = data if http10 or not data else b"%x\r\n%b\r\n" % (len(data), data)
        if not self.head_sent:
            self.head_sent = True
            if http10:
                conn.keep = False
            headers = b"%b%b%b" % (answer.EVENT_STREAM, identity, conn.cors)
            framed = answer.stream_head(200, headers, b"" if conn.keep else answer.CLOSE, http10) + framed
        if tail and not http10:
            framed += tail
        if framed:
            conn.tr.write(framed)

    def end_stream(self, rest: bytes, identity: bytes) -> None:
        """Send the rest and the clean end of a stream."""
        self.stream(rest, identity, LAST_CHUNK)

    def whole(self, status: int, headers: bytes, body: bytes) -> None:
        """Send a complete answer; inside a stream that was already promised it becomes one event."""
        if self.detached:
            return
        if self.head_sent:
            self.end_stream(sse.event(b" ".join(body.splitlines())), b"")
            return
        conn = self.conn
        if conn.cors:
            headers += conn.cors
        connection = b"" if conn.keep and not conn.http10 else answer.connection_header(conn.keep, conn.http10)
        conn.tr.write(answer.whole(status, headers, body, connection))

    def error(self, error: GlowplugError, extra: bytes = b"") -> None:
        """Send an error, in the stream when that has begun; the response ends cleanly."""
        body = error_body(error, self.request_id)
        if self.head_sent:
            self.end_stream(sse.event(body), b"")
        else:
            self.whole(error.status, answer.error_headers(error, self.request_id) + extra, body)

    def break_stream(self, error: GlowplugError) -> None:
        """Content has been sent and no more will come: say so, then cut without a clean end."""
        self.stream(sse.event(error_body(error, self.request_id)), b"")
        self.conn.keep = False

    def detach(self) -> None:
        """The client is gone; what still comes is for the ledger only."""
        self.detached = True

"""What one request's client receives: a whole answer, a stream, an error in either place.

Once a stream's head is out (a heartbeat or content), everything else is said inside the stream.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from glowplug.errors import GlowplugError
from glowplug.gateway import answer
from glowplug.gateway.kinds import Envelope
from glowplug.wire.http1 import LAST_CHUNK

if TYPE_CHECKING:
    from glowplug.gateway.connection import ClientConnection


class Reply:
    """The answer to one request on one client connection.  After `detach` everything is swallowed."""

    head_sent = False
    detached = False
    own_lines = b""
    """Header lines of every answer that the wire of the client has of its own."""
    media = b""
    """Header lines that say what comes instead of the wire's own stream; set before its first byte."""

    def __init__(self, conn: ClientConnection, request_id: str, envelope: Envelope) -> None:
        self.conn = conn
        self.request_id = request_id
        self.envelope = envelope

    def identify(self) -> None:
        """Name the request also where the clients of its wire look."""
        self.own_lines = answer.own_lines(self.request_id, self.envelope)

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
            headers = b"%b%b%b%b" % (self.media or self.envelope.media, identity, self.own_lines, conn.cors)
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
            self.end_stream(self.envelope.answer(status, body), b"")
            return
        conn = self.conn
        if self.own_lines:
            headers += self.own_lines
        if conn.cors:
            headers += conn.cors
        connection = b"" if conn.keep and not conn.http10 else answer.connection_header(conn.keep, conn.http10)
        conn.tr.write(answer.whole(status, headers, body, connection))

    def error(self, error: GlowplugError, extra: bytes = b"") -> None:
        """Send an error, in the stream when that has begun; the response ends cleanly."""
        if self.head_sent:
            self.end_stream(self.envelope.event(error, self.request_id), b"")
        else:
            headers = answer.error_headers(error, self.request_id) + answer.rate_lines(error, self.envelope)
            self.whole(error.status, headers + extra, self.envelope.body(error, self.request_id))

    def break_stream(self, error: GlowplugError) -> None:
        """Content has been sent and no more will come: say so, then cut without a clean end."""
        if not self.media:
            self.stream(self.envelope.event(error, self.request_id), b"")
        self.conn.keep = False

    def detach(self) -> None:
        """The client is gone; what still comes is for the ledger only."""
        self.detached = True

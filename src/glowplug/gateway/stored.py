"""GET, DELETE and cancel of a response: control answers, or says which provider keeps it; then that one is asked.

Only control knows whose a response is, so it is asked first with the client's own key.
"""

from __future__ import annotations

from time import time
from typing import Final

from glowplug.errors import GlowplugError, NotFound, UpstreamError
from glowplug.gateway import answer
from glowplug.gateway.handover import Handover
from glowplug.gateway.kinds import kind_named
from glowplug.gateway.upstream import Pool
from glowplug.wire.http1 import Headers, fields, header, passed_lines

TARGET: Final = b"x-glowplug-target"
"""Control's answer carries the name of the target that keeps a response, when that is a provider."""
MOST: Final = 64 << 20
"""Bytes of an answer."""


def is_stored(path: bytes) -> bool:
    """Whether a path is that of one response."""
    return b"/responses/" in path and path.partition(b"/responses/")[0] in (b"/v1", b"", b"/v1/v1")


class StoredHandover(Handover):
    """A request for one response that control is asked first."""

    __slots__ = ("_method", "_name", "_suffix")

    def run(self, method: bytes, target: bytes, headers: Headers, body: bytes) -> None:
        self._method = method
        self._name = b""
        self._suffix = target.partition(b"/responses")[2]
        super().run(method, b"/v1/responses" + self._suffix, headers, body)

    def up_head(self, status: int, head: bytes) -> None:
        self._name = header(fields(head), TARGET) or b""
        if not self._name:
            super().up_head(status, head)

    def up_data(self, data: bytes) -> None:
        if not self._name:
            super().up_data(data)

    def up_end(self, data: bytes) -> None:
        if not self._name:
            super().up_end(data)
            return
        self.up = None
        self.over = True
        elsewhere = Elsewhere(self.conn, self.plane, self.request_id)
        self.conn.call = elsewhere
        elsewhere.put(self._method, self._suffix, self._name)


class Elsewhere(Handover):
    """The same request, put to the provider that keeps the response."""

    __slots__ = ("_head", "_name", "_parts", "_pool", "_size", "_status")

    def put(self, method: bytes, suffix: bytes, name: bytes) -> None:
        """Ask the target of this name; `suffix` is what stands behind `/responses`, query included."""
        self._name = name
        self._parts: list[bytes] = []
        self._size = self._status = 0
        self._head = b""
        self.head_only = method == b"HEAD"
        target = self.plane.tables.targets.get(name.decode())
        if target is None or target.route.local:
            self._refuse(NotFound(f"The model {name.decode()!r}, which made this response, is not there any more"))
            return
        self._pool: Pool = target.pool or self.plane.provider_pool(target)
        first, _, rest = target.heads[kind_named("responses").index].partition(b"\r\n")
        path = first.split(b" ")[1]
        verb = b"GET" if self.head_only else method
        head = b"%b %b%b HTTP/1.1\r\n%b" % (verb, path, suffix, rest)
        signed = b"" if target.signer is None else target.signer.lines(head, b"", time())
        self.payload = b"%b0\r\n%b\r\n" % (head, signed)
        self.dial = self._pool.start(self, self.payload)

    def up_head(self, status: int, head: bytes) -> None:
        self._status = status
        self._head = head

    def up_data(self, data: bytes) -> None:
        self._parts.append(data)
        self._size += len(data)
        if self._size > MOST:
            self._drop()
            self.up_fail("it is too long", False)

    def up_end(self, data: bytes) -> None:
        self.up = None
        conn = self.conn
        ours = (b"x-request-id", self.request_id.encode()), (b"x-glowplug-model", self._name)
        lines = passed_lines(self._head) + b"".join(b"%b: %b\r\n" % field for field in ours) + conn.cors
        body = b"".join([*self._parts, data])
        connection = answer.connection_header(conn.keep, conn.http10)
        conn.tr.write(answer.whole(self._status, lines, body, connection, head_only=self.head_only))
        self._done()

    def up_fail(self, why: str, stale: bool) -> None:
        self.up = self.dial = None
        if self.over:
            return
        if stale and not self.fresh:
            self.fresh = True
            self._parts = []
            self.dial = self._pool.start(self, self.payload, fresh=True)
        else:
            self._refuse(UpstreamError(f"{self._name.decode()} did not answer: {why}"))

    def _refuse(self, error: GlowplugError) -> None:
        conn = self.conn
        connection = answer.connection_header(conn.keep, conn.http10)
        conn.tr.write(answer.error(error, self.request_id, connection, head_only=self.head_only))
        self._done()

"""The head that a connection sends again: a client that keeps its connection says the same fields each time, and only
the length of the body differs.

Such a head has been judged already, by the parser and by everything that looks at heads; it is compared as bytes
instead of being parsed again.  What is not exactly so goes the usual way, and so does everything that could be refused.
"""

from __future__ import annotations

import re
from time import monotonic
from typing import TYPE_CHECKING, Final

from glowplug.errors import GlowplugError
from glowplug.gateway.access import check_route
from glowplug.gateway.auth import authenticate
from glowplug.gateway.call import Call
from glowplug.gateway.call_state import INF

if TYPE_CHECKING:
    from glowplug.domain.snapshot import Snapshot
    from glowplug.gateway.connection import ClientConnection
    from glowplug.gateway.kinds import Kind
    from glowplug.gateway.tables import Key

_LENGTH: Final = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]+)[ \t]*(?=\r\n)", re.IGNORECASE)
_PASSING: Final = frozenset((b"origin", b"expect", b"upgrade", b"transfer-encoding", b"x-request-id"))
"""A head with one of these is not remembered: more depends on it than the fields say, or it is never the same twice."""
_DIGITS: Final = 16
"""Of a length that is looked at here; a body that needs more is refused elsewhere."""
TRIES: Final = 4
"""Heads that are remembered for one connection: one whose heads always differ should not pay for each."""


class Head:
    """A head that was good under one snapshot."""

    __slots__ = ("_behind", "_start", "back", "fields", "front", "kind", "path", "snapshot")

    def __init__(
        self, front: bytes, back: bytes, path: bytes, fields: dict[bytes, bytes], kind: Kind, snapshot: Snapshot
    ) -> None:
        self.front = front
        """Up to the length of the body."""
        self.back = back
        """From there to its end."""
        self.path = path
        self.fields = fields
        """By lower-case name, the length left out: that of the body says it."""
        self.kind = kind
        self.snapshot = snapshot
        self._start, self._behind = len(front), len(back)

    def match(self, data: bytes) -> tuple[int, int] | None:
        """Where the body begins in these bytes and how long it is to be, when they begin with this head; else None."""
        if not data.startswith(self.front):
            return None
        start = self._start
        end = data.find(b"\r", start, start + _DIGITS)
        if end < 0:
            return None
        digits = data[start:end]
        if not digits.isdigit() or not data.startswith(self.back, end):
            return None  # without a line's end at `end` there is no `back` either
        return end + self._behind, int(digits)


class Expected:
    """A body that has come in part, behind a head that was known."""

    __slots__ = ("head", "key", "length", "parts", "size")

    def __init__(self, head: Head, key: Key, length: int) -> None:
        self.head = head
        self.key = key
        self.length = length
        self.parts: list[bytes] = []
        self.size = 0


def remember(data: bytes, path: bytes, fields: dict[bytes, bytes], kind: Kind, snapshot: Snapshot) -> Head | None:
    """What to compare the next head of a connection with, when `data` began with one that was good; `fields` are those
    the parser found in it.  None: it is none to remember."""
    end = data.find(b"\r\n\r\n")
    keeps = fields.get(b"connection", b"keep-alive").lower() == b"keep-alive"
    if (
        end < 0
        or not keeps
        or b"?" in path
        or not _PASSING.isdisjoint(fields)
        or not data.startswith(b"POST %b HTTP/1.1\r\n" % path)
    ):
        return None
    found = _LENGTH.search(data, 0, end + 2)
    if found is None:
        return None
    plain = {name: value for name, value in fields.items() if name != b"content-length"}
    return Head(data[: found.start(1)], data[found.end() : end + 4], path, plain, kind, snapshot)


def again(conn: ClientConnection, data: bytes) -> bool:
    """Take these bytes when they are the head that `conn` remembers, with another body or the beginning of one.  False:
    they are to be parsed, and nothing has been done."""
    if conn.expected is not None:
        _more(conn, conn.expected, data)
        return True
    head = conn.seen
    plane = conn.plane
    tables = plane.tables
    if head is None or head.snapshot is not tables.snapshot:
        conn.seen = None
        return False
    idle = conn.call is None and not conn.in_message and not conn.head_bytes and not conn.queue
    if not idle or conn.full or plane.draining:
        return False
    found = head.match(data)
    if found is None:
        return False
    start, length = found
    body = data[start:]
    if len(body) > length or length > tables.limits.body_bytes:
        return False
    try:
        key = authenticate(tables, head.fields)
        if key.route.routes:
            check_route(key, head.path)
    except GlowplugError:
        return False
    if len(body) == length:
        _serve(conn, head, key, body)
        return True
    expected = conn.expected = Expected(head, key, length)
    conn.in_message, conn.in_head = True, False
    _more(conn, expected, body)
    return True


def _more(conn: ClientConnection, expected: Expected, data: bytes) -> None:
    """Some of the body has come."""
    missing = expected.length - expected.size
    expected.size += len(data)
    expected.parts.append(data[:missing])
    if expected.size < expected.length:
        conn.deadline = monotonic() + conn.plane.tables.limits.body_timeout
        return
    conn.expected = None
    conn.in_message, conn.in_head = False, True
    _serve(conn, expected.head, expected.key, b"".join(expected.parts))
    if len(data) > missing:
        conn.data_received(data[missing:])


def _serve(conn: ClientConnection, head: Head, key: Key, body: bytes) -> None:
    plane = conn.plane
    conn.deadline = INF
    conn.keep = not plane.draining
    conn.http10 = False
    conn.cors = b""
    call = conn.call = Call(conn, plane, key, head.kind, plane.request_ids.next())
    call.run(body, head.fields)

"""Files, uploads and batches: requests that pass to a provider as they are, because they name no model in their body.

They are calls like any other (what the key may use, limits, accounting), with other ways to find the target and an
answer that passes as it comes, whatever it consists of.
"""

from __future__ import annotations

import re
from time import monotonic
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote_plus

import msgspec

from glowplug.domain.model import Capability
from glowplug.domain.usage import Outcome
from glowplug.errors import GlowplugError, RequestError
from glowplug.gateway import answer, refusals
from glowplug.gateway.access import check_route
from glowplug.gateway.admission import admit
from glowplug.gateway.attempts import Attempt
from glowplug.gateway.auth import authenticate
from glowplug.gateway.call import Call
from glowplug.gateway.choosing import step
from glowplug.gateway.identity import identity
from glowplug.gateway.kinds import Kind, kind_named
from glowplug.wire.http1 import LAST_CHUNK, STATUS_LINES, chunk, fields, header, passed_lines, with_query
from glowplug.wire.openai_values import Usage

if TYPE_CHECKING:
    from glowplug.gateway.connection import ClientConnection
    from glowplug.gateway.plane import Plane
    from glowplug.gateway.tables import Key
    from glowplug.gateway.targets import Target

_ID: Final = rb"[A-Za-z0-9][A-Za-z0-9_.\-]{0,127}"
_MESSAGE_BATCHES: Final = kind_named("message_batches")
_ROUTES: Final = (
    (re.compile(rb"(?:/v1)?(/files(?:/" + _ID + rb"(?:/content)?)?)"), kind_named("files")),
    (re.compile(rb"(?:/v1)?(/uploads(?:/" + _ID + rb"/(?:parts|complete|cancel))?)"), kind_named("uploads")),
    (re.compile(rb"(?:/v1)?(/batches(?:/" + _ID + rb"(?:/cancel)?)?)"), kind_named("batches")),
    (re.compile(rb"(?:/v1)?(/messages/batches(?:/" + _ID + rb"(?:/(?:cancel|results))?)?)"),
     _MESSAGE_BATCHES),
)  # fmt: skip
"""What passes: everything else below these paths is nobody's."""
_BEGIN: Final = tuple(
    version + path for version in (b"/v1", b"") for path in (b"/files", b"/uploads", b"/batches", b"/messages/batches")
)
_METHODS: Final = (b"GET", b"POST", b"DELETE", b"PUT", b"PATCH")
_MODEL: Final = b"x-glowplug-model"
_PASSED: Final = (
    b"content-type", b"accept-encoding", b"anthropic-version", b"anthropic-beta", b"openai-beta",
    b"idempotency-key", b"range",
)  # fmt: skip
"""What of the client's header goes upstream; its credentials never do."""
_NOTHING: Final = Usage()


def found(path: bytes) -> tuple[Kind, bytes] | None:
    """What a path asks for, and the path below a provider's base URL; None when it does not pass."""
    if not path.startswith(_BEGIN):
        return None
    for pattern, kind in _ROUTES:
        match = pattern.fullmatch(path)
        if match is not None:
            return kind, match[1]
    return None


class _Whole:
    """A body that is not looked into, with the model that was said elsewhere."""

    stream = False
    wants_usage = False
    ours = False

    def __init__(self, data: bytes, model: str) -> None:
        self.data = data
        self.model = model
        self.raw_model = msgspec.json.encode(model)

    def spliced(self, name: bytes) -> bytes:
        return self.data


class PassedAttempt(Attempt):
    """One try; a good answer passes as it comes."""

    chunked = False

    def __init__(self, call: Passing, target: Target, number: int) -> None:
        super().__init__(call, target, number)
        self.passing = call
        line, end, rest = self.payload.partition(b" HTTP/1.1\r\n")
        place = line.partition(b" ")[2].removesuffix(call.kind.upstream.encode())
        head = b"%b %b%b%b%b" % (call.method, place, call.below, end, rest)
        self.payload = with_query(head, b"?" + call.asked_query) if call.asked_query else head

    def up_head(self, status: int, head: bytes) -> None:
        self.status = status
        self.head = head
        if status >= 300:
            return  # collected, and judged as those of other endpoints are
        self.sent = True
        self.first_byte = monotonic() - self.started
        call, conn = self.passing, self.passing.reply.conn
        lines = b"%b%b%b%b" % (passed_lines(head), identity(call), call.reply.own_lines, conn.cors)
        length = header(fields(head), b"content-length")
        if status == 204:
            begin = b"%b%b%b\r\n" % (STATUS_LINES[status], lines, answer.connection_header(conn.keep, conn.http10))
        elif length is not None:
            connection = answer.connection_header(conn.keep, conn.http10)
            begin = b"%b%bcontent-length: %b\r\n%b\r\n" % (STATUS_LINES[status], lines, length, connection)
        else:
            self.chunked = not conn.http10
            conn.keep = conn.keep and not conn.http10
            begin = answer.stream_head(status, lines, b"" if conn.keep else answer.CLOSE, conn.http10)
        call.reply.media = b"x"  # what breaks is cut, with nothing said in somebody else's bytes
        self._write(begin)

    def up_data(self, data: bytes) -> None:
        if not self.sent:
            super().up_data(data)
        elif data:
            self._write(chunk(data) if self.chunked else data)

    def up_end(self, data: bytes) -> None:
        if not self.sent:
            super().up_end(data)
            return
        self.up = None
        self.settle(Outcome.OK, None)
        self.up_data(data)
        if self.chunked:
            self._write(LAST_CHUNK)
        self.passing.passed(self.status)

    def _write(self, data: bytes) -> None:
        call = self.call
        if not call.reply.detached:
            call.reply.conn.tr.write(data)
            if not call.paused:
                call.deadline = monotonic() + self.target.route.idle_timeout

    def settle(self, outcome: Outcome, usage: Usage | None) -> None:
        super().settle(outcome, _NOTHING)


class Passing(Call):
    """One request that passes."""

    def __init__(
        self,
        conn: ClientConnection,
        plane: Plane,
        key: Key,
        kind: Kind,
        request_id: str,
        *,
        method: bytes,
        below: bytes,
    ) -> None:
        super().__init__(conn, plane, key, kind, request_id)
        self.method = method
        self.below = below
        """The path below the provider's base URL."""
        self.asked_query = b""

    def make(self, target: Target) -> PassedAttempt:
        return PassedAttempt(self, target, self.attempts)

    def open(self, query: bytes, headers: dict[bytes, bytes], data: bytes) -> None:
        """Begin with the complete body."""
        pairs = [pair for pair in query.split(b"&") if pair]
        self.asked_query = b"&".join(pair for pair in pairs if not pair.startswith(b"model="))
        self.fields = b"".join(b"%b: %b\r\n" % (name, headers[name]) for name in _PASSED if name in headers)
        self.reply.identify()
        try:
            if self.method not in _METHODS:
                raise RequestError(f"This route takes no {self.method.decode()}", code="method_not_allowed")
            named = headers.get(_MODEL) or next((pair[6:] for pair in pairs if pair.startswith(b"model=")), b"")
            self.body = _Whole(data, unquote_plus(named.decode("latin-1")) if named else self._first())
            admit(self)
            self.targets = tuple(target for target in self.targets if self._can(target))
            if not self.targets:
                raise refusals.wrong_kind(self.route, self.kind.name)
        except GlowplugError as error:
            self.refuse(error)
            return
        step(self)

    def _first(self) -> str:
        """The first model of a provider that has this and that the key may use.  Raises RequestError."""
        allowed = self.key.route.models
        for route in self.plane.tables.routes.values():
            if (not allowed or route.name in allowed) and any(map(self._can, route.by_kind[self.kind.index])):
                return route.name
        raise refusals.nobody_serves(self.kind)

    def _can(self, target: Target) -> bool:
        """Whether this is a provider that has it; Anthropic's batches only those that speak its wire.  What
        passes is not signed, and no service that wants that has any of it."""
        route = target.route
        return (
            not route.local
            and route.aws is None
            and (self.kind is not _MESSAGE_BATCHES or Capability.MESSAGES in route.capabilities)
        )

    def passed(self, status: int) -> None:
        """The whole answer has passed."""
        if not self.over:
            self._count(status)
            self._done()


def begin(
    conn: ClientConnection, method: bytes, target: bytes, headers: dict[bytes, bytes], request_id: str
) -> Passing | None:
    """The call for a request that passes, or None when it is another's.  Raises what `authenticate` does."""
    what = found(target.partition(b"?")[0])
    if what is None:
        return None
    kind, below = what
    plane = conn.plane
    try:
        key = authenticate(plane.tables, headers)
    except GlowplugError as error:
        plane.metrics.auth_failures[error.code] += 1
        raise
    if key.route.routes:
        check_route(key, target.partition(b"?")[0])
    return Passing(conn, plane, key, kind, request_id, method=method, below=below)

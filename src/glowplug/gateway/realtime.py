"""Realtime sessions: a websocket to a model, whose bytes pass untouched in both directions.

A session is a call like any other, with one attempt that lasts as long as it: what its key allows, limits, waiting for
an engine and going on to the next target are those of `gateway.call`.  Only the upstream leg is its own.
"""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import TYPE_CHECKING, Final, cast
from urllib.parse import urlsplit

from glowplug.config.pinning import connect
from glowplug.domain.price import attempt_cost
from glowplug.domain.usage import Outcome
from glowplug.errors import GlowplugError, LimitReached, RequestError, Unavailable
from glowplug.gateway import refusals
from glowplug.gateway.access import check_route
from glowplug.gateway.admission import admit
from glowplug.gateway.attempts import Attempt
from glowplug.gateway.auth import authenticate
from glowplug.gateway.call import Call
from glowplug.gateway.call_state import INF
from glowplug.gateway.choosing import step
from glowplug.gateway.identity import identity
from glowplug.gateway.kinds import kind_named
from glowplug.gateway.limiting import affordable
from glowplug.gateway.settling import tokens_of
from glowplug.wire import realtime
from glowplug.wire.openai_values import Usage
from glowplug.wire.websocket import closing

if TYPE_CHECKING:
    import ssl

    from glowplug.gateway.connection import ClientConnection
    from glowplug.gateway.limiting import Lease
    from glowplug.gateway.plane import Plane
    from glowplug.gateway.tables import Key
    from glowplug.gateway.targets import Target

_HANDSHAKE: Final = 16_384
"""Bytes of an upstream's answer to the handshake, and of a client that speaks before it, at most."""
_KIND: Final = kind_named("realtime")
_POLICY: Final = 1008
"""The code of a websocket that is ended because of a rule."""


class Session(Attempt):
    """One upstream websocket; to its transport an `asyncio.Protocol`."""

    opened = False
    used_up = False
    tr: asyncio.Transport | None = None
    streaming = True

    def __init__(self, call: Realtime, target: Target, number: int) -> None:
        super().__init__(call, target, number)
        self.session = call
        self.spent = realtime.Spent()
        self.answer = b""
        self.payload = realtime.handshake(
            self.payload.partition(b"\r\n\r\n")[0], target.route.upstream_model, call.asked_query, call.headers
        )

    def begin(self) -> None:
        """Connect and shake hands."""
        self.dial = self.call.plane.loop.create_task(self._connect())

    async def _connect(self) -> None:
        host, port, tls = self._place()
        try:
            async with asyncio.timeout(self.target.route.connect_timeout):
                if self.instance is None and self.target.route.guarded:
                    await connect(self._protocol, host, port, tls, self.call.plane.lookup)
                else:
                    await self.call.plane.loop.create_connection(
                        self._protocol, host, port, ssl=tls, server_hostname=host if tls else None
                    )
        except TimeoutError:
            self.dial = None
            self._refused("connecting took too long")
        except (OSError, UnicodeError) as error:  # TLS errors are OSErrors too
            self.dial = None
            self._refused(f"connect: {getattr(error, 'strerror', None) or error}")

    def _protocol(self) -> asyncio.Protocol:
        return cast(asyncio.Protocol, self)

    def _place(self) -> tuple[str, int, ssl.SSLContext | None]:
        if self.instance is not None:
            return self.instance.endpoint.host, self.instance.endpoint.port, None
        parts = urlsplit(self.target.route.base_url)
        tls = self.call.plane.tls if parts.scheme in ("https", "wss") else None
        return parts.hostname or "", parts.port or (443 if tls else 80), tls

    # ---- the upstream side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.tr = cast(asyncio.Transport, transport)
        if self.settled:  # given up while it connected
            self.drop()
            return
        self.tr.write(self.payload)

    def data_received(self, data: bytes) -> None:
        if self.settled:
            return
        if not self.opened:
            data = self._answered(data)
        if data:
            known = self.spent.usage
            self.spent.feed(data)
            self.session.reply.conn.tr.write(data)
            if self.spent.usage is not known and self.lease is not None:
                self._hold(self.lease)
            if self.used_up and self.spent.between:
                self._end()

    def _hold(self, lease: Lease) -> None:
        """Hold what the session has cost so far: it may last for hours, and nobody knew before what it would cost."""
        price, usage = self.route.price, self.spent.usage
        if price is not None and usage is not None:
            lease.grow(attempt_cost(price, tokens_of(usage), self.status, self.wall))
            self.used_up = not affordable(self.call, self.target, monotonic())

    def _end(self) -> None:
        """One of its budgets is used up: as a request, a further turn would be refused."""
        self.session.reply.conn.tr.write(closing(_POLICY, "a budget of this API key is used up"))
        self.drop()
        self.settle(Outcome.OK, None)
        self.session.over_now()

    def _answered(self, data: bytes) -> bytes:
        """The answer to the handshake comes; returns what follows it."""
        self.answer += data
        head, blank, rest = self.answer.partition(b"\r\n\r\n")
        if len(head) > _HANDSHAKE:
            self._refused("the answer to the handshake is too long")
        elif blank:
            self.answer = b""
            words = head[:64].split(b" ")
            good = len(words) > 1 and words[0] == b"HTTP/1.1" and len(words[1]) == 3 and words[1].isdigit()
            self.status = int(words[1]) if good else 0
            if self.status == 101:
                self.opened = self.sent = True
                self.first_byte = monotonic() - self.started
                self.session.accept(head)
                return rest
            self._refused(f"status {self.status}" if good else "it speaks no HTTP")
        return b""

    def _refused(self, why: str) -> None:
        """There will be no session here."""
        if self.settled:
            return
        self.drop()
        if not self.status:
            self.up_fail(why, False)
            return
        self.settle(Outcome.UPSTREAM_ERROR, None)  # it is alive and says no: nothing for control to look at
        error = refusals.attempt_error(self.target, why, False)
        if self.status in (401, 403) and self.instance is None:
            error = refusals.rejected_credentials(self.target, self.status)
        self.call.failed(self.target, error, str(self.status))

    def connection_lost(self, exc: Exception | None) -> None:
        self.tr = None
        if self.settled:
            return
        if not self.opened:
            self._refused("the connection was closed")
            return
        self.settle(Outcome.OK if exc is None else Outcome.UPSTREAM_ERROR, None)
        self.session.over_now()

    def eof_received(self) -> bool:
        return False

    def pause_writing(self) -> None:
        self.session.reply.conn.tr.pause_reading()

    def resume_writing(self) -> None:
        self.session.reply.conn.tr.resume_reading()

    # ---- ends

    def settle(self, outcome: Outcome, usage: Usage | None) -> None:
        super().settle(outcome, self.spent.usage)

    def drop(self) -> None:
        super().drop()
        if self.tr is not None:
            transport, self.tr = self.tr, None
            transport.abort()


class _Asked:
    """What a session asks, as a body that has been looked into."""

    data = b""
    stream = False
    wants_usage = False
    ours = False

    def __init__(self, model: str, raw_model: bytes) -> None:
        self.model = model
        self.raw_model = raw_model

    def spliced(self, name: bytes) -> bytes:
        return b""


class Realtime(Call):
    """One session on one client connection, which ends with it."""

    asked_query = b""
    headers: dict[bytes, bytes]
    session: Session | None = None

    def __init__(self, conn: ClientConnection, plane: Plane, key: Key, request_id: str) -> None:
        super().__init__(conn, plane, key, _KIND, request_id)
        self._early = b""

    def open(self, query: bytes, headers: dict[bytes, bytes], rest: bytes) -> None:
        """Begin; `rest` is what the client sent behind its handshake."""
        self.asked_query = query
        self.headers = headers
        self._early = rest
        self.reply.conn.keep = False
        try:
            model = realtime.asked_model(query)
            self.body = _Asked(model, realtime.as_json(model) if model else b"")
            admit(self)
        except GlowplugError as error:
            self.refuse(error)
            return
        step(self)

    def attempt_at(self, target: Target, *, unasked: bool = False) -> None:
        """As for any call."""
        try:
            session = Session(self, target, self.attempts)
        except Unavailable as error:
            self.refuse(error)
            return
        except RequestError as error:
            if unasked and isinstance(error, LimitReached):
                raise
            self.give_up(target, error, "cannot take it")
            return
        self.attempts += 1
        self.attempt = self.session = session
        self.deadline = session.started + target.route.first_byte_timeout
        session.begin()

    def accept(self, head: bytes) -> None:
        """The upstream has opened the session."""
        self.deadline = INF
        own = identity(self)
        self.reply.conn.tr.write(realtime.accepted(head, own))
        early, self._early = self._early, b""
        if early:
            self.client_data(early)

    def over_now(self) -> None:
        """The session has ended; what was written to the client still reaches it."""
        self._count(101)
        self._done()

    # ---- what a connection asks of whatever it is serving

    def client_data(self, data: bytes) -> None:
        """Bytes of the client."""
        session = self.session
        if session is not None and session.opened:
            if session.tr is not None:
                session.tr.write(data)
        elif len(self._early) + len(data) > _HANDSHAKE:
            self.reply.conn.tr.abort()
        else:
            self._early += data

    def client_gone(self) -> None:
        session = self.session
        if self.over or session is None or not session.opened:
            super().client_gone()
            return
        session.drop()
        session.settle(Outcome.OK, None)  # a client ends a session by leaving
        self.reply.detach()
        self.over_now()

    def pause(self) -> None:
        if self.session is not None and self.session.tr is not None:
            self.session.tr.pause_reading()

    def resume(self) -> None:
        if self.session is not None and self.session.tr is not None:
            self.session.tr.resume_reading()

    def shut(self) -> None:
        session = self.session
        if self.over or session is None or not session.opened:
            super().shut()
            return
        session.stop(Outcome.INTERRUPTED)
        self.over_now()


def begin(conn: ClientConnection, headers: dict[bytes, bytes], request_id: str) -> Realtime:
    """A session for whoever asks.  Raises what `authenticate` does."""
    fields = realtime.with_key(headers)
    try:
        key = authenticate(conn.plane.tables, fields)
        if key.route.routes:
            check_route(key, b"/v1/realtime")
    except GlowplugError as error:
        conn.plane.metrics.auth_failures[error.code] += 1
        raise
    return Realtime(conn, conn.plane, key, request_id)

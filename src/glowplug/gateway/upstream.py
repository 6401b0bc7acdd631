"""The upstream leg: one asyncio protocol per connection and a keep-alive pool.

A connection serves one sink at a time and reports to it by plain calls:

    up_head(status, head)      the response has begun
    up_data(data)              some of its body
    up_end(data)               the rest of its body (perhaps empty); the response is complete
    up_fail(why, stale)        it will not complete; `stale` = a kept-alive connection died before its first byte
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Coroutine
from time import monotonic
from typing import Final, Protocol, cast

import httptools

from glowplug.config.pinning import Lookup, connect
from glowplug.wire.http1 import is_framed

KEEP_ALIVE: Final = 55.0
"""Idle seconds after which a pooled connection is closed; below the 60 s many servers use."""
DIALS: Final = 64
"""Connections of one pool that are being made at a time: a thousand requests that waited for one engine would overflow
its listen queue (128 in many servers), and whoever does not fit is refused or waits seconds for a retransmission."""
HEAD_BYTES: Final = 131_072
"""An upstream whose response head is longer is not trusted."""

_TOO_LONG: Final = "connecting took too long"


class Sink(Protocol):
    """Who gets a response.  `up` is set to the connection that serves it before the first report."""

    up: UpstreamConnection | None

    def up_head(self, status: int, head: bytes) -> None: ...
    def up_data(self, data: bytes) -> None: ...
    def up_end(self, data: bytes) -> None: ...
    def up_fail(self, why: str, stale: bool) -> None: ...


class UpstreamConnection:
    """One connection to an engine, a provider or the control process: an `asyncio.Protocol`, without that base, or it
    could not be compiled to a native class."""

    __slots__ = (
        "closed",
        "got",
        "head",
        "idle_since",
        "parser",
        "parts",
        "paused",
        "pool",
        "raw",
        "reused",
        "sink",
        "status",
        "tr",
    )

    tr: asyncio.Transport
    parser: httptools.HttpResponseParser

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.sink: Sink | None = None
        self.closed = self.reused = self.got = self.paused = False
        self.idle_since = 0.0
        self.status = 0
        self.raw = b""
        self.head = b""
        self.parts: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.tr = cast(asyncio.Transport, transport)
        self.parser = httptools.HttpResponseParser(self)

    def send(self, sink: Sink, data: bytes) -> None:
        """Write one whole request; its response goes to `sink`."""
        self.sink = sink
        self.status = 0
        self.got = False
        self.raw = b""
        self.parts = []
        sink.up = self
        self.tr.write(data)

    def data_received(self, data: bytes) -> None:
        sink = self.sink
        if sink is None:  # bytes nobody asked for: the next response could not be told from them
            self.abort()
            return
        self.got = True
        if self.status == 0:
            # llhttp judges the head; its text is kept, because two header fields of it are all anybody reads.
            self.raw = self.raw + data if self.raw else data
        try:
            self.parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._fail(f"not a valid HTTP response: {error}")
            return
        if self.status == 0 and self.sink is sink:
            if len(self.raw) > HEAD_BYTES:
                self._fail("the response head is too long")
            return
        parts = self.parts
        if parts and self.sink is sink:
            self.parts = []
            sink.up_data(parts[0] if len(parts) == 1 else b"".join(parts))

    # ---- httptools callbacks

    def on_message_begin(self) -> None:
        if self.sink is None:  # more than the response that was asked for: nothing here can be trusted any more
            self.abort()

    def on_headers_complete(self) -> None:
        status = self.parser.get_status_code()
        end = self.raw.find(b"\r\n\r\n") + 4
        if end > HEAD_BYTES:
            self._fail("the response head is too long")
            return
        if status < 200:
            self.raw = self.raw[end:]
            return
        self.status = status
        self.head = self.raw[:end]
        self.raw = b""
        if self.sink is not None:
            self.sink.up_head(status, self.head)

    def on_body(self, data: bytes) -> None:
        self.parts.append(data)

    def on_message_complete(self) -> None:
        if self.status < 200 or self.sink is None:
            return
        sink, parts = self.sink, self.parts
        self.sink = None
        self.parts = []
        keep = self.parser.should_keep_alive()
        if self.paused:
            self.resume()
        sink.up_end(parts[0] if len(parts) == 1 else b"".join(parts))
        # Only now: a next attempt that begins at once must not be sent into a parser that is still at work.
        if keep and not self.closed and not self.pool.closed:
            self.idle_since = monotonic()
            self.pool.freed(self)
        else:
            self.abort()

    # ---- back-pressure

    def pause(self) -> None:
        """Read nothing more for now."""
        if not self.paused and not self.closed:
            self.paused = True
            self.tr.pause_reading()

    def resume(self) -> None:
        if self.paused:
            self.paused = False
            if not self.closed:
                self.tr.resume_reading()

    # ---- ends

    def _fail(self, why: str) -> None:
        sink = self.sink
        self.abort()
        if sink is not None:
            sink.up_fail(why, self.reused and not self.got)

    def eof_received(self) -> bool:
        return False

    def pause_writing(self) -> None:
        """A request waits in memory, where it is anyway."""

    def resume_writing(self) -> None:
        """It has been sent."""

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed = True
        self.pool.lost(self)
        sink, self.sink = self.sink, None
        if sink is None:
            return
        if exc is None and self.status >= 200 and not is_framed(self.head):
            # A body without a length ends with the connection (RFC 9112 §6.3, rule 8).
            sink.up_end(b"".join(self.parts))
        else:
            sink.up_fail("the connection was closed", self.reused and not self.got)

    def abort(self) -> None:
        """Close at once and report nothing to the sink."""
        self.sink = None
        if not self.closed:
            self.closed = True
            self.tr.abort()


class Turn:
    """A request that waits until it may dial, or a connection is free."""

    __slots__ = ("data", "fresh", "pool", "since", "sink", "task")

    def __init__(self, pool: Pool, sink: Sink, data: bytes, fresh: bool) -> None:
        self.pool = pool
        self.sink = sink
        self.data = data
        self.fresh = fresh
        self.since = monotonic()
        self.task: asyncio.Task[None] | None = None

    def cancel(self) -> None:
        """Its request is given up."""
        if self.task is not None:
            self.task.cancel()
        else:
            self.pool.turns.pop(self, None)


Dialing = asyncio.Task[None] | Turn
"""A request that has no connection yet; it has `cancel`."""


class Pool:
    """Connections to one place, most recently used first, so that few stay hot and the rest expire."""

    __slots__ = ("_connect", "_timeout", "closed", "dials", "idle", "loop", "open", "turns")

    def __init__(
        self, loop: asyncio.AbstractEventLoop, connect: Callable[[Pool], Dial], connect_timeout: float
    ) -> None:
        self.loop = loop
        self._connect = connect
        self._timeout = connect_timeout
        self.idle: list[UpstreamConnection] = []
        self.open: set[UpstreamConnection] = set()
        self.dials: set[asyncio.Task[None]] = set()
        self.turns: dict[Turn, None] = {}
        """Requests that wait for a connection, first come first.  While there is one, every dial is taken, or a look
        at them is due."""
        self.closed = False

    def start(self, sink: Sink, data: bytes, *, fresh: bool = False) -> Dialing | None:
        """Send at once on an idle connection (None), else dial in the background: what may be cancelled until `sink`
        has its connection."""
        idle = self.idle
        while idle and not fresh and not self.turns:
            connection = idle.pop()
            if not connection.closed:
                connection.reused = True
                connection.send(sink, data)
                return None
        if self.turns or len(self.dials) >= DIALS:
            turn = Turn(self, sink, data, fresh)
            self.turns[turn] = None
            return turn
        return self._begin(sink, data)

    def _begin(self, sink: Sink, data: bytes) -> asyncio.Task[None]:
        task = self.loop.create_task(self._dial(sink, data))
        self.dials.add(task)
        task.add_done_callback(self._dialled)
        return task

    def _dialled(self, task: asyncio.Task[None]) -> None:
        self.dials.discard(task)
        if self.turns:
            self._serve()

    def freed(self, connection: UpstreamConnection) -> None:
        """This connection is idle."""
        self.idle.append(connection)
        if self.turns:
            # Not now: its parser is still at work, and what follows in the same bytes must find nobody waiting.
            self.loop.call_soon(self._serve)

    def _serve(self) -> None:
        """Give everybody whose turn it is an idle connection, or a dial."""
        turns, idle = self.turns, self.idle
        while turns:
            turn = next(iter(turns))
            connection = None
            while idle and not turn.fresh and connection is None:
                connection = idle.pop()
                if connection.closed:
                    connection = None
            if connection is None and len(self.dials) >= DIALS:
                return
            del turns[turn]
            if connection is None:
                turn.task = self._begin(turn.sink, turn.data)
            else:
                connection.reused = True
                connection.send(turn.sink, turn.data)

    async def _dial(self, sink: Sink, data: bytes) -> None:
        try:
            async with asyncio.timeout(self._timeout):
                _, protocol = await self._connect(self)
        except TimeoutError:
            sink.up_fail(_TOO_LONG, False)
            self._give_up()
            return
        except ssl.SSLError as error:
            why = getattr(error, "verify_message", None) or getattr(error, "reason", None) or error
            sink.up_fail(f"TLS: {why}", False)
            return
        except (OSError, UnicodeError) as error:  # a name that cannot be encoded is no place either
            sink.up_fail(f"connect: {getattr(error, 'strerror', None) or error}", False)
            return
        connection = cast(UpstreamConnection, cast(object, protocol))
        self.open.add(connection)
        connection.send(sink, data)

    def _give_up(self) -> None:
        """A dial timed out: who has waited behind it for about as long need not wait for one of its own."""
        latest = monotonic() - self._timeout / 2
        while self.turns and (turn := next(iter(self.turns))).since <= latest:
            del self.turns[turn]
            turn.sink.up_fail(_TOO_LONG, False)

    def lost(self, connection: UpstreamConnection) -> None:
        self.open.discard(connection)
        if connection in self.idle:
            self.idle.remove(connection)

    def sweep(self, now: float) -> None:
        """Close connections that have been idle too long."""
        for connection in [c for c in self.idle if now - c.idle_since > KEEP_ALIVE]:
            self.idle.remove(connection)
            connection.abort()

    def close(self) -> None:
        """Close what is idle; what is in use ends with its response."""
        self.closed = True
        for connection in self.idle:
            connection.abort()
        self.idle.clear()


Dial = Coroutine[object, object, tuple[asyncio.Transport, asyncio.Protocol]]


def _protocol(pool: Pool) -> Callable[[], asyncio.Protocol]:
    return lambda: cast(asyncio.Protocol, UpstreamConnection(pool))


def tcp(
    loop: asyncio.AbstractEventLoop, host: str, port: int, tls: ssl.SSLContext | None, connect_timeout: float
) -> Pool:
    """A pool of TCP connections; with `tls` the certificate is verified against `host`."""

    def connect(pool: Pool) -> Dial:
        return loop.create_connection(_protocol(pool), host, port, ssl=tls, server_hostname=host if tls else None)

    return Pool(loop, connect, connect_timeout)


def pinned(
    loop: asyncio.AbstractEventLoop,
    host: str,
    port: int,
    tls: ssl.SSLContext | None,
    connect_timeout: float,
    lookup: Lookup,
) -> Pool:
    """The same to a host that came through an API: each dial goes to an address that was checked for this dial."""

    def dial(pool: Pool) -> Dial:
        return connect(_protocol(pool), host, port, tls, lookup)

    return Pool(loop, dial, connect_timeout)


def unix(loop: asyncio.AbstractEventLoop, path: str, connect_timeout: float) -> Pool:
    """A pool of Unix-socket connections."""

    def connect(pool: Pool) -> Dial:
        return loop.create_unix_connection(_protocol(pool), path)

    return Pool(loop, connect, connect_timeout)

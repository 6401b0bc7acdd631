"""An upstream that misbehaves on purpose: raw bytes, in the order and the moments a test says.

    hello = (Send(head(200, {"content-length": "5"})), Send(b"he"), Mark("half"), Wait("go"), Reset())
    async with FaultUpstream({"slow-model": hello, "*": plain(b"{}")}) as upstream:
        ...                                     # point a provider at upstream.base_url
        await upstream.reached("half")          # the client has been sent the first half
        upstream.let("go")                      # now the connection is reset
        await upstream.ended(1)                 # upstream.endings[0].how == Ended.RESET_BY_US

A script says, by request number (from 0), by model name, or `"*"` for all others, which steps answer a request; a
bare sequence of steps answers every request, and a function may choose.  After the last step the connection is kept
for the next request unless the steps ended it.  `Script(steps, start="head")` begins before the body has arrived and
`on_connect=` before anything has.

Nothing here sleeps unless a step says `gap`: a test waits for `reached`, `arrived`, `ended`, and holds the server
with `Wait`.  Steps, and ready-made faults as functions, are in `glowplug.testing.fault_scripts`.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import TracebackType
from typing import cast

import httptools

from glowplug.testing.fault_scripts import (
    Close,
    HalfClose,
    Mark,
    Reset,
    ResumeReading,
    Script,
    Send,
    Silence,
    Slices,
    Step,
    Steps,
    StopReading,
    Wait,
)
from glowplug.testing.received import Received, RequestHead, RequestParser

Answer = Steps | Script
Book = Mapping[int | str, Answer]
Chooser = Callable[[Received], Answer]
"""With `start="head"` there is no body yet, so a model name cannot choose such a script: use a number or `"*"`."""


class Ended(StrEnum):
    """How a connection ended."""

    CLOSED_BY_CLIENT = "closed by client"
    RESET_BY_CLIENT = "reset by client"
    CLOSED_BY_US = "closed by us"
    RESET_BY_US = "reset by us"


@dataclass(frozen=True)
class Ending:
    """The end of a connection."""

    connection: int
    how: Ended
    midway: bool
    """Steps were still to be done, or a request had not arrived whole."""


class FaultUpstream:
    """The server, as an async context manager; it listens on loopback inside the block.

    `requests`, `endings` and `connections` (opened so far) grow as things happen; the awaitable methods return as
    soon as what they name is true, so that no test needs to sleep or to poll.
    """

    def __init__(
        self,
        script: Answer | Book | Chooser,
        *,
        on_connect: Steps = (),
        host: str = "127.0.0.1",
        port: int = 0,
        receive_buffer: int | None = None,
    ) -> None:
        """`on_connect` is done before a connection's first request is looked at.  `receive_buffer` bytes make a client
        feel `StopReading` sooner."""
        self.script = script
        self.on_connect = on_connect
        self.host = host
        self.port = port
        self.requests: list[Received] = []
        self.endings: list[Ending] = []
        self.connections = 0
        self.received_bytes = 0
        self._numbered = 0
        self._receive_buffer = receive_buffer
        self._open: set[_Connection] = set()
        self._marks: dict[str, asyncio.Event] = {}
        self._gates: dict[str, asyncio.Event] = {}
        self._watchers: list[tuple[Callable[[], bool], asyncio.Future[None]]] = []
        self._server: asyncio.Server | None = None

    @property
    def base_url(self) -> str:
        """`http://host:port/v1`"""
        return f"http://{self.host}:{self.port}/v1"

    async def __aenter__(self) -> FaultUpstream:
        listener = socket.create_server((self.host, self.port), backlog=1024)
        if self._receive_buffer is not None:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self._receive_buffer)
        self.port = listener.getsockname()[1]
        self._server = await asyncio.get_running_loop().create_server(lambda: _Connection(self), sock=listener)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.close()
        tasks = [c.task for c in self._open if c.task is not None]
        for connection in tuple(self._open):
            connection.end(Ended.RESET_BY_US)
        await self.until(lambda: not self._open)
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._server is not None:
            await self._server.wait_closed()

    async def stop_listening(self) -> None:
        """From now on new connections are refused; open ones stay."""
        if self._server is not None:
            self._server.close()
            self._server = None

    async def arrived(self, count: int) -> Received:
        """Request number `count` (from 1), as soon as it is there."""
        await self.until(lambda: len(self.requests) >= count)
        return self.requests[count - 1]

    async def ended(self, count: int) -> Ending:
        """The end of the connection that ended as number `count` (from 1)."""
        await self.until(lambda: len(self.endings) >= count)
        return self.endings[count - 1]

    async def reached(self, name: str) -> None:
        """Return once a `Mark(name)` has been passed."""
        await self._marks.setdefault(name, asyncio.Event()).wait()

    def let(self, name: str) -> None:
        """Open the gate: every `Wait(name)`, now or later, goes on."""
        self.gate(name).set()

    def gate(self, name: str) -> asyncio.Event:
        """The event behind `Wait(name)`."""
        return self._gates.setdefault(name, asyncio.Event())

    def next_number(self) -> int:
        """Number a request, in the order in which heads arrive."""
        self._numbered += 1
        return self._numbered - 1

    def mark(self, name: str) -> None:
        self._marks.setdefault(name, asyncio.Event()).set()

    async def until(self, true: Callable[[], bool]) -> None:
        """Return as soon as `true()` holds; it is asked whenever a request, connection or byte count changes."""
        if true():
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._watchers.append((true, future))
        await future

    def changed(self) -> None:
        for watcher in tuple(self._watchers):
            true, future = watcher
            if future.done() or true():
                self._watchers.remove(watcher)
                if not future.done():
                    future.set_result(None)

    def joined(self, connection: _Connection) -> int:
        self._open.add(connection)
        self.connections += 1
        self.changed()
        return self.connections - 1

    def parted(self, connection: _Connection, ending: Ending) -> None:
        self._open.discard(connection)
        self.endings.append(ending)
        self.changed()

    def answer_to(self, request: Received) -> Script:
        """The script for a request.  Raises LookupError when the book has none."""
        script = self.script
        if isinstance(script, Script):
            return script
        if isinstance(script, Sequence):
            return Script(script)
        if isinstance(script, Mapping):
            for name in (request.number, request.model, "*"):
                if name in script:
                    return _as_script(script[name])
            raise LookupError(f"no script for request {request.number} (model {request.model!r})")
        return _as_script(script(request))

    def starts_at_head(self, number: int) -> bool:
        """Does the answer to request `number` begin before its body is there?"""
        script = self.script
        if isinstance(script, Mapping):
            script = script.get(number, script.get("*", ()))
        return isinstance(script, Script) and script.start == "head"


def _as_script(answer: Answer) -> Script:
    return answer if isinstance(answer, Script) else Script(answer)


class _Over(Exception):
    """The steps have ended the connection."""


class _Connection(asyncio.Protocol):
    def __init__(self, upstream: FaultUpstream) -> None:
        self.upstream = upstream
        self.task: asyncio.Task[None] | None = None
        self._parser = RequestParser()
        self._heads: deque[tuple[int, RequestHead, bool]] = deque()
        """Requests whose body has not arrived: number, head, whether its steps have begun."""
        self._todo: asyncio.Queue[Steps] = asyncio.Queue()
        self._busy = False
        self._how: Ended | None = None
        self._writable = asyncio.Event()
        self._writable.set()
        self._gone = asyncio.Event()
        self._transport: asyncio.Transport | None = None
        self._number = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport = cast(asyncio.Transport, transport)  # uvloop's transports do not inherit from it
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        transport.set_write_buffer_limits(high=0)  # "written" means: in the kernel's hands
        self._transport = transport
        self._number = self.upstream.joined(self)
        if self.upstream.on_connect:
            self._todo.put_nowait(self.upstream.on_connect)
        self.task = asyncio.get_running_loop().create_task(self._work())

    def connection_lost(self, exc: Exception | None) -> None:
        how = self._how or (Ended.RESET_BY_CLIENT if exc else Ended.CLOSED_BY_CLIENT)
        midway = self._busy or not self._todo.empty() or bool(self._heads)
        self.upstream.parted(self, Ending(self._number, how, midway))
        self._gone.set()
        self._writable.set()
        if self.task is not None:
            self.task.cancel()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def data_received(self, data: bytes) -> None:
        self.upstream.received_bytes += len(data)
        with contextlib.suppress(httptools.HttpParserError):
            # What cannot be parsed is only counted: the steps of `on_connect` may want no HTTP at all.
            self._parser.feed(data)
        for head in self._parser.heads:
            number = self.upstream.next_number()
            early = self.upstream.starts_at_head(number)
            self._heads.append((number, head, early))
            if early:
                self._put(self._request(head, b"", number))
        self._parser.heads.clear()
        for body in self._parser.bodies:
            number, head, early = self._heads.popleft()
            request = self._request(head, body, number)
            self.upstream.requests.append(request)
            if not early:
                self._put(request)
        self._parser.bodies.clear()
        self.upstream.changed()

    def _request(self, head: RequestHead, body: bytes, number: int) -> Received:
        return Received(number, self._number, head.method, head.target, head.raw_headers, body, head.keep_alive)

    def _put(self, request: Received) -> None:
        self._todo.put_nowait(self.upstream.answer_to(request).steps)

    def end(self, how: Ended) -> None:
        """Close (a FIN after what is still to be written) or reset, from this side."""
        self._how = how
        if self._transport is None:
            return
        if how is Ended.RESET_BY_US:
            linger = struct.pack("ii", 1, 0)
            with contextlib.suppress(OSError):
                self._transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self._transport.abort()
        else:
            self._transport.close()

    async def _work(self) -> None:
        with contextlib.suppress(asyncio.CancelledError, _Over):
            while True:
                steps = await self._todo.get()
                self._busy = True
                for index, step in enumerate(steps):
                    self._busy = index < len(steps) - 1 or not isinstance(step, Close | Reset)
                    await self._do(step)
                self._busy = False

    async def _do(self, step: Step) -> None:
        transport = self._transport
        assert transport is not None
        match step:
            case Send(data):
                await self._write(data)
            case Slices(data, size, gap):
                for start in range(0, len(data), size):
                    await self._write(data[start : start + size])
                    for pause in (gap, 0.0):
                        await asyncio.sleep(pause)
            case Mark(name):
                self.upstream.mark(name)
            case Wait(name):
                await self.upstream.gate(name).wait()
            case StopReading():
                transport.pause_reading()
            case ResumeReading():
                transport.resume_reading()
            case HalfClose():
                transport.write_eof()
            case Silence():
                await self._gone.wait()
            case Close() | Reset():
                self.end(Ended.RESET_BY_US if isinstance(step, Reset) else Ended.CLOSED_BY_US)
                raise _Over

    async def _write(self, data: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)
        await self._writable.wait()

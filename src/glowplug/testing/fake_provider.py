"""A small OpenAI-compatible provider: the "cloud" of the demo, and a well-behaved upstream for tests.

    python -m glowplug.testing.fake_provider --port 0 --api-key K --model NAME

prints one JSON line `{"port", "base_url", "models", "pid"}` on stdout once it listens, and ends with 0 on SIGTERM.
In a test:

    async with FakeProvider(api_key="sk-cloud", models=("stand-in",)) as provider:
        ...                                  # provider.base_url, provider.requests, provider.disconnected
        await provider.arrived(1)            # no polling: returns when the first request is there

It speaks HTTP/1.0 and 1.1 with keep-alive, pipelining, chunked bodies and `Expect: 100-continue`, and stops reading
its own words when nobody takes them.  For broken upstreams there is `glowplug.testing.fault_upstream`.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from http import HTTPStatus
from types import TracebackType
from typing import cast

import httptools

from glowplug.testing.provider_replies import (
    REPLY,
    Behaviour,
    Body,
    ProviderError,
    check_key,
    list_models,
    parse,
    reply_to,
)
from glowplug.testing.received import Received, RequestHead, RequestParser

_PARENT_CHECK = 1.0
"""Seconds between two looks at the parent (`--with-parent`)."""


class FakeProvider:
    """The provider as an async context manager; it listens inside the block.

    `requests` are all requests in order of arrival, `disconnected` counts the clients that left before their answer
    was complete.  `pace(i)` is awaited before event `i` of a stream (on top of `event_gap`), so that a test can hold
    a stream where it wants it.  `answered(request, whole)` hears of every good answer of a model at its end, `whole`
    unless the client left before it: what a provider bills.
    """

    def __init__(
        self,
        *,
        api_key: str = "",
        models: tuple[str, ...] = ("stand-in",),
        behaviour: Behaviour | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        pace: Callable[[int], Awaitable[None]] | None = None,
        answered: Callable[[Received, bool], None] | None = None,
    ) -> None:
        self.behaviour = behaviour or Behaviour(api_key=api_key, models=models)
        self.host = host
        self.port = port
        self.pace = pace
        self.answered = answered
        self.requests: list[Received] = []
        self.connections = 0
        self.disconnected = 0
        self.model_requests = 0
        self._open: set[_Connection] = set()
        self._changed = asyncio.Condition()
        self._notes: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    @property
    def base_url(self) -> str:
        """`http://host:port/v1`, as OpenAI clients want it."""
        return f"http://{self.host}:{self.port}/v1"

    async def __aenter__(self) -> FakeProvider:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Connection(self), self.host, self.port, backlog=1024)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.close()
        tasks = [c.task for c in self._open if c.task is not None]
        for connection in tuple(self._open):
            connection.abort()
        await self._until(lambda: not self._open)
        await asyncio.gather(*tasks, *self._notes, return_exceptions=True)
        if self._server is not None:
            await self._server.wait_closed()

    async def arrived(self, count: int) -> Received:
        """Return request number `count` (from 1) as soon as it is there."""
        await self._until(lambda: len(self.requests) >= count)
        return self.requests[count - 1]

    async def left(self, count: int) -> None:
        """Return once `count` clients have left before the end of their answer."""
        await self._until(lambda: self.disconnected >= count)

    def change(self, **changes: object) -> None:
        """Replace members of `behaviour`; requests that are being answered keep the old ones."""
        self.behaviour = replace(self.behaviour, **changes)  # type: ignore[arg-type]

    async def _until(self, true: Callable[[], bool]) -> None:
        async with self._changed:
            await self._changed.wait_for(true)

    def note(self) -> None:
        """Something a waiting test may look for has changed."""
        task = asyncio.get_running_loop().create_task(self._notify())
        self._notes.add(task)
        task.add_done_callback(self._notes.discard)

    async def _notify(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    def joined(self, connection: _Connection) -> int:
        """A client has connected; returns its number."""
        self._open.add(connection)
        self.connections += 1
        return self.connections - 1

    def parted(self, connection: _Connection, midway: bool) -> None:
        """A connection is gone; `midway`: an answer was under way."""
        self._open.discard(connection)
        self.disconnected += midway
        self.note()


class _Connection(asyncio.Protocol):
    """One client: requests are answered one after the other by one task."""

    def __init__(self, provider: FakeProvider) -> None:
        self.provider = provider
        self.task: asyncio.Task[None] | None = None
        self._parser = RequestParser()
        self._heads: deque[RequestHead] = deque()
        self._waiting: deque[Received] = deque()
        self._more = asyncio.Event()
        self._writable = asyncio.Event()
        self._writable.set()
        self._busy = False
        self._closing = False
        self._number = 0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport = cast(asyncio.Transport, transport)  # uvloop's transports do not inherit from it
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._transport = transport
        self._number = self.provider.joined(self)
        self.task = asyncio.get_running_loop().create_task(self._serve())

    def connection_lost(self, exc: Exception | None) -> None:
        self.provider.parted(self, (self._busy or bool(self._waiting)) and not self._closing)
        self._writable.set()
        if self.task is not None:
            self.task.cancel()

    def abort(self) -> None:
        """End it from this side, without counting it as a client that left."""
        self._closing = True
        if self._transport is not None:
            self._transport.abort()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed(data)
        except httptools.HttpParserError as error:
            self._refuse(f"We could not parse this HTTP request: {error}")
            return
        for head in self._parser.heads:
            if head.expects_continue:
                self._write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self._heads.append(head)
        self._parser.heads.clear()
        for body in self._parser.bodies:
            head = self._heads.popleft()
            provider = self.provider
            request = Received(
                number=len(provider.requests), connection=self._number, method=head.method, target=head.target,
                raw_headers=head.raw_headers, body=body, keep_alive=head.keep_alive,
            )  # fmt: skip
            provider.requests.append(request)
            provider.note()
            self._waiting.append(request)
            self._more.set()
        self._parser.bodies.clear()

    def _refuse(self, message: str) -> None:
        body = json.dumps(ProviderError(400, message).body).encode()
        self._write(_head(400, {"content-type": "application/json", "content-length": str(len(body))}, False) + body)
        self._closing = True
        if self._transport is not None:
            self._transport.close()

    def _write(self, data: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    async def _serve(self) -> None:
        with contextlib.suppress(asyncio.CancelledError):
            while True:
                await self._more.wait()
                request = self._waiting.popleft()
                if not self._waiting:
                    self._more.clear()
                self._busy = True
                await self._answer(request)
                self._busy = False
                if not request.keep_alive and self._transport is not None:
                    self._closing = True
                    self._transport.close()
                    return

    async def _answer(self, request: Received) -> None:
        behaviour = self.provider.behaviour
        try:
            body, events = await self._respond(request, behaviour)
        except ProviderError as error:
            await self._send_json(request, error.status, error.body)
            return
        whole = False
        try:
            if events is None:
                await self._send_json(request, 200, body)
            else:
                await self._send_events(request, events, behaviour)
            whole = self._transport is not None and not self._transport.is_closing()
        finally:
            if self.provider.answered is not None and request.method == "POST":
                self.provider.answered(request, whole)

    async def _respond(self, request: Received, behaviour: Behaviour) -> tuple[Body, Iterator[Body] | None]:
        """The body of a plain answer, or the events of a stream.  Raises ProviderError."""
        check_key(request, behaviour.api_key)
        if request.path.startswith("/v1/models"):
            return list_models(request, behaviour.models), None
        body = parse(request, behaviour.models)
        count = self.provider.model_requests
        self.provider.model_requests += 1
        if behaviour.delay:
            await asyncio.sleep(behaviour.delay)
        if count < behaviour.fail_first if behaviour.fail_first else behaviour.status:
            status = behaviour.status or 503
            kind = "rate_limit_error" if status == 429 else "server_error"
            raise ProviderError(status, f"The stand-in was told to answer {status}.", kind=kind, code=None)
        return reply_to(request.path, body, behaviour)

    async def _send_json(self, request: Received, status: int, body: Body) -> None:
        data = json.dumps(body, separators=(",", ":")).encode()
        headers = {"content-type": "application/json", "content-length": str(len(data)), **_identity(request)}
        if status == 429:
            headers["retry-after"] = "1"
        head = _head(status, headers, request.keep_alive)
        self._write(head if request.method == "HEAD" else head + data)
        await self._writable.wait()

    async def _send_events(self, request: Received, events: Iterator[Body], behaviour: Behaviour) -> None:
        chunked = request.keep_alive  # an HTTP/1.0 client without keep-alive reads until the connection ends
        headers = {"content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache"}
        if chunked:
            headers["transfer-encoding"] = "chunked"
        self._write(_head(200, headers | _identity(request), request.keep_alive))
        for index, event in enumerate([*events, None]):
            if behaviour.event_gap:
                await asyncio.sleep(behaviour.event_gap)
            if self.provider.pace is not None:
                await self.provider.pace(index)
            data = b"[DONE]" if event is None else json.dumps(event, separators=(",", ":")).encode()
            line = b"data: " + data + b"\n\n"
            self._write(b"%x\r\n%s\r\n" % (len(line), line) if chunked else line)
            await self._writable.wait()
        if chunked:
            self._write(b"0\r\n\r\n")


def _identity(request: Received) -> dict[str, str]:
    return {"x-request-id": f"req_standin{request.number}", "openai-processing-ms": "1", "server": "fake-provider"}


def _head(status: int, headers: dict[str, str], keep_alive: bool) -> bytes:
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = "Status"
    lines = [f"HTTP/1.1 {status} {phrase}", *(f"{name}: {value}" for name, value in headers.items())]
    lines.append(f"connection: {'keep-alive' if keep_alive else 'close'}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def _arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m glowplug.testing.fake_provider",
        description="A small OpenAI-compatible provider for demos and tests.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=0, help="port; 0 takes a free one (default)")
    parser.add_argument(
        "--api-key",
        default=os.environ.get("FAKE_PROVIDER_API_KEY", ""),
        help="bearer key that clients must send (default: $FAKE_PROVIDER_API_KEY; empty: none)",
    )
    parser.add_argument("--model", action="append", metavar="NAME", help="a model to serve; may be repeated")
    parser.add_argument("--reply", default=REPLY, help="what every model says")
    parser.add_argument("--delay", type=float, default=0.0, metavar="S", help="seconds before an answer begins")
    parser.add_argument("--event-gap", type=float, default=0.0, metavar="S", help="seconds before each stream event")
    parser.add_argument("--status", type=int, default=0, metavar="CODE", help="answer with this status instead")
    parser.add_argument("--no-usage", action="store_true", help="never report usage")
    parser.add_argument("--fail-first", type=int, default=0, metavar="N", help="only the first N requests fail")
    parser.add_argument(
        "--with-parent", type=int, nargs="?", const=-1, metavar="PID", help="end when the parent (PID) is gone"
    )
    return parser.parse_args(argv)


async def _run(options: argparse.Namespace) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    parent = os.getppid() if options.with_parent == -1 else options.with_parent

    def look() -> None:
        if os.getppid() == parent:
            loop.call_later(_PARENT_CHECK, look)
        else:
            stop.set()

    behaviour = Behaviour(
        api_key=options.api_key, models=tuple(options.model or ("stand-in",)), reply=options.reply,
        delay=options.delay, event_gap=options.event_gap, status=options.status, usage=not options.no_usage,
        fail_first=options.fail_first,
    )  # fmt: skip
    async with FakeProvider(behaviour=behaviour, host=options.host, port=options.port) as provider:
        if parent is not None:
            look()
        ready = {"port": provider.port, "base_url": provider.base_url, "models": behaviour.models, "pid": os.getpid()}
        print(json.dumps(ready), flush=True)
        await stop.wait()


def main(argv: list[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT.  Returns the exit status."""
    options = _arguments(sys.argv[1:] if argv is None else argv)
    try:
        asyncio.run(_run(options))
    except OSError as error:
        print(f"cannot listen on {options.host}:{options.port}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

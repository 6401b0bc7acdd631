"""A small provider with Anthropic's Messages wire, version 2023-06-01, for tests.

    async with FakeAnthropic(api_key="sk-ant") as provider:
        ...                                  # provider.base_url, provider.requests, provider.change(status=529)

It answers `POST /v1/messages`, plain and as a stream, and `/v1/messages/count_tokens`, as strict as the real one (see
`glowplug.testing.anthropic_replies`), over HTTP/1.1 with keep-alive.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Iterator
from dataclasses import replace
from http import HTTPStatus
from types import TracebackType

from glowplug.testing.anthropic_replies import Behaviour, Body, Refused, checked, count, events, message
from glowplug.testing.received import Received, RequestParser


class FakeAnthropic:
    """The provider as an async context manager; it listens inside the block.  `requests` are all that arrived."""

    def __init__(self, *, api_key: str = "", behaviour: Behaviour | None = None) -> None:
        self.behaviour = behaviour or Behaviour(api_key=api_key)
        self.requests: list[Received] = []
        self.port = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._connections = 0

    @property
    def base_url(self) -> str:
        """`http://host:port/v1`, as a provider's `base_url`; Anthropic's own SDK wants it without `/v1`."""
        return f"http://127.0.0.1:{self.port}/v1"

    def change(self, **changes: object) -> None:
        """Replace members of `behaviour`."""
        self.behaviour = replace(self.behaviour, **changes)  # type: ignore[arg-type]

    async def __aenter__(self) -> FakeAnthropic:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        number, self._connections = self._connections, self._connections + 1
        parser = RequestParser()
        with contextlib.suppress(ConnectionError, asyncio.CancelledError):
            while data := await reader.read(65_536):
                parser.feed(data)
                while parser.bodies:
                    head, body = parser.heads.pop(0), parser.bodies.pop(0)
                    request = Received(
                        number=len(self.requests), connection=number, method=head.method, target=head.target,
                        raw_headers=head.raw_headers, body=body, keep_alive=head.keep_alive,
                    )  # fmt: skip
                    self.requests.append(request)
                    if not self._answer(request, writer):
                        return
                    await writer.drain()
        writer.close()

    def _answer(self, request: Received, writer: asyncio.StreamWriter) -> bool:
        """Whether the connection can be used again."""
        behaviour = self.behaviour
        try:
            body = checked(request.path, request.headers, request.body, behaviour)
            if behaviour.status:
                raise Refused(behaviour.status, f"The stand-in was told to answer {behaviour.status}.")
        except Refused as refusal:
            writer.write(_whole(refusal.status, refusal.body))
            return True
        if request.path.endswith("/count_tokens"):
            writer.write(_whole(200, {"input_tokens": count(body)}))
        elif body.get("stream") is True:
            writer.writelines(_stream(events(body, behaviour)))
            if behaviour.breaks == "cut":
                writer.close()
                return False
            writer.write(b"0\r\n\r\n")
        else:
            writer.write(_whole(200, message(body, behaviour)))
        return True


def _whole(status: int, body: Body) -> bytes:
    data = json.dumps(body).encode()
    phrase = HTTPStatus(status).phrase if status != 529 else "Overloaded"
    head = f"HTTP/1.1 {status} {phrase}\r\ncontent-type: application/json\r\ncontent-length: {len(data)}\r\n"
    retry = "retry-after: 1\r\n" if status in (429, 529) else ""
    return f"{head}{retry}request-id: req_standin\r\n\r\n".encode() + data


def _stream(found: Iterator[Body]) -> Iterator[bytes]:
    yield b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ntransfer-encoding: chunked\r\n\r\n"
    for event in found:
        text = f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()
        yield b"%x\r\n%b\r\n" % (len(text), text)

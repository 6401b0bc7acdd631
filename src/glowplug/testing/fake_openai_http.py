"""What the fakes of vLLM and SGLang share on their HTTP side: uvicorn's heads, a guard, routes, generations, sleep.

Whoever takes over says what is different: which paths the key guards, what the model list holds, the shape of answers.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from glowplug.testing.fake_engine_http import GENERATIONS, Behaviour, FakeServer
from glowplug.testing.fake_engine_http import _Request as Request


@dataclass
class Memory:
    """What the engine does with its memory when it is told to; each may raise.  No-ops by default."""

    release: Callable[[], None] = lambda: None
    resume: Callable[[], None] = lambda: None


class OpenAiServer(FakeServer):
    """An engine behind uvicorn.  Generations wait while it is asleep."""

    def __init__(self, behaviour: Behaviour, memory: Memory) -> None:
        super().__init__(behaviour)
        self.memory = memory
        self.awake = asyncio.Event()
        self.awake.set()

    # ---- what a kind of engine says

    def guarded(self, path: str) -> bool:
        """Whether the key guards this path."""
        raise NotImplementedError

    def entry(self) -> dict[str, Any]:
        """Its entry in the model list."""
        raise NotImplementedError

    def role(self) -> dict[str, Any]:
        """The delta of the first event of a stream."""
        return {"role": "assistant", "content": ""}

    async def special(self, method: str, path: str, query: str, writer: asyncio.StreamWriter) -> bool:
        """Answer a path of its own; False when it is none."""
        raise NotImplementedError

    # ---- answering

    async def _answer(self, request: Request, writer: asyncio.StreamWriter) -> None:
        path, _, query = request.url.decode("latin-1").partition("?")
        key = self.behaviour.key
        if key and self.guarded(path) and request.headers.get("authorization") != f"Bearer {key}":
            send_json(writer, 401, {"error": "Unauthorized"})
        elif await self.special(request.method, path, query, writer):
            pass
        elif path == "/v1/models":
            send_json(writer, 200, {"object": "list", "data": [self.entry()]})
        elif path in GENERATIONS and path.startswith("/v1/"):
            await self._generation(path, request, writer)
        else:
            send_json(writer, 404, {"detail": "Not Found"})
        await writer.drain()

    async def _generation(self, path: str, request: Request, writer: asyncio.StreamWriter) -> None:
        body = json.loads(request.body or b"{}")
        if self.behaviour.status:
            self.refuse(writer, self.behaviour.status, "InternalServerError", "the fake engine was told to fail")
            return
        if body.get("model") != self.behaviour.model:
            self.refuse(writer, 404, "NotFoundError", f"The model `{body.get('model')}` does not exist.", "model")
            return
        await self.awake.wait()
        self.active += 1
        try:
            crash = 0 <= self.behaviour.crash_after <= self.answered
            if path == "/v1/embeddings":
                self._crash() if crash else send_json(writer, 200, self._embeddings(body))
            elif body.get("stream"):
                await self._stream(path, body, writer, crash=crash)
            else:
                text = "".join([token async for token in self._tokens(body, crash=crash)])
                send_json(writer, 200, self._whole(path, body, text))
            self.answered += 1
        finally:
            self.active -= 1

    def refuse(
        self, writer: asyncio.StreamWriter, status: int, kind: str, message: str, what: str | None = None
    ) -> None:
        send_json(writer, status, {"error": {"message": message, "type": kind, "param": what, "code": status}})

    async def _stream(self, path: str, body: dict[str, Any], writer: asyncio.StreamWriter, *, crash: bool) -> None:
        writer.write(
            b"HTTP/1.1 200 OK\r\nserver: uvicorn\r\ncontent-type: text/event-stream; charset=utf-8\r\n"
            b"transfer-encoding: chunked\r\n\r\n"
        )
        chat, frame = "chat" in path, self._frame(path, chunk=True)
        count, number = self._count(body), 0
        if chat:
            choice = {"index": 0, "delta": self.role(), "logprobs": None, "finish_reason": None}
            send_event(writer, {**frame, "choices": [choice]})
        async for token in self._tokens(body, crash=crash):
            number += 1
            # The last token and the reason to stop come in one event.
            finish = {"finish_reason": self._finish(body), "stop_reason": None} if number == count else {}
            said: dict[str, Any] = {"delta": {"content": token}} if chat else {"text": token}
            choice = {"index": 0, **said, "logprobs": None, "finish_reason": None, **finish}
            send_event(writer, {**frame, "choices": [choice]})
            await writer.drain()
        if (body.get("stream_options") or {}).get("include_usage"):
            send_event(writer, {**frame, "choices": [], "usage": self._usage(body)})
        _chunk(writer, b"data: [DONE]\n\n")
        writer.write(b"0\r\n\r\n")

    # ---- sleeping

    def sleep(self, writer: asyncio.StreamWriter, answer: object) -> None:
        """Give the memory back; generations wait from now on."""
        self.awake.clear()
        self.memory.release()
        send_json(writer, 200, answer)

    def wake(self, writer: asyncio.StreamWriter, answer: object, *, whole: bool = True) -> None:
        """Take the memory again; 500 when it is not there, and asleep still."""
        try:
            self.memory.resume()
        except MemoryError as error:
            self.refuse(writer, 500, "InternalServerError", str(error))
            return
        if whole:
            self.awake.set()
        send_json(writer, 200, answer)


def send(writer: asyncio.StreamWriter, status: int, body: bytes = b"", kind: str = "application/json") -> None:
    head = f"HTTP/1.1 {status} X\r\nserver: uvicorn\r\ncontent-length: {len(body)}\r\n"
    writer.write((head + (f"content-type: {kind}\r\n" if body else "") + "\r\n").encode() + body)


def send_json(writer: asyncio.StreamWriter, status: int, value: object) -> None:
    send(writer, status, json.dumps(value).encode())


def send_event(writer: asyncio.StreamWriter, value: object) -> None:
    _chunk(writer, b"data: " + json.dumps(value).encode() + b"\n\n")


def _chunk(writer: asyncio.StreamWriter, data: bytes) -> None:
    writer.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")

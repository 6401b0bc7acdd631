"""The HTTP side of the fake engine: llama-server's endpoints with made-up answers."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import struct
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import httptools

from glowplug.testing.fake_nvml_state import DeviceFull

CRASH_CODE = 134
GENERATIONS = frozenset(
    {"/v1/chat/completions", "/chat/completions", "/v1/completions", "/completions", "/v1/embeddings"}
)


@dataclass(frozen=True)
class Behaviour:
    """What it pretends to be and how it fails (see `glowplug.testing.fake_engine`)."""

    model: str
    path: str
    key: str
    build: str
    context: int
    slots: int
    tokens: int
    drip: float
    status: int
    hang_after: int
    crash_after: int
    crash_line: str
    early_ok: float = 0.0


class _Request:
    """One request as httptools reports it."""

    def __init__(self) -> None:
        self.method = ""
        self.url = b""
        self.headers: dict[str, str] = {}
        self.body = b""
        self.complete = False

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.complete = True


class FakeServer:
    """Answers connections; `ready` turns `/health` to 200.  `grow`: called by each generation, may raise DeviceFull."""

    def __init__(self, behaviour: Behaviour, grow: Callable[[], None] = lambda: None) -> None:
        self.behaviour = behaviour
        self.ready = False
        self._grow = grow
        self._serves_from = 0.0
        self.answered = 0
        self.active = 0

    def loaded(self) -> None:
        """From now on it is ready, or says so."""
        self.ready = True
        self._serves_from = time.monotonic() + self.behaviour.early_ok

    async def connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one client until it leaves; one request after the other."""
        with suppress(ConnectionError, httptools.HttpParserError):
            ahead = b""
            while (request := await self._read(reader, ahead)) is not None:
                if 0 <= self.behaviour.hang_after <= self.answered:
                    await asyncio.Event().wait()
                answer = asyncio.ensure_future(self._answer(request, writer))
                peek = asyncio.ensure_future(reader.read(1))
                await asyncio.wait({answer, peek}, return_when=asyncio.FIRST_COMPLETED)
                if not answer.done() and not peek.result():
                    print("srv  stop: cancel task", file=sys.stderr, flush=True)
                    answer.cancel()
                    break
                await answer
                if request.headers.get("connection", "").lower() == "close":
                    peek.cancel()
                    break
                ahead = await peek
        writer.close()

    async def _read(self, reader: asyncio.StreamReader, ahead: bytes) -> _Request | None:
        request = _Request()
        parser = httptools.HttpRequestParser(request)
        parser.feed_data(ahead)
        while not request.complete:
            data = await reader.read(65536)
            if not data:
                return None
            parser.feed_data(data)
        request.method = parser.get_method().decode()
        return request

    async def _answer(self, request: _Request, writer: asyncio.StreamWriter) -> None:
        path = request.url.decode("latin-1").partition("?")[0]
        if path in ("/health", "/v1/health"):
            self._health(writer)
        elif self.behaviour.key and request.headers.get("authorization") != f"Bearer {self.behaviour.key}":
            _error(writer, 401, "Invalid API Key", "authentication_error")
        elif not self.ready or (path in GENERATIONS and time.monotonic() < self._serves_from):
            _error(writer, 503, "Loading model", "unavailable_error")
        elif path in GENERATIONS:
            self.active += 1
            try:
                await self._generate(path, request, writer)
            finally:
                self.active -= 1
        else:
            self._look(path, request, writer)
        await writer.drain()

    def _health(self, writer: asyncio.StreamWriter) -> None:
        if self.ready:
            _json(writer, 200, {"status": "ok"})
        else:
            _error(writer, 503, "Loading model", "unavailable_error")

    def _look(self, path: str, request: _Request, writer: asyncio.StreamWriter) -> None:
        b = self.behaviour
        if path in ("/v1/models", "/models"):
            entry = {
                "id": b.model,
                "object": "model",
                "created": 0,
                "owned_by": "llamacpp",
                "meta": {"n_ctx": b.context},
            }
            _json(writer, 200, {"object": "list", "data": [entry]})
        elif path == "/props":
            settings = {"n_ctx": b.context}
            props = {"default_generation_settings": settings, "total_slots": b.slots, "model_path": b.path}
            _json(writer, 200, {**props, "build_info": b.build, "is_sleeping": False})
        elif path == "/slots":
            _json(
                writer, 200, [{"id": i, "n_ctx": b.context, "is_processing": i < self.active} for i in range(b.slots)]
            )
        elif path == "/metrics":
            _send(writer, 200, f"llamacpp:requests_processing {self.active}\n".encode(), "text/plain; version=0.0.4")
        elif path == "/tokenize":
            words = str(_body(request).get("content", "")).split()
            _json(writer, 200, {"tokens": list(range(len(words)))})
        else:
            _error(writer, 404, "File Not Found", "not_found_error")

    async def _generate(self, path: str, request: _Request, writer: asyncio.StreamWriter) -> None:
        body = _body(request)
        if self.behaviour.status:
            _error(writer, self.behaviour.status, "the fake engine was told to fail", "server_error")
            return
        try:
            self._grow()
        except DeviceFull:
            self._crash("cudaMalloc failed: out of memory")
        crash = 0 <= self.behaviour.crash_after <= self.answered
        if path == "/v1/embeddings":
            self._crash() if crash else _json(writer, 200, self._embeddings(body))
        elif body.get("stream"):
            await self._stream(path, body, writer, crash=crash)
        else:
            text = "".join([token async for token in self._tokens(body, crash=crash)])
            _json(writer, 200, self._whole(path, body, text))
        self.answered += 1

    def _crash(self, line: str = "") -> None:
        print(line or self.behaviour.crash_line, file=sys.stderr, flush=True)
        os._exit(CRASH_CODE)

    async def _tokens(self, body: dict[str, Any], *, crash: bool) -> AsyncIterator[str]:
        count = self._count(body)
        for number in range(1, count + 1):
            if self.behaviour.drip:
                await asyncio.sleep(self.behaviour.drip)
            if crash and number > count // 2:
                self._crash()
            yield f"token{number}" if number == 1 else f" token{number}"

    def _count(self, body: dict[str, Any]) -> int:
        asked = body.get("max_completion_tokens") or body.get("max_tokens") or self.behaviour.tokens
        return min(int(asked), self.behaviour.tokens)

    def _finish(self, body: dict[str, Any]) -> str:
        return "stop" if self._count(body) == self.behaviour.tokens else "length"

    def _usage(self, body: dict[str, Any]) -> dict[str, Any]:
        prompt = len(json.dumps(body.get("messages", body.get("prompt", ""))).split())
        count = self._count(body)
        return {"prompt_tokens": prompt, "completion_tokens": count, "total_tokens": prompt + count}

    def _frame(self, path: str, *, chunk: bool) -> dict[str, Any]:
        chat = "chat" in path
        kind = ("chat.completion.chunk" if chunk else "chat.completion") if chat else "text_completion"
        return {"id": "chatcmpl-fake", "object": kind, "created": 0, "model": self.behaviour.model}

    def _whole(self, path: str, body: dict[str, Any], text: str) -> dict[str, Any]:
        choice: dict[str, Any] = {"index": 0, "finish_reason": self._finish(body)}
        choice |= {"message": {"role": "assistant", "content": text}} if "chat" in path else {"text": text}
        return {**self._frame(path, chunk=False), "choices": [choice], "usage": self._usage(body)}

    async def _stream(self, path: str, body: dict[str, Any], writer: asyncio.StreamWriter, *, crash: bool) -> None:
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nServer: llama.cpp\r\n"
            b"Transfer-Encoding: chunked\r\nKeep-Alive: timeout=5, max=100\r\n\r\n"
        )
        chat, frame = "chat" in path, self._frame(path, chunk=True)

        def choice(text: str | None, finish: str | None) -> dict[str, Any]:
            content: dict[str, Any] = {"delta": {"content": text} if text else {}} if chat else {"text": text or ""}
            return {**frame, "choices": [{"index": 0, "finish_reason": finish, **content}]}

        if chat:
            _event(writer, {**frame, "choices": [{"index": 0, "delta": {"role": "assistant", "content": None}}]})
        async for token in self._tokens(body, crash=crash):
            _event(writer, choice(token, None))
            await writer.drain()
        _event(writer, choice(None, self._finish(body)))
        if (body.get("stream_options") or {}).get("include_usage"):
            _event(writer, {**frame, "choices": [], "usage": self._usage(body)})
        _chunk(writer, b"data: [DONE]\n\n")
        writer.write(b"0\r\n\r\n")

    def _embeddings(self, body: dict[str, Any]) -> dict[str, Any]:
        given = body.get("input", "")
        inputs = given if isinstance(given, list) else [given]
        data = []
        for index, text in enumerate(inputs):
            raw = [byte - 127.5 for byte in sha256(str(text).encode()).digest()[:8]]
            norm = sum(value * value for value in raw) ** 0.5
            vector = [value / norm for value in raw]
            packed = base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
            encoded = packed if body.get("encoding_format") == "base64" else vector
            data.append({"object": "embedding", "index": index, "embedding": encoded})
        tokens = sum(len(str(text).split()) for text in inputs)
        usage = {"prompt_tokens": tokens, "total_tokens": tokens}
        return {"object": "list", "model": self.behaviour.model, "data": data, "usage": usage}


def _body(request: _Request) -> dict[str, Any]:
    try:
        body = json.loads(request.body or b"{}")
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _chunk(writer: asyncio.StreamWriter, data: bytes) -> None:
    writer.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")


def _event(writer: asyncio.StreamWriter, value: object) -> None:
    _chunk(writer, b"data: " + json.dumps(value).encode() + b"\n\n")


def _send(writer: asyncio.StreamWriter, status: int, body: bytes, kind: str) -> None:
    head = f"HTTP/1.1 {status} Fake\r\nServer: llama.cpp\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
    writer.write(head.encode() + body)


def _json(writer: asyncio.StreamWriter, status: int, value: object) -> None:
    _send(writer, status, json.dumps(value).encode(), "application/json; charset=utf-8")


def _error(writer: asyncio.StreamWriter, status: int, message: str, kind: str) -> None:
    _json(writer, status, {"error": {"code": status, "message": message, "type": kind}})

"""The HTTP side of the fake Ollama: its API, and enough of `/v1` to see what calls there do to a loaded model."""

from __future__ import annotations

import asyncio
import json
import math
import os
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import httptools

from glowplug.testing.fake_ollama_runners import OllamaError, Pulled, Runner, Runners
from glowplug.testing.received import RequestHead, RequestParser
from glowplug.translate.ollama_answer import Answering, AnswerStream, embedding_list, whole_answer
from glowplug.units import parse_duration
from glowplug.wire.ollama import is_cloud

FOR_EVER = "2318-11-25T00:00:00Z"


@dataclass(frozen=True)
class Talk:
    """How it answers (see `glowplug.testing.fake_ollama`)."""

    version: str
    tokens: int = 8
    drip: float = 0.0
    """Seconds in front of each token."""
    error_after: int = -1
    """Tokens after which a stream says an error instead of going on."""
    cut_after: int = -1
    """Tokens after which the connection is closed."""
    cloud: bool = True


class Api:
    """Answers connections."""

    def __init__(self, runners: Runners, talk: Talk) -> None:
        self.runners = runners
        self.talk = talk
        self.received: list[dict[str, Any]] = []
        """Path and body of every POST, oldest first."""
        self._routes: dict[str, Callable[[dict[str, Any], _Reply], Any]] = {
            "/api/chat": self._chat, "/api/generate": self._generate, "/api/embed": self._embed,
            "/api/show": self._show, "/v1/chat/completions": self._v1, "/v1/completions": self._v1,
            "/v1/embeddings": self._v1,
        }  # fmt: skip

    async def connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one client until it leaves; a client that leaves cancels what it asked for."""
        parser = RequestParser()
        try:
            with suppress(ConnectionError, httptools.HttpParserError):
                data: bytes | None = await reader.read(65536)
                while data:
                    parser.feed(data)
                    data = b""
                    while parser.bodies:
                        head, body = parser.heads.pop(0), parser.bodies.pop(0)
                        data = await self._serve(head, body, reader, writer)
                        if data is None or not head.keep_alive:
                            return
                    data = data or await reader.read(65536)
        finally:
            writer.close()

    async def _serve(
        self, head: RequestHead, body: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bytes | None:
        """Answer one request; what the client sent meanwhile, None when it left."""
        answer = asyncio.ensure_future(self._answer(head, body, _Reply(writer)))
        ahead = asyncio.ensure_future(reader.read(65536))
        await asyncio.wait({answer, ahead}, return_when=asyncio.FIRST_COMPLETED)
        if ahead.done() and not ahead.result() and not answer.done():
            answer.cancel()
            with suppress(asyncio.CancelledError):
                await answer
            return None
        await answer
        if not head.keep_alive:
            ahead.cancel()
            return b""
        return await ahead or None

    async def _answer(self, head: RequestHead, body: bytes, reply: _Reply) -> None:
        path = head.target.partition("?")[0]
        try:
            if head.method in ("GET", "HEAD"):
                self._look(path, reply)
            elif path in self._routes:
                asked = _object(body)
                self.received.append({"path": path, "body": asked})
                if path.startswith("/v1/"):
                    asked["_path"] = path
                await self._routes[path](asked, reply)
            else:
                reply.text(404, "404 page not found")
        except OllamaError as error:
            reply.error(error.status, str(error))
        await reply.writer.drain()

    def _look(self, path: str, reply: _Reply) -> None:
        if path == "/":
            reply.text(200, "Ollama is running")
        elif path == "/api/version":
            reply.json(200, {"version": self.talk.version})
        elif path == "/api/tags":
            models = [{**_names(model), "size": model.size, "modified_at": _now()} for model in self._library()]
            reply.json(200, {"models": models})
        elif path == "/v1/models":
            data = [{"id": m.name, "object": "model", "created": 0, "owned_by": "library"} for m in self._library()]
            reply.json(200, {"object": "list", "data": data})
        elif path == "/api/ps":
            reply.json(200, {"models": [_listed(runner) for runner in self.runners.loaded.values()]})
        elif path == "/fake/state":
            runners = {runner.model.name: runner.process.pid for runner in self.runners.loaded.values()}
            counts = asdict(self.runners.counts)
            env = {name: value for name, value in os.environ.items() if name.startswith("OLLAMA_")}
            reply.json(200, {**counts, "runners": runners, "received": self.received, "env": env})
        else:
            reply.text(404, "404 page not found")

    def _library(self) -> list[Pulled]:
        return list(self.runners.library.values())

    def _model(self, asked: dict[str, Any]) -> Pulled:
        name = str(asked.get("model") or asked.get("name") or "")
        if not name:
            raise OllamaError(400, "model is required")
        if is_cloud(name):
            if not self.talk.cloud:
                raise OllamaError(403, "ollama cloud is disabled: remote model is unavailable")
            raise OllamaError(401, "unauthorized")
        return self.runners.find(name)

    async def _show(self, asked: dict[str, Any], reply: _Reply) -> None:
        model = self._model(asked)
        blob = f"{self.runners.terms.blobs}/sha256-{model.name.encode().hex()}"
        info = {"general.architecture": "llama", "llama.context_length": model.context}
        reply.json(
            200,
            {
                "modelfile": f'# Modelfile generated by "ollama show"\nFROM {blob}\n',
                "details": _names(model)["details"],
                "model_info": info,
                "capabilities": model.capabilities,
            },
        )

    async def _generate(self, asked: dict[str, Any], reply: _Reply) -> None:
        model = self._model(asked)
        prompt, keep_alive = str(asked.get("prompt") or ""), _keep_alive(asked)
        if not prompt and keep_alive == 0:
            self.runners.expire(model)
            reply.json(200, _line(asked, response="", done=True, done_reason="unload"))
            return
        self._must(model, "completion", f'"{model.name}" does not support generate')
        self._thinks(asked, model)
        async with self.runners.use(model, asked.get("options") or {}, keep_alive):
            if not prompt:
                reply.json(200, _line(asked, response="", done=True, done_reason="load"))
                return
            await self._say(self._lines(asked, model, len(prompt.split()), chat=False), asked, reply)

    async def _chat(self, asked: dict[str, Any], reply: _Reply) -> None:
        model = self._model(asked)
        messages, keep_alive = asked.get("messages") or [], _keep_alive(asked)
        if not messages and keep_alive == 0:
            self.runners.expire(model)
            reply.json(200, _line(asked, message={"role": "assistant", "content": ""}, done=True, done_reason="unload"))
            return
        self._must(model, "completion", f'"{model.name}" does not support chat')
        if asked.get("tools"):
            self._must(model, "tools", f"{model.name} does not support tools")
        self._thinks(asked, model)
        async with self.runners.use(model, asked.get("options") or {}, keep_alive):
            if not messages:
                message = {"role": "assistant", "content": ""}
                reply.json(200, _line(asked, message=message, done=True, done_reason="load"))
                return
            words = sum(len(str(message.get("content", "")).split()) for message in messages)
            await self._say(self._lines(asked, model, words, chat=True), asked, reply)

    def _must(self, model: Pulled, capability: str, otherwise: str) -> None:
        if capability not in model.capabilities:
            raise OllamaError(400, otherwise)

    def _thinks(self, asked: dict[str, Any], model: Pulled) -> None:
        if asked.get("think"):
            self._must(model, "thinking", f'"{model.name}" does not support thinking')

    async def _lines(
        self, asked: dict[str, Any], model: Pulled, words: int, *, chat: bool
    ) -> AsyncIterator[dict[str, Any]]:
        """Thoughts, tokens, a call of the first tool when there is one, the figures."""

        def said(content: str = "", thinking: str = "", **more: Any) -> dict[str, Any]:
            if not chat:
                return _line(asked, response=content, **({"thinking": thinking} if thinking else {}))
            message = {"role": "assistant", "content": content, **({"thinking": thinking} if thinking else {}), **more}
            return _line(asked, message=message)

        if "think" in model.kinds and asked.get("think") is not False:
            yield said(thinking="let me think")
        if tools := asked.get("tools"):
            name = tools[0]["function"]["name"]
            yield said(
                tool_calls=[{"id": "call_0a1b2c3d", "function": {"index": 0, "name": name, "arguments": {"n": 1}}}]
            )
            count, most = 1, -1
        else:
            most = int((asked.get("options") or {}).get("num_predict", -1))
            count = self.talk.tokens if most < 0 else min(most, self.talk.tokens)
            for number in range(1, count + 1):
                await asyncio.sleep(self.talk.drip)
                yield said(f"token{number}" if number == 1 else f" token{number}")
        reason = "length" if 0 <= most < self.talk.tokens else "stop"
        figures = {"prompt_eval_count": words, "eval_count": count, "total_duration": 10, "eval_duration": 5}
        yield {**said(), "done": True, "done_reason": reason, **figures}

    async def _say(self, lines: AsyncIterator[dict[str, Any]], asked: dict[str, Any], reply: _Reply) -> None:
        stream = asked.get("stream", True) is not False
        to = asked.get("_answering")
        whole: dict[str, Any] = {}
        events = AnswerStream(to) if to is not None else None
        given = 0
        async for line in lines:
            if not stream:
                whole = _joined(whole, line)
                continue
            if given == self.talk.error_after:
                reply.piece(
                    json.dumps({"error": "an error was encountered while running the model: CUDA error"}) + "\n"
                )
                break
            if given == self.talk.cut_after:
                await reply.writer.drain()
                reply.writer.transport.abort()
                return
            given += 1
            data = json.dumps(line).encode() + b"\n"
            reply.begin("application/x-ndjson" if events is None else "text/event-stream")
            reply.piece((data if events is None else events.feed(data)).decode())
            await reply.writer.drain()
        if stream:
            reply.end()
        else:
            data = json.dumps(whole).encode()
            reply.body(200, data if to is None else whole_answer(data, to), "application/json; charset=utf-8")

    async def _embed(self, asked: dict[str, Any], reply: _Reply) -> None:
        model = self._model(asked)
        given = asked.get("input")
        texts = [given] if isinstance(given, str) and given else given if isinstance(given, list) else []
        if not all(isinstance(text, str) for text in texts):
            raise OllamaError(400, "invalid input type")
        async with self.runners.use(model, asked.get("options") or {}, _keep_alive(asked)):
            vectors = [_vector(text) for text in texts]
        answer = {"model": asked["model"], "embeddings": vectors}
        if texts:
            answer |= {"total_duration": 9, "prompt_eval_count": sum(len(text.split()) for text in texts)}
        if to := asked.get("_answering"):
            reply.body(200, embedding_list(json.dumps(answer).encode(), to), "application/json")
        else:
            reply.json(200, answer)

    async def _v1(self, asked: dict[str, Any], reply: _Reply) -> None:
        """OpenAI's wire: no keep_alive and no num_ctx, so the model's own count."""
        path = asked.pop("_path")
        options = {"num_predict": asked["max_tokens"]} if "max_tokens" in asked else {}
        usage = bool((asked.get("stream_options") or {}).get("include_usage"))
        to = Answering("1", str(asked.get("model")), 0, chat="chat" in path, include_usage=usage)
        call = {**asked, "options": options, "stream": asked.get("stream") is True, "_answering": to}
        call.pop("keep_alive", None)
        if path.endswith("/embeddings"):
            await self._embed(call, reply)
        elif to.chat:
            await self._chat(call, reply)
        else:
            await self._generate(call, reply)


class _Reply:
    """One answer on a connection."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self.writer = writer
        self._begun = False

    def body(self, status: int, data: bytes, kind: str) -> None:
        head = f"HTTP/1.1 {status} Fake\r\nContent-Type: {kind}\r\nContent-Length: {len(data)}\r\n\r\n"
        self.writer.write(head.encode() + data)

    def json(self, status: int, value: object) -> None:
        self.body(status, json.dumps(value).encode(), "application/json; charset=utf-8")

    def text(self, status: int, text: str) -> None:
        self.body(status, text.encode(), "text/plain; charset=utf-8")

    def error(self, status: int, message: str) -> None:
        self.json(status, {"error": message})

    def begin(self, kind: str) -> None:
        if not self._begun:
            self._begun = True
            head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nTransfer-Encoding: chunked\r\n\r\n"
            self.writer.write(head.encode())

    def piece(self, text: str) -> None:
        """A chunk; an error in front of everything is an answer of its own."""
        if not self._begun:
            self.body(500, text.encode(), "application/json")
        elif text:
            data = text.encode()
            self.writer.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")

    def end(self) -> None:
        if self._begun:
            self.writer.write(b"0\r\n\r\n")


def _object(body: bytes) -> dict[str, Any]:
    if not body:
        raise OllamaError(400, "missing request body")
    try:
        asked = json.loads(body)
    except ValueError as error:
        raise OllamaError(400, str(error)) from None
    if not isinstance(asked, dict):
        raise OllamaError(400, "json: cannot unmarshal into Go value")
    return asked


def _keep_alive(asked: dict[str, Any]) -> float | None:
    """Seconds; None when the call does not say."""
    value = asked.get("keep_alive")
    if value is None:
        return None
    try:
        return parse_duration(value)
    except ValueError as error:
        raise OllamaError(400, str(error)) from None


def _now() -> str:
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")


def _line(asked: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"model": asked["model"], "created_at": _now(), "done": False, **more}


def _joined(whole: dict[str, Any], line: dict[str, Any]) -> dict[str, Any]:
    """A stream's lines as one object: the last, with all that was said."""
    out = dict(line)
    if "message" in line:
        message = dict(line["message"])
        before = whole.get("message", {})
        message["content"] = before.get("content", "") + message["content"]
        if thought := before.get("thinking", "") + message.get("thinking", ""):
            message["thinking"] = thought
        if calls := before.get("tool_calls", []) + message.get("tool_calls", []):
            message["tool_calls"] = calls
        out["message"] = message
    else:
        out["response"] = whole.get("response", "") + line["response"]
    return out


def _names(model: Pulled) -> dict[str, Any]:
    name = model.name if ":" in model.name.rpartition("/")[2] else f"{model.name}:latest"
    details = {"format": "gguf", "family": "llama", "parameter_size": "7B", "quantization_level": "Q4_0"}
    return {"name": name, "model": name, "digest": sha256(name.encode()).hexdigest(), "details": details}


def _listed(runner: Runner) -> dict[str, Any]:
    expires = FOR_EVER
    if runner.keep_alive != math.inf:
        expires = (datetime.now(UTC) + timedelta(seconds=runner.keep_alive)).isoformat()
    return {
        **_names(runner.model), "size": runner.size, "size_vram": runner.on_device, "expires_at": expires,
        "context_length": runner.context,
    }  # fmt: skip


def _vector(text: str) -> list[float]:
    raw = [byte - 127.5 for byte in sha256(text.encode()).digest()[:8]]
    norm = sum(value * value for value in raw) ** 0.5
    return [value / norm for value in raw]

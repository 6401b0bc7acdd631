"""Ollama's answers → OpenAI's: whole ones, and lines of JSON into server-sent events.  Pure.

`AnswerStream` is fed the bytes of a stream in whatever pieces they come.  It never ends an answer that Ollama did not
end: a stream without `done: true` leaves a reason in `broken`, and no finish_reason and no `[DONE]` have gone out.

Formats: https://platform.openai.com/docs/api-reference/chat/streaming; reasoning is in `reasoning_content`, as
llama.cpp's server gives it.  Ollama's side: `glowplug.wire.ollama`.
"""

from __future__ import annotations

import base64
import struct
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from glowplug.wire import sse
from glowplug.wire.ollama import Line, Logprob, NotOllama, ToolCall, read_embedded, read_error, read_line
from glowplug.wire.openai_values import Usage

_encode = msgspec.json.Encoder().encode

LONGEST_LINE: Final = 8 << 20
"""Bytes of one object of a stream; nothing a model says in one step is that long."""
_UNFINISHED: Final = "the stream ended before the answer did"
_FINISH: Final = {"length": "length", "stop": "stop"}
"""Reasons to end, as OpenAI names them; with `done: true` every other counts as `stop`."""


@dataclass(frozen=True, slots=True)
class Answering:
    """What the answer to one request says of itself."""

    id: str
    """The request's id; OpenAI's prefix is put in front."""
    model: str
    """The name the client knows the model by."""
    created: int
    """Unix seconds."""
    chat: bool = True
    """A chat completion; otherwise a completion."""
    include_usage: bool = False
    """A stream ends with the usage chunk."""
    packed: bool = False
    """Embeddings as base64 of 32-bit floats."""

    def head(self, *, stream: bool) -> dict[str, Any]:
        kind = "chat.completion" if self.chat else "text_completion"
        if stream and self.chat:
            kind += ".chunk"
        prefix = "chatcmpl" if self.chat else "cmpl"
        return {"id": f"{prefix}-{self.id}", "object": kind, "created": self.created, "model": self.model}


class AnswerStream:
    """Lines of JSON in, events out."""

    __slots__ = ("_calls", "_held", "_length", "_to", "broken", "done", "usage")

    def __init__(self, to: Answering) -> None:
        self.usage: Usage | None = None
        self.broken = ""
        """Why no more will come although the answer has not ended; empty as long as all is well."""
        self.done = False
        self._to = to
        self._held = b""
        self._calls = -1
        """Tool calls given so far; -1 before the first line."""
        self._length = 0
        """Characters of a completion so far, for the offsets of its logprobs."""

    def feed(self, data: bytes) -> bytes:
        """The events that follow from these bytes."""
        if self.done or self.broken:
            return b""
        *lines, self._held = (self._held + data).split(b"\n") if self._held else data.split(b"\n")
        out = b"".join([self._line(line) for line in lines])
        if len(self._held) > LONGEST_LINE:
            self.broken, self._held = f"a line is longer than {LONGEST_LINE} bytes", b""
        return out

    def end(self) -> bytes:
        """The stream is over: what a last line without a line end gives."""
        rest, self._held = self._held, b""
        out = self._line(rest)
        if not self.done and not self.broken:
            self.broken = _UNFINISHED
        return out

    def _line(self, text: bytes) -> bytes:
        if self.done or self.broken or not text.strip():
            return b""
        try:
            line = read_line(text)
        except NotOllama as error:
            self.broken = f"a line is not what Ollama says: {error}"
            return b""
        if line.error is not None:
            self.broken = line.error or "the engine reported an error without a message"
            return b""
        out = self._chat(line) if self._to.chat else self._completion(line)
        if line.done:
            out += self._finish(line)
        return out

    def _chat(self, line: Line) -> bytes:
        out = b""
        if self._calls < 0:
            self._calls = 0
            out = self._choice({"role": "assistant", "content": ""}, None)
        message = line.message
        logprobs = {"content": line.logprobs} if line.logprobs else None
        if message is None:
            return out
        if message.thinking:
            out += self._choice({"reasoning_content": message.thinking}, logprobs)
            logprobs = None
        if message.content or logprobs:
            out += self._choice({"content": message.content or ""}, logprobs)
        if message.tool_calls:
            calls = _tool_calls(message.tool_calls, self._to.id, self._calls)
            self._calls += len(calls)
            out += self._choice({"tool_calls": [{"index": c.pop("index"), **c} for c in calls]}, None)
        return out

    def _choice(self, delta: dict[str, Any], logprobs: object, reason: str | None = None) -> bytes:
        choice: dict[str, Any] = {"index": 0, "delta": delta, "finish_reason": reason}
        if logprobs is not None:
            choice["logprobs"] = logprobs
        return self._event([choice])

    def _completion(self, line: Line) -> bytes:
        self._calls = 0
        text = line.response or ""
        if not text and not line.logprobs:
            return b""
        choice = {"index": 0, "text": text, "finish_reason": None}
        choice["logprobs"] = _legacy_logprobs(line.logprobs, self._length) if line.logprobs else None
        self._length += len(text)
        return self._event([choice])

    def _event(self, choices: list[dict[str, Any]], **more: Any) -> bytes:
        return sse.event(_encode({**self._to.head(stream=True), "choices": choices, **more}))

    def _finish(self, line: Line) -> bytes:
        self.done = True
        self.usage = Usage(line.prompt_eval_count, line.eval_count)
        reason = _reason(line, called=self._calls > 0)
        if self._to.chat:
            out = self._choice({}, None, reason)
        else:
            out = self._event([{"index": 0, "text": "", "finish_reason": reason, "logprobs": None}])
        if self._to.include_usage:
            out += self._event([], usage=_usage(line))
        return out + sse.event(b"[DONE]")


def whole_answer(data: bytes, to: Answering) -> bytes:
    """A chat completion or completion from an answer that was not streamed.  Raises NotOllama when it is none, or not
    a finished one."""
    line = read_line(data)
    if line.error is not None:
        raise NotOllama(line.error)
    if not line.done:
        raise NotOllama(_UNFINISHED)
    choice: dict[str, Any] = {"index": 0}
    called = False
    if to.chat:
        message = line.message
        said: dict[str, Any] = {"role": "assistant", "content": (message.content if message else None) or ""}
        if message is not None and message.thinking:
            said["reasoning_content"] = message.thinking
        if message is not None and message.tool_calls:
            calls = _tool_calls(message.tool_calls, to.id, 0)
            said["tool_calls"] = [{name: value for name, value in call.items() if name != "index"} for call in calls]
            said["content"] = said["content"] or None
            called = True
        choice["message"] = said
        choice["logprobs"] = {"content": line.logprobs} if line.logprobs else None
    else:
        choice["text"] = line.response or ""
        choice["logprobs"] = _legacy_logprobs(line.logprobs, 0) if line.logprobs else None
    choice["finish_reason"] = _reason(line, called=called)
    return _encode({**to.head(stream=False), "choices": [choice], "usage": _usage(line)})


def embedding_list(data: bytes, to: Answering) -> bytes:
    """OpenAI's list of embeddings.  Raises NotOllama."""
    answer = read_embedded(data)
    rows = [
        {"object": "embedding", "index": index, "embedding": _packed(vector) if to.packed else vector}
        for index, vector in enumerate(answer.embeddings)
    ]
    usage = {"prompt_tokens": answer.prompt_eval_count, "total_tokens": answer.prompt_eval_count}
    return _encode({"object": "list", "data": rows, "model": to.model, "usage": usage})


def error_object(status: int, data: bytes) -> bytes:
    """OpenAI's error object for an answer with this status."""
    kind, code = "api_error", "upstream_error"
    if status == 404:
        kind, code = "invalid_request_error", "model_not_found"
    elif 400 <= status < 500:
        kind, code = "invalid_request_error", "invalid_request"
    message = read_error(data) or f"Ollama answered {status}"
    return _encode({"error": {"message": message, "type": kind, "param": None, "code": code, "source": "ollama"}})


def _usage(line: Line) -> dict[str, int]:
    prompt, completion = line.prompt_eval_count, line.eval_count
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}


def _reason(line: Line, *, called: bool) -> str:
    return "tool_calls" if called else _FINISH.get(line.done_reason or "", "stop")


def _tool_calls(calls: list[ToolCall], request: str, before: int) -> list[dict[str, Any]]:
    """OpenAI's calls, arguments as text; those without an id get one of this request."""
    return [
        {
            "index": number,
            "id": call.id or f"call_{request}_{number}",
            "type": "function",
            "function": {"name": call.function.name, "arguments": _encode(call.function.arguments).decode()},
        }
        for number, call in enumerate(calls, before)
    ]


def _legacy_logprobs(entries: list[Logprob], offset: int) -> dict[str, Any]:
    """The logprobs of a completion; `offset`: characters before the first token."""
    offsets = []
    for entry in entries:
        offsets.append(offset)
        offset += len(entry.token)
    return {
        "tokens": [entry.token for entry in entries],
        "token_logprobs": [entry.logprob for entry in entries],
        "top_logprobs": [{one.token: one.logprob for one in entry.top_logprobs or ()} for entry in entries],
        "text_offset": offsets,
    }


def _packed(vector: list[float]) -> str:
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()

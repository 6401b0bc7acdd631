"""Answers of Anthropic's Messages wire → OpenAI's chat completions: whole ones and streams.  Pure.

The first chunk has the role and nothing else; every choice has a `finish_reason`, which is null in all but the last; a
call's id and name come once, its index with every piece.  Thinking is `reasoning_content`.  Blocks of tools that ran at
Anthropic are left out.  The end (the finish_reason, the usage where it was asked for, `[DONE]`) is told when the
upstream's has come: `message_stop`, or the end of the response after a stop_reason.  A stream without one, or with an
error in it, leaves a reason in `broken`, and no end has gone out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import msgspec

from glowplug.translate.base import Untranslatable
from glowplug.translate.payloads import Payloads
from glowplug.wire.anthropic_answers import Block, Delta, Event, Usage, read_event, read_message
from glowplug.wire.failures import message_of
from glowplug.wire.sse import event as sse_event

_encode = msgspec.json.Encoder().encode
_UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

_REASONS: Final = {
    "end_turn": "stop", "stop_sequence": "stop", "pause_turn": "stop", "max_tokens": "length",
    "model_context_window_exceeded": "length", "tool_use": "tool_calls", "refusal": "content_filter",
}  # fmt: skip
"""Reasons to end, as OpenAI names them; every other counts as `stop`."""
_UNFINISHED: Final = "the stream ended before the answer did"


@dataclass(frozen=True, slots=True)
class MessagesAnswers:
    """What the answer to one request says of itself."""

    id: str
    """The request's id; OpenAI's prefix is put in front."""
    model: str
    """The name the client knows the model by."""
    created: int
    """Unix seconds."""
    usage: bool = False
    """A stream ends with the usage chunk."""

    def head(self, kind: str) -> dict[str, Any]:
        return {"id": f"chatcmpl-{self.id}", "object": kind, "created": self.created, "model": self.model}


def joined(new: Usage, old: Usage | None) -> Usage:
    """What a later report of the same stream leaves out stands as it was."""
    if old is None:
        return new
    for name in Usage.__struct_fields__:
        if getattr(new, name) is None:
            setattr(new, name, getattr(old, name))
    return new


def usage_members(usage: Usage | None) -> dict[str, Any]:
    """OpenAI counts what came from a cache, and what was put there, inside `prompt_tokens`."""
    usage = usage or Usage()
    read, written = usage.cache_read_input_tokens or 0, usage.cache_creation_input_tokens or 0
    prompt, completion = (usage.input_tokens or 0) + read + written, usage.output_tokens or 0
    out: dict[str, Any] = {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": read},
    }
    if written:
        out["prompt_tokens_details"]["cache_write_tokens"] = written
    details = usage.output_tokens_details
    if details is not None and details.thinking_tokens:
        out["completion_tokens_details"] = {"reasoning_tokens": details.thinking_tokens}
    return out


def completion_of_message(data: bytes, answers: MessagesAnswers) -> bytes:
    """A chat completion from an answer that was not streamed.  Raises Untranslatable."""
    try:
        message = read_message(data)
    except _UNREADABLE as error:
        raise Untranslatable(f"it is no message: {error}") from None
    if message.type == "error" or message.error is not None:
        raise Untranslatable(message_of(message.error))
    if message.type != "message":
        raise Untranslatable("it is no message")
    texts = [block.text or "" for block in message.content if block.type == "text"]
    thoughts = [block.thinking or "" for block in message.content if block.type == "thinking"]
    calls = [block for block in message.content if block.type == "tool_use"]
    said: dict[str, Any] = {"role": "assistant", "content": "".join(texts) or (None if calls else ""), "refusal": None}
    if thought := "\n".join([text for text in thoughts if text]):
        said["reasoning_content"] = thought
    if calls:
        said["tool_calls"] = [_call(block, _arguments(block)) for block in calls]
    reason = _REASONS.get(message.stop_reason or "", "stop")
    choice = {"index": 0, "message": said, "logprobs": None, "finish_reason": reason}
    usage = {"usage": usage_members(message.usage)} if message.usage is not None else {}
    return _encode({**answers.head("chat.completion"), "choices": [choice], **usage})


def _call(block: Block, arguments: str) -> dict[str, Any]:
    return {"id": block.id, "type": "function", "function": {"name": block.name, "arguments": arguments}}


def _arguments(block: Block) -> str:
    return _encode(block.input or {}).decode()


class MessagesStream:
    """Events of messages in, events of chat completions out."""

    __slots__ = (
        "_answers", "_block", "_calls", "_head", "_payloads", "_reason", "_started", "_tail", "_told", "_usage",
        "broken", "done",
    )  # fmt: skip

    def __init__(self, answers: MessagesAnswers) -> None:
        self.broken = ""
        self.done = False
        self._answers = answers
        self._payloads = Payloads()
        self._head = b'data: %b,"choices":[{"index":0,"delta":' % _encode(answers.head("chat.completion.chunk"))[:-1]
        self._tail = b'}],"usage":null}\n\n' if answers.usage else b"}]}\n\n"
        self._started = False
        self._calls = -1
        """The index of the newest call."""
        self._block: Block | None = None
        """The call whose block is open."""
        self._told = False
        """Whether some of its arguments have gone out."""
        self._reason = ""
        self._usage: Usage | None = None

    def feed(self, data: bytes) -> bytes:
        if self.done or self.broken:
            return b""
        try:
            payloads = self._payloads.feed(data)
        except ValueError as error:
            self.broken = str(error)
            return b""
        if len(payloads) == 1:
            return self._event(payloads[0])
        return b"".join([self._event(payload) for payload in payloads])

    def end(self) -> bytes:
        out = b"".join([self._event(payload) for payload in self._payloads.end()])
        if not self.done and not self.broken:
            out += self._finish()
        return out

    def _event(self, payload: bytes) -> bytes:
        if self.done or self.broken:
            return b""
        try:
            event = read_event(payload)
        except _UNREADABLE as error:
            if payload.strip() not in (b"", b"[DONE]"):
                self.broken = f"an event is none of Anthropic's: {error}"
            return b""
        kind, delta = event.type, event.delta
        if kind == "content_block_delta" and delta is not None:
            if delta.text and delta.type == "text_delta" and self._started:
                # The common event: one decode and one template.
                return b'%b{"content":%b},"finish_reason":null%b' % (self._head, _encode(delta.text), self._tail)
            return self._start() + self._delta(delta)
        return self._other(kind, event)

    def _other(self, kind: str, event: Event) -> bytes:
        """An event that adds nothing to a block."""
        if kind == "error" or event.error is not None:
            self.broken = message_of(event.error)
            return b""
        usage = event.usage or (event.message.usage if event.message is not None else None)
        if usage is not None:
            self._usage = joined(usage, self._usage)
        if kind == "message_start":
            return self._start()
        if kind == "content_block_start" and event.content_block is not None:
            return self._start() + self._opened(event.content_block)
        if kind == "content_block_stop":
            return self._closed()
        if kind == "message_delta" and event.delta is not None and event.delta.stop_reason:
            self._reason = event.delta.stop_reason
        if kind == "message_stop":
            return self._finish()
        return b""

    def _start(self) -> bytes:
        if self._started:
            return b""
        self._started = True
        return self._chunk({"role": "assistant", "content": ""})

    def _chunk(self, delta: dict[str, Any], reason: str | None = None) -> bytes:
        return b'%b%b,"finish_reason":%b%b' % (self._head, _encode(delta), _encode(reason), self._tail)

    # ---- blocks

    def _opened(self, block: Block) -> bytes:
        if block.type == "text" and block.text:
            return self._chunk({"content": block.text})
        if block.type == "thinking" and block.thinking:
            return self._chunk({"reasoning_content": block.thinking})
        if block.type != "tool_use":
            return b""
        self._block, self._told = block, False
        self._calls += 1
        return self._chunk({"tool_calls": [{"index": self._calls, **_call(block, "")}]})

    def _delta(self, delta: Delta) -> bytes:
        if delta.type == "text_delta" and delta.text:
            return self._chunk({"content": delta.text})
        if delta.type == "thinking_delta" and delta.thinking:
            return self._chunk({"reasoning_content": delta.thinking})
        if delta.type == "input_json_delta" and delta.partial_json and self._block is not None:
            self._told = True
            return self._piece(delta.partial_json)
        return b""

    def _piece(self, arguments: str) -> bytes:
        return self._chunk({"tool_calls": [{"index": self._calls, "function": {"arguments": arguments}}]})

    def _closed(self) -> bytes:
        """The end of a block; a call without arguments has those of an empty object."""
        block, self._block = self._block, None
        return self._piece(_arguments(block)) if block is not None and not self._told else b""

    def _finish(self) -> bytes:
        if not self._reason:
            self.broken = _UNFINISHED
            return b""
        out = self._start() + self._closed() + self._chunk({}, _REASONS.get(self._reason, "stop"))
        if self._answers.usage:
            head = self._answers.head("chat.completion.chunk")
            out += sse_event(_encode({**head, "choices": [], "usage": usage_members(self._usage)}))
        self.done = True
        return out + sse_event(b"[DONE]")

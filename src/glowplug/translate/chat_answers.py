"""Answers of OpenAI's chat completions → Anthropic's Messages: whole ones and streams.  Pure.

A stream is `message_start`, `ping`, blocks one after the other, `message_delta` with the reason and the usage,
`message_stop` (https://docs.anthropic.com/en/api/messages-streaming).

* `message_start` says 0 tokens: nobody has counted yet, and a guess would be read as a count.  The true numbers are in
  `message_delta`, which Anthropic's clients take over; where the upstream reports none, they stay 0.
* Blocks never overlap.  Calls whose pieces come mixed are put in order: the later one waits for the earlier.
* Thinking ends with a signature that is none (`UNSIGNED`): only Anthropic can sign, and clients drop what has none.
* The end is told when the upstream's end has come (`[DONE]`, or the end of the response after a finish_reason).  A
  stream without a finish_reason, or with an error in it, leaves a reason in `broken`, and no end has gone out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import msgspec

from glowplug.translate.base import Untranslatable
from glowplug.translate.payloads import Payloads
from glowplug.wire.failures import message_of
from glowplug.wire.openai_chat import (
    Choice,
    Said,
    ToolCall,
    call_number,
    failure_in,
    read_chunk,
    text_of,
    thought_of,
    usage_in,
)
from glowplug.wire.openai_values import Usage

_encode = msgspec.json.Encoder().encode
_object = msgspec.json.Decoder(dict[str, Any]).decode
_UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

UNSIGNED: Final = "unsigned"
"""The signature of thinking that is not Anthropic's; it proves nothing."""
_REASONS: Final = {
    "stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use", "function_call": "tool_use",
    "content_filter": "refusal",
}  # fmt: skip
"""Reasons to end, as Anthropic names them; every other counts as the end of the turn."""
_UNFINISHED: Final = "the stream ended before the answer did"
_TEXT, _THINKING, _TOOL = "text", "thinking", "tool_use"
_OPENINGS: Final = {
    _TEXT: b'{"type":"text","text":""}',
    _THINKING: b'{"type":"thinking","thinking":"","signature":""}',
}
_START: Final = b'event: content_block_start\ndata: {"type":"content_block_start","index":%d,"content_block":%b}\n\n'
_STOP: Final = b'event: content_block_stop\ndata: {"type":"content_block_stop","index":%d}\n\n'
_DELTA: Final = b'event: content_block_delta\ndata: {"type":"content_block_delta","index":%d,"delta":{"type":'
_TEXT_DELTA: Final = _DELTA + b'"text_delta","text":%b}}\n\n'
_THINKING_DELTA: Final = _DELTA + b'"thinking_delta","thinking":%b}}\n\n'
_SIGNATURE_DELTA: Final = _DELTA + b'"signature_delta","signature":%b}}\n\n'
_INPUT_DELTA: Final = _DELTA + b'"input_json_delta","partial_json":%b}}\n\n'
_LF: Final = 10
_PING: Final = b'event: ping\ndata: {"type":"ping"}\n\n'


@dataclass(frozen=True, slots=True)
class ChatAnswers:
    """What the answer to one request says of itself."""

    id: str
    """The request's id; Anthropic's prefix is put in front."""
    model: str
    """The name the client knows the model by."""
    stops: frozenset[str] = frozenset()
    """The stop sequences that were asked for."""
    thinks: bool = True
    """Thinking is answered; otherwise it is left out."""

    def message(self, content: list[dict[str, Any]], reason: str | None, stop: str | None, usage: object) -> Any:
        return {
            "id": f"msg_{self.id}", "type": "message", "role": "assistant", "model": self.model, "content": content,
            "stop_reason": reason, "stop_sequence": stop, "usage": usage,
        }  # fmt: skip


def usage_members(usage: Usage | None) -> dict[str, Any]:
    """Anthropic counts what came from a cache, and what was put there, beside `input_tokens`."""
    if usage is None:
        return {"output_tokens": 0}
    details = usage.prompt_tokens_details
    read = (details.cached_tokens or 0) if details is not None else 0
    written = (details.cache_write_tokens or 0) if details is not None else 0
    out: dict[str, Any] = {
        "input_tokens": max(0, usage.prompt_tokens - read - written),
        "cache_creation_input_tokens": written,
        "cache_read_input_tokens": read,
        "output_tokens": usage.completion_tokens or 0,
    }
    parts = usage.completion_tokens_details
    if parts is not None and parts.reasoning_tokens:
        out["output_tokens_details"] = {"thinking_tokens": parts.reasoning_tokens}
    return out


def _ended(choice: Choice, answers: ChatAnswers, *, called: bool, refused: bool) -> tuple[str, str | None]:
    """(stop_reason, stop_sequence)"""
    met = choice.stop_reason
    if isinstance(met, str) and met in answers.stops:
        return "stop_sequence", met
    reason = _REASONS.get(choice.finish_reason or "", "end_turn")
    if refused:
        return "refusal", None
    # A function that was forced ends with `stop`.
    return ("tool_use" if called and reason == "end_turn" else reason), None


def message_of_completion(data: bytes, answers: ChatAnswers) -> bytes:
    """A message from an answer that was not streamed.  Raises Untranslatable."""
    try:
        whole = read_chunk(data)
    except _UNREADABLE as error:
        raise Untranslatable(f"it is no chat completion: {error}") from None
    if whole.error is not None:
        raise Untranslatable(message_of(whole.error))
    choice = whole.choices[0] if whole.choices else None
    if choice is None or choice.message is None:
        raise Untranslatable("it has no choice with a message")
    said = choice.message
    content: list[dict[str, Any]] = []
    thought = thought_of(said)
    if thought and answers.thinks:
        content.append({"type": "thinking", "thinking": thought, "signature": UNSIGNED})
    if text := text_of(said.content) or said.refusal or "":
        content.append({"type": "text", "text": text})
    calls = said.tool_calls or []
    content += [_whole_call(call, number, answers) for number, call in enumerate(calls)]
    reason, stop = _ended(choice, answers, called=bool(calls), refused=bool(said.refusal))
    usage = {"input_tokens": 0, **usage_members(usage_in(whole))}
    return _encode(answers.message(content, reason, stop, usage))


def _whole_call(call: ToolCall, number: int, answers: ChatAnswers) -> dict[str, Any]:
    function = call.function
    if function is None or not function.name:
        raise Untranslatable("a tool call has no name")
    try:
        given = _object(function.text or "{}")
    except _UNREADABLE:
        raise Untranslatable(f"the arguments of the call of {function.name} are not the JSON of an object") from None
    return {"type": _TOOL, "id": call.id or f"call_{answers.id}_{number}", "name": function.name, "input": given}


class _Call:
    """One tool call of a stream, as far as it is known."""

    __slots__ = ("closed", "id", "name", "opened", "pieces", "unsent")

    def __init__(self) -> None:
        self.id = self.name = ""
        self.opened = self.closed = False
        self.pieces: list[str] = []
        """All of its arguments."""
        self.unsent: list[str] = []

    @property
    def complete(self) -> bool:
        """Whether its arguments are all of an object."""
        try:
            _object("".join(self.pieces))
        except _UNREADABLE:
            return False
        return True


class ChatStream:
    """Events of chat completions in, events of messages out."""

    __slots__ = (
        "_answers", "_block", "_calls", "_end", "_kind", "_payloads", "_refused", "_started", "_turn", "_usage",
        "broken", "done",
    )  # fmt: skip

    def __init__(self, answers: ChatAnswers) -> None:
        self.broken = ""
        self.done = False
        self._answers = answers
        self._payloads = Payloads()
        self._started = self._refused = False
        self._block = 0
        """The index of the open block, or of the next."""
        self._kind = ""
        """What kind of block is open; empty: none."""
        self._calls: dict[int, _Call] = {}
        self._turn: _Call | None = None
        """The call whose block is open, or that is to be opened next."""
        self._end: Choice | None = None
        self._usage: Usage | None = None

    def feed(self, data: bytes) -> bytes:
        if (
            data.find(b"\n") == len(data) - 2
            and data.startswith(b"data:")
            and data[-1] == _LF
            and not self._payloads.held
        ):
            return self._event(data[5:])  # the common piece: one event
        if self.done or self.broken:
            return b""
        try:
            payloads = self._payloads.feed(data)
        except ValueError as error:
            self.broken = str(error)
            return b""
        return b"".join([self._event(payload) for payload in payloads])

    def end(self) -> bytes:
        out = b"".join([self._event(payload) for payload in self._payloads.end()])
        if not self.done and not self.broken:
            out += self._finish()
        return out

    # ---- events

    def _event(self, payload: bytes) -> bytes:
        if self.done or self.broken:
            return b""
        try:
            chunk = read_chunk(payload)
        except _UNREADABLE as error:
            text = payload.strip()
            if text == b"[DONE]":
                return self._finish()
            if text:
                self.broken = f"an event is no chat completion: {error}"
            return b""
        choices = chunk.choices
        if (chunk.error is not None or not choices) and (failure := failure_in(chunk, payload)) is not None:
            self.broken = message_of(failure)
            return b""
        out = b"" if self._started else self._start()
        if choices:
            choice = choices[0]
            said = choice.delta
            if said is not None:
                content = said.content
                if self._kind is _TEXT and content.__class__ is str and said.tool_calls is None:
                    # The common event: one decode and one template.
                    out += _TEXT_DELTA % (self._block, _encode(content)) if content else b""
                    if said.reasoning_content or said.reasoning or said.refusal:
                        out += self._said(said, text=False)
                else:
                    out += self._said(said)
            if choice.finish_reason:
                self._end = choice
        if chunk.usage is not None:
            self._usage = usage_in(chunk) or self._usage
        return out

    def _start(self) -> bytes:
        self._started = True
        message = self._answers.message([], None, None, {"input_tokens": 0, "output_tokens": 0})
        return b'event: message_start\ndata: {"type":"message_start","message":%b}\n\n%b' % (_encode(message), _PING)

    def _said(self, said: Said, *, text: bool = True) -> bytes:
        out = b""
        thought = thought_of(said)
        if thought and self._answers.thinks:
            out += self._open(_THINKING) + _THINKING_DELTA % (self._block, _encode(thought))
        words = text_of(said.content) if text else ""
        if said.refusal:
            self._refused = True
            words += said.refusal
        if words:
            out += self._open(_TEXT) + _TEXT_DELTA % (self._block, _encode(words))
        for position, call in enumerate(said.tool_calls or ()):
            out += self._called(call_number(call.index, call.id, position, self._calls), call)
        return out

    # ---- blocks

    def _open(self, kind: str) -> bytes:
        """Have a block of text or thinking open."""
        if self._kind is kind:
            return b""
        out = self._flush() if self._kind is _TOOL else self._close()
        self._kind = kind
        return out + _START % (self._block, _OPENINGS[kind])

    def _close(self) -> bytes:
        if not self._kind:
            return b""
        out = _SIGNATURE_DELTA % (self._block, _encode(UNSIGNED)) if self._kind is _THINKING else b""
        out += _STOP % self._block
        if self._kind is _TOOL and self._turn is not None:
            self._turn.closed = True
            self._turn = None
        self._kind = ""
        self._block += 1
        return out

    def _called(self, index: int, given: ToolCall) -> bytes:
        """A piece of a tool call."""
        call = self._calls.get(index)
        new = call is None
        if call is None:
            call = self._calls[index] = _Call()
        function = given.function
        call.id = call.id or given.id or ""
        if function is not None:
            call.name = call.name or function.name or ""
            if piece := function.text:
                if call.closed and piece.strip():
                    self.broken = "a tool call went on after its end"
                    return b""
                call.pieces.append(piece)
                call.unsent.append(piece)
        turn = self._turn
        if turn is None or turn is call:
            return self._advance()
        return self._close() + self._advance() if new and turn.opened and turn.complete else b""

    def _advance(self) -> bytes:
        """Say what may be said of the call whose turn it is, and of those after it once it is complete."""
        out = b""
        while True:
            if self._turn is None:
                self._turn = next((call for call in self._calls.values() if not call.closed), None)
            call = self._turn
            if call is None or not call.name:
                return out
            out += self._say(call)
            behind = [other for other in self._calls.values() if not other.closed and other is not call]
            if not behind or not call.complete:
                return out
            out += self._close()

    def _say(self, call: _Call) -> bytes:
        out = b""
        if not call.opened:
            out = self._close() if self._kind is not _TOOL else b""
            number = list(self._calls.values()).index(call)
            block = {
                "type": _TOOL,
                "id": call.id or f"call_{self._answers.id}_{number}",
                "name": call.name,
                "input": {},
            }
            call.opened = True
            self._turn, self._kind = call, _TOOL
            out += _START % (self._block, _encode(block))
        if call.unsent:
            out += _INPUT_DELTA % (self._block, _encode("".join(call.unsent)))
            call.unsent = []
        return out

    def _flush(self) -> bytes:
        """All calls that are open or wait, to their ends as far as they came."""
        out = b""
        for call in self._calls.values():
            if call.closed:
                continue
            if not call.name:
                self.broken = "a tool call has no name"
                return out
            self._turn = call
            out += self._say(call) + self._close()
        return out

    def _finish(self) -> bytes:
        end = self._end
        if end is None:
            self.broken = _UNFINISHED
            return b""
        out = self._flush()
        if self.broken:
            return out
        out += self._close()
        reason, stop = _ended(end, self._answers, called=bool(self._calls), refused=self._refused)
        delta = {"stop_reason": reason, "stop_sequence": stop}
        event = {"type": "message_delta", "delta": delta, "usage": usage_members(self._usage)}
        self.done = True
        return b'%bevent: message_delta\ndata: %b\n\nevent: message_stop\ndata: {"type":"message_stop"}\n\n' % (
            out,
            _encode(event),
        )

"""OpenAI's answers → Ollama's: whole ones, and server-sent events into lines of JSON.  Pure, but for the durations.

A stream ends with `done: true` only where the upstream ended it (`[DONE]`, or a finish_reason and then a clean end);
else a reason is left in `broken`.  A call of a tool is given when it is complete, because its arguments are an object
here.  Durations are nanoseconds since the request was put, as nothing better is reported; loading an engine is not in
them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from time import monotonic_ns
from typing import Any, Final

import msgspec

from glowplug.translate.base import Asked, Untranslatable
from glowplug.wire import sse
from glowplug.wire.failures import alone
from glowplug.wire.ollama_server import error_object, line, rfc3339
from glowplug.wire.openai_chat import call_number

_encode = msgspec.json.Encoder().encode
_END = re.compile(rb"\r?\n\r?\n")
_LONGEST_END: Final = 4
LONGEST_EVENT: Final = 8 << 20
"""Bytes; nothing a model says in one step is that long."""
_UNFINISHED: Final = "the stream ended before the answer did"
Clock = Callable[[], int]
"""Nanoseconds."""


class _Function(msgspec.Struct):
    name: str | None = None
    arguments: str | dict[str, Any] | None = None


class _Call(msgspec.Struct):
    index: int | None = None
    id: str | None = None
    function: _Function | None = None


class _Said(msgspec.Struct):
    """A message, or what is new of one."""

    content: str | list[dict[str, Any]] | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    refusal: str | None = None
    tool_calls: list[_Call] | None = None

    @property
    def text(self) -> str:
        if isinstance(self.content, list):
            return "".join(str(part.get("text") or "") for part in self.content)
        return self.content or self.refusal or ""

    @property
    def thought(self) -> str:
        return self.reasoning_content or self.reasoning or ""


class _Choice(msgspec.Struct):
    index: int | None = 0
    delta: _Said | None = None
    message: _Said | None = None
    text: str | None = None
    finish_reason: str | None = None
    logprobs: Any = None


class _Used(msgspec.Struct):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class _Answer(msgspec.Struct):
    choices: list[_Choice] | None = None
    usage: _Used | None = None
    error: Any = None


class _Row(msgspec.Struct):
    embedding: list[float]
    index: int = 0


class _Rows(msgspec.Struct):
    data: list[_Row]
    usage: _Used | None = None


class _Fault(msgspec.Struct):
    error: Any = None
    message: str | None = None
    detail: Any = None


_answer = msgspec.json.Decoder(_Answer).decode
_rows = msgspec.json.Decoder(_Rows).decode
_fault = msgspec.json.Decoder(_Fault).decode
_arguments = msgspec.json.Decoder(dict[str, Any]).decode
_BROKEN: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class ChatLines:
    """A request that went upstream as a chat completion.  `chat`: it was a chat here too, else a completion."""

    __slots__ = ("_asked", "_begun", "_chat", "_clock", "request")

    def __init__(self, request: bytes, asked: Asked, *, chat: bool, clock: Clock = monotonic_ns) -> None:
        self.request = request
        self._asked = asked
        self._chat = chat
        self._clock = clock
        self._begun = clock()

    def whole(self, data: bytes) -> bytes:
        answer = _read(data)
        if not answer.choices:
            raise Untranslatable("it has no choices")
        choice = answer.choices[0]
        said = choice.message or _Said(content=choice.text)
        teller = self.teller()
        calls = [teller.call(call, number) for number, call in enumerate(said.tool_calls or ())]
        out = teller.object(said.text, said.thought, calls, choice.logprobs)
        return _encode({**out, **teller.end(choice.finish_reason, answer.usage)})

    def failure(self, status: int, data: bytes) -> bytes:
        return failure(status, data)

    def stream(self) -> LineStream:
        return LineStream(self.teller())

    def teller(self) -> Teller:
        return Teller(self._asked, self._begun, self._clock, chat=self._chat)


class CompletionLines(ChatLines):
    """A request that went upstream as a completion."""

    __slots__ = ()

    def __init__(self, request: bytes, asked: Asked, clock: Clock = monotonic_ns) -> None:
        super().__init__(request, asked, chat=False, clock=clock)


class Embeddings:
    """A request for vectors.  `one`: in the form of old clients, one vector and nothing else."""

    __slots__ = ("_asked", "_begun", "_clock", "_one", "request")

    def __init__(self, request: bytes, asked: Asked, *, one: bool, clock: Clock = monotonic_ns) -> None:
        self.request = request
        self._asked = asked
        self._one = one
        self._clock = clock
        self._begun = clock()

    def whole(self, data: bytes) -> bytes:
        try:
            answer = _rows(data)
        except _BROKEN as error:
            raise Untranslatable(str(error)) from None
        vectors = [row.embedding for row in sorted(answer.data, key=lambda row: row.index)]
        if self._one:
            return _encode({"embedding": vectors[0] if vectors else []})
        out: dict[str, Any] = {"model": self._asked.model, "embeddings": vectors}
        out |= {"total_duration": self._clock() - self._begun, "load_duration": 0}
        if answer.usage is not None:
            out["prompt_eval_count"] = answer.usage.prompt_tokens or 0
        return _encode(out)

    def failure(self, status: int, data: bytes) -> bytes:
        return failure(status, data)

    def stream(self) -> LineStream:
        return LineStream(Teller(self._asked, self._begun, self._clock, chat=False))


def failure(status: int, data: bytes) -> bytes:
    """An error of an OpenAI-compatible upstream, whatever its body is, as Ollama's."""
    try:
        fault = _fault(alone(data))
    except _BROKEN:
        return error_object(data[:300].decode(errors="replace").strip() or f"the upstream answered {status}")
    return error_object(_message(fault.error) or fault.message or _message(fault.detail) or f"status {status}")


def _message(error: object) -> str:
    if isinstance(error, dict):
        error = error.get("message")
    return error if isinstance(error, str) else ""


def _read(data: bytes) -> _Answer:
    try:
        answer = _answer(data)
    except _BROKEN as error:
        raise Untranslatable(str(error)) from None
    if answer.error is not None:
        raise Untranslatable(_message(answer.error) or "it is an error without a message")
    return answer


class Teller:
    """Says things as Ollama does, for one request."""

    __slots__ = ("_begun", "_chat", "_clock", "_first", "_head", "_id")

    def __init__(self, asked: Asked, begun: int, clock: Clock, *, chat: bool) -> None:
        self._head = {"model": asked.model, "created_at": rfc3339(asked.created)}
        self._id = asked.id
        self._chat = chat
        self._begun = begun
        self._clock = clock
        self._first = 0
        """When the first content came."""

    def object(
        self, text: str, thought: str = "", calls: list[dict[str, Any]] | None = None, logprobs: Any = None
    ) -> dict[str, Any]:
        """What was said, not ended."""
        self._first = self._first or self._clock()
        more: dict[str, Any] = {"thinking": thought} if thought else {}
        if calls:
            more["tool_calls"] = calls
        out: dict[str, Any] = dict(self._head)
        out |= {"message": {"role": "assistant", "content": text, **more}} if self._chat else {"response": text, **more}
        out["done"] = False
        if isinstance(logprobs, dict) and logprobs.get("content"):
            out["logprobs"] = logprobs["content"]
        return out

    def end(self, reason: str | None, used: _Used | None) -> dict[str, Any]:
        """The members that end an answer."""
        now = self._clock()
        first = self._first or now
        used = used or _Used()
        return {
            "done": True,
            "done_reason": "length" if reason == "length" else "stop",
            "total_duration": now - self._begun,
            "load_duration": 0,
            "prompt_eval_count": used.prompt_tokens or 0,
            "prompt_eval_duration": first - self._begun,
            "eval_count": used.completion_tokens or 0,
            "eval_duration": now - first,
        }

    def call(self, call: _Call, number: int) -> dict[str, Any]:
        """A complete call of a tool.  Raises Untranslatable when its arguments are no object."""
        function = call.function or _Function()
        given = function.arguments
        if not isinstance(given, dict):
            try:
                given = _arguments(given) if given and given.strip() else {}
            except _BROKEN:
                raise Untranslatable(f"the arguments of the call of {function.name} are not an object") from None
        id = call.id or f"call_{self._id}_{number}"
        return {"id": id, "function": {"index": number, "name": function.name or "", "arguments": given}}


class LineStream:
    """Events of a chat completion or completion in, lines of JSON out."""

    __slots__ = ("_calls", "_given", "_held", "_reason", "_teller", "_used", "broken", "done")

    def __init__(self, teller: Teller) -> None:
        self.broken = ""
        self.done = False
        self._teller = teller
        self._held = bytearray()
        """The beginning of an event whose end has not come."""
        self._reason: str | None = None
        self._used: _Used | None = None
        self._calls: dict[int, _Call] = {}
        """Calls that may not be complete."""
        self._given = 0

    def feed(self, data: bytes) -> bytes:
        if self.done or self.broken:
            return b""
        held = self._held
        seen = max(0, len(held) - _LONGEST_END + 1)
        held += data
        out: list[bytes] = []
        start = 0
        for found in _END.finditer(bytes(held), seen) if b"\n" in data else ():
            out.append(self._event(bytes(held[start : found.start()])))
            start = found.end()
            if self.done or self.broken:
                held.clear()
                return b"".join(out)
        del held[:start]
        if len(held) > LONGEST_EVENT:
            self.broken = f"an event is longer than {LONGEST_EVENT} bytes"
            held.clear()
        return b"".join(out)

    def end(self) -> bytes:
        """A stream that has given its reason to end needs no `[DONE]`: some servers leave it out."""
        if self.done or self.broken:
            return b""
        rest = bytes(self._held)
        self._held.clear()
        out = self._event(rest) if rest.strip() else b""
        if self.done or self.broken:
            return out
        if self._reason is None:
            self.broken = _UNFINISHED
            return out
        return out + self._finish()

    def _event(self, block: bytes) -> bytes:
        payload = b"\n".join([text[5:].strip() for text in block.splitlines() if text.startswith(b"data:")])
        if not payload:
            return b""
        if payload == b"[DONE]":
            return self._finish()
        try:
            answer = _answer(payload)
        except _BROKEN as error:
            self.broken = f"an event cannot be read: {error}"
            return b""
        if answer.error is not None:
            return self._failed(block, answer.error)
        self._used = answer.usage or self._used
        choice = next((choice for choice in answer.choices or () if not choice.index), None)
        return b"" if choice is None else self._choice(choice)

    def _failed(self, block: bytes, error: object) -> bytes:
        """What is the client's own fault is told; everything else breaks the stream, and somebody else may answer."""
        message = _message(error) or "the upstream reported an error without a message"
        if isinstance(error, dict) and sse.first_failure(block) is None:
            self.done = True
            return error_object(message) + b"\n"
        self.broken = message
        return b""

    def _choice(self, choice: _Choice) -> bytes:
        said = choice.delta or choice.message or _Said(content=choice.text)
        out = b""
        if said.thought or said.text:
            out = line(self._teller.object(said.text, said.thought, None, choice.logprobs))
        for position, call in enumerate(said.tool_calls or ()):
            out += self._part(call, position)
        if choice.finish_reason:
            self._reason = choice.finish_reason
            out += self._complete()
        return out

    def _part(self, part: _Call, position: int) -> bytes:
        """A piece of a call; that a later one begins completes those before it."""
        index = call_number(part.index, part.id, position, self._calls)
        known = self._calls.get(index)
        if known is None:
            out = self._complete()
            self._calls[index] = _Call(index, part.id, part.function or _Function())
            return out
        known.id = known.id or part.id
        function, more = known.function, part.function
        if function is not None and more is not None:
            function.name = function.name or more.name
            if isinstance(more.arguments, dict):
                function.arguments = more.arguments
            elif more.arguments:
                before = function.arguments if isinstance(function.arguments, str) else ""
                function.arguments = before + more.arguments
        return b""

    def _complete(self) -> bytes:
        """The calls that have come."""
        calls, self._calls = list(self._calls.values()), {}
        out = b""
        for call in calls:
            try:
                made = self._teller.call(call, self._given)
            except Untranslatable as error:
                self.broken = str(error)
                return out
            self._given += 1
            out += line(self._teller.object("", "", [made]))
        return out

    def _finish(self) -> bytes:
        out = self._complete()
        if self.broken:
            return out
        self.done = True
        return out + line({**self._teller.object(""), **self._teller.end(self._reason, self._used)})

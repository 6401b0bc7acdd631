"""Answers of chat completions read for a wire that has its own: whole ones, streams, refusals.  Pure.

A stream that breaks off, or says an error, leaves a reason in `broken`, and no last event has gone out.  `[DONE]` ends
it, and so does the end of the connection after a finish_reason.

Format: https://platform.openai.com/docs/api-reference/chat/streaming; thinking is `reasoning_content` (llama.cpp, vLLM,
DeepSeek) or `reasoning` (OpenRouter, newer vLLM).
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from glowplug.translate.base import Untranslatable
from glowplug.translate.responses_answer import Composer
from glowplug.wire.failures import alone
from glowplug.wire.openai_chat import call_number
from glowplug.wire.payloads import DONE, Payloads, TooLong

_decode = msgspec.json.Decoder(dict[str, Any]).decode
_encode = msgspec.json.Encoder().encode

UNFINISHED: Final = "the stream ended before the answer did"


class ChatStream:
    """A stream of chat completion chunks in, the composer's events out."""

    __slots__ = ("_composer", "_finished", "_payloads", "_reader", "broken", "done")

    def __init__(self, composer: Composer) -> None:
        self.broken = ""
        self.done = False
        self._composer = composer
        self._reader = _Reader(composer)
        self._payloads = Payloads()
        self._finished = False

    def feed(self, data: bytes) -> bytes:
        if self.done or self.broken:
            return b""
        try:
            self._read(self._payloads.feed(data))
        except TooLong as error:
            self.broken = str(error)
        return self._composer.take()

    def end(self) -> bytes:
        if self.done or self.broken:
            return b""
        self._read(self._payloads.end())
        if not self.done and not self.broken:
            if self._finished:
                self._complete()
            else:
                self.broken = UNFINISHED
        return self._composer.take()

    def _read(self, payloads: list[bytes]) -> None:
        for payload in payloads:
            if self.done or self.broken:
                return
            if payload.strip() == DONE:
                self._complete()
                continue
            try:
                self._chunk(_decode(payload))
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
                self.broken = f"an event is no chat completion chunk: {error}"
            except Untranslatable as error:
                self.broken = str(error)

    def _complete(self) -> None:
        self._composer.complete()
        self.done = True

    def _chunk(self, chunk: dict[str, Any]) -> None:
        if chunk.get("error"):
            raise Untranslatable(message_of(chunk) or "the upstream reported an error without a message")
        choice = _first(chunk)
        if choice is not None:
            self._composer.begin()
            delta = choice.get("delta")
            if isinstance(delta, dict) and not self._finished:
                self._reader.read(delta, _logprobs(choice))
            reason = choice.get("finish_reason")
            if isinstance(reason, str) and reason:
                _check(reason)
                self._finished = True
                self._reader.end()
                self._composer.finish(reason)
        if isinstance(chunk.get("usage"), dict):
            self._composer.usage(chunk["usage"])


def read_whole(data: bytes, composer: Composer) -> None:
    """Put a whole answer into a composer.  Raises Untranslatable."""
    try:
        body = _decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Untranslatable(f"it is no chat completion: {error}") from None
    choice = _first(body)
    if choice is None or not isinstance(choice.get("message"), dict):
        raise Untranslatable(message_of(body) or "it is no chat completion: there is no message in it")
    reason = choice.get("finish_reason")
    reason = reason if isinstance(reason, str) and reason else "stop"
    _check(reason)
    reader = _Reader(composer)
    reader.read(choice["message"], _logprobs(choice))
    reader.end()
    composer.finish(reason)
    if isinstance(body.get("usage"), dict):
        composer.usage(body["usage"])
    composer.complete()


def failure_of(status: int, data: bytes) -> bytes:
    """An error of an upstream as OpenAI's error object, which both wires share; its own when it is one."""
    try:
        body = _decode(alone(data))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        body = {}
    error = body.get("error")
    if isinstance(error, dict) and isinstance(error.get("message"), str):
        kept = {name: error.get(name) for name in ("message", "type", "param", "code")}
        return _encode({"error": {**kept, "type": kept["type"] or _type(status)}})
    said = message_of(body) or f"the upstream answered {status}"
    return _encode({"error": {"message": said, "type": _type(status), "param": None, "code": None}})


def message_of(body: dict[str, Any]) -> str:
    """What an error says, in any of the shapes that servers use."""
    error = body.get("error")
    if isinstance(error, dict):
        error = error.get("message")
    for said in (error, body.get("message"), body.get("detail")):
        if isinstance(said, str) and said:
            return said
    return ""


def _type(status: int) -> str:
    return "rate_limit_error" if status == 429 else "invalid_request_error" if status < 500 else "server_error"


def _check(reason: str) -> None:
    if reason == "error":
        raise Untranslatable("the upstream ended the answer with an error")


def _first(body: dict[str, Any]) -> dict[str, Any] | None:
    choices = body.get("choices")
    for choice in choices if isinstance(choices, list) else ():
        if isinstance(choice, dict) and choice.get("index") in (0, None):
            return choice
    return None


def _logprobs(choice: dict[str, Any]) -> list[Any]:
    said = choice.get("logprobs")
    tokens = said.get("content") if isinstance(said, dict) else None
    return tokens if isinstance(tokens, list) else []


class _Call:
    __slots__ = ("held", "id", "named")

    def __init__(self) -> None:
        self.id = ""
        self.named = False
        self.held = ""
        """Arguments that came before the name."""


class _Reader:
    """Messages and deltas into a composer."""

    __slots__ = ("_calls", "_composer")

    def __init__(self, composer: Composer) -> None:
        self._composer = composer
        self._calls: dict[int, _Call] = {}

    def read(self, said: dict[str, Any], logprobs: list[Any]) -> None:
        """One message, or a piece of one.  Raises Untranslatable."""
        composer = self._composer
        thought = said.get("reasoning_content") or said.get("reasoning")
        if isinstance(thought, str) and thought:
            composer.reasoning(thought)
        text = said.get("content")
        if isinstance(text, list):  # some servers give parts
            text = "".join(str(part.get("text") or "") for part in text if isinstance(part, dict))
        if isinstance(text, str) and text:
            composer.text(text, logprobs)
        if isinstance(said.get("refusal"), str) and said["refusal"]:
            composer.refusal(said["refusal"])
        calls = said.get("tool_calls")
        for position, call in enumerate(calls if isinstance(calls, list) else ()):
            if isinstance(call, dict):
                self._call(call, position)

    def _call(self, said: dict[str, Any], position: int) -> None:
        function = said.get("function")
        if not isinstance(function, dict):
            return
        number = call_number(said.get("index"), said.get("id"), position, self._calls)
        call = self._calls.setdefault(number, _Call())
        if isinstance(said.get("id"), str) and said["id"]:
            call.id = call.id or said["id"]
        arguments = function.get("arguments")
        if isinstance(arguments, dict):  # not as the format has it, but unmistakable
            arguments = _encode(arguments).decode()
        call.held += arguments if isinstance(arguments, str) else ""
        name = function.get("name")
        if not call.named and isinstance(name, str) and name:
            call.named = True
            self._composer.call(number, name, call.id)
        if call.named and call.held:
            self._composer.arguments(number, call.held)
            call.held = ""

    def end(self) -> None:
        """No more pieces.  Raises Untranslatable for a call without a name."""
        if any(not call.named for call in self._calls.values()):
            raise Untranslatable("a tool call has no name")

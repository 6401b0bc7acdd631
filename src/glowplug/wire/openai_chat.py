"""The answers of OpenAI's chat completions as far as a translation must read them.

Format: https://platform.openai.com/docs/api-reference/chat/object and …/chat/streaming.  Thinking comes as
`reasoning_content` (llama.cpp, SGLang, DeepSeek) or `reasoning` (vLLM, OpenRouter, Ollama); a stop sequence that was
met as `stop_reason` (vLLM).  What is not listed here is ignored when it is read.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import msgspec

from glowplug.wire.openai_values import Usage


class Function(msgspec.Struct, gc=False):
    name: str | None = None
    arguments: str | dict[str, Any] | None = None
    """Text by the format; an object from engines that do not keep to it."""

    @property
    def text(self) -> str:
        """The arguments as text; empty when there are none."""
        given = self.arguments
        return given if isinstance(given, str) else "" if given is None else msgspec.json.encode(given).decode()


class ToolCall(msgspec.Struct, gc=False):
    index: int | None = None
    id: str | None = None
    function: Function | None = None


class Said(msgspec.Struct, gc=False):
    """The message of a whole answer, or what one event adds to it."""

    content: str | list[dict[str, Any]] | None = None
    reasoning_content: str | None = None
    reasoning: Any = None
    refusal: str | None = None
    tool_calls: list[ToolCall] | None = None


class Choice(msgspec.Struct, gc=False):
    delta: Said | None = None
    message: Said | None = None
    finish_reason: str | None = None
    stop_reason: str | int | None = None


class Chunk(msgspec.Struct, gc=False):
    """One event of a stream, or a whole answer.  (None of these can be part of a cycle, so the collector need not look:
    one is made for every event.)"""

    choices: list[Choice] | None = None
    usage: Any = None
    error: Any = None


class _OldError(msgspec.Struct):
    """An error in the old shape of vLLM: `{"object": "error", "message"}`."""

    object: str = ""
    message: str = ""


_old_error = msgspec.json.Decoder(_OldError).decode


def failure_in(chunk: Chunk, payload: bytes) -> object:
    """What an event without choices says went wrong; None when it says nothing of the kind."""
    if chunk.error is not None:
        return chunk.error
    try:
        old = _old_error(payload)
    except msgspec.ValidationError:
        return None
    return old.message or "an error without a message" if old.object == "error" else None


read_chunk = msgspec.json.Decoder(Chunk).decode
"""Raises msgspec.DecodeError, UnicodeDecodeError, RecursionError."""


def usage_in(chunk: Chunk) -> Usage | None:
    """The usage of an answer or an event; None when it has none that makes sense."""
    try:
        return None if chunk.usage is None else msgspec.convert(chunk.usage, Usage)
    except msgspec.ValidationError:
        return None


class Identified(Protocol):
    """A tool call as far as it has come."""

    @property
    def id(self) -> str | None: ...


def call_number(index: object, identity: object, position: int, known: Mapping[int, Identified]) -> int:
    """Which call a piece in a stream belongs to: its index; where servers leave that out its id, else it goes on with
    the last one.  `position` is its place among the calls of its event."""
    if isinstance(index, int):
        return index
    last = max(known, default=-1)
    if identity:
        return next((number for number, call in known.items() if call.id == identity), last + 1)
    return max(position, last)


def thought_of(said: Said) -> str:
    """What of this is thinking; empty when nothing is."""
    found = said.reasoning_content or said.reasoning
    return found if isinstance(found, str) else ""


def text_of(content: str | list[dict[str, Any]] | None) -> str:
    """The text of a content, whether it is one or a list of parts."""
    if isinstance(content, list):
        return "".join([part["text"] for part in content if isinstance(part.get("text"), str)])
    return content or ""

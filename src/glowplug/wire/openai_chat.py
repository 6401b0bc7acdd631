"""The answers of OpenAI's chat completions as far as a translation must read them.

Format: https://platform.openai.com/docs/api-reference/chat/object and …/chat/streaming.  Thinking comes as
`reasoning_content` (llama.cpp, SGLang, DeepSeek) or `reasoning` (vLLM, OpenRouter, Ollama); a stop sequence that was
met as `stop_reason` (vLLM).  What is not listed here is ignored when it is read.
"""

from __future__ import annotations

from typing import Any

import msgspec

from glowplug.wire.openai import Usage


class Function(msgspec.Struct):
    name: str | None = None
    arguments: str | dict[str, Any] | None = None
    """Text by the format; an object from engines that do not keep to it."""

    @property
    def text(self) -> str:
        """The arguments as text; empty when there are none."""
        given = self.arguments
        return given if isinstance(given, str) else "" if given is None else msgspec.json.encode(given).decode()


class ToolCall(msgspec.Struct):
    index: int | None = None
    id: str | None = None
    function: Function | None = None


class Said(msgspec.Struct):
    """The message of a whole answer, or what one event adds to it."""

    content: str | list[dict[str, Any]] | None = None
    reasoning_content: str | None = None
    reasoning: Any = None
    refusal: str | None = None
    tool_calls: list[ToolCall] | None = None


class Choice(msgspec.Struct):
    delta: Said | None = None
    message: Said | None = None
    finish_reason: str | None = None
    stop_reason: str | int | None = None
    index: int | None = 0


class Chunk(msgspec.Struct):
    """One event of a stream, or a whole answer."""

    choices: list[Choice] | None = None
    usage: Any = None
    error: Any = None
    object: str | None = None
    message: str | None = None
    """Of an error in the old shape of vLLM: `{"object": "error", "message"}`."""


read_chunk = msgspec.json.Decoder(Chunk).decode
"""Raises msgspec.DecodeError, UnicodeDecodeError, RecursionError."""


def usage_in(chunk: Chunk) -> Usage | None:
    """The usage of an answer or an event; None when it has none that makes sense."""
    try:
        return None if chunk.usage is None else msgspec.convert(chunk.usage, Usage)
    except msgspec.ValidationError:
        return None


def thought_of(said: Said) -> str:
    """What of this is thinking; empty when nothing is."""
    found = said.reasoning_content or said.reasoning
    return found if isinstance(found, str) else ""


def text_of(content: str | list[dict[str, Any]] | None) -> str:
    """The text of a content, whether it is one or a list of parts."""
    if isinstance(content, list):
        return "".join([part["text"] for part in content if isinstance(part.get("text"), str)])
    return content or ""

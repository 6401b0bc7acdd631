"""The answers of Anthropic's Messages wire as far as a translation must read them.

Format: https://docs.anthropic.com/en/api/messages and …/messages-streaming, version 2023-06-01.  What is not listed
here is ignored when it is read; kinds of blocks, deltas and events that are new among them.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

_Count = Annotated[int, msgspec.Meta(ge=0, le=1 << 53)]


class OutputDetails(msgspec.Struct):
    thinking_tokens: _Count | None = 0


class Usage(msgspec.Struct):
    input_tokens: _Count | None = None
    output_tokens: _Count | None = None
    cache_creation_input_tokens: _Count | None = None
    cache_read_input_tokens: _Count | None = None
    output_tokens_details: OutputDetails | None = None


class Block(msgspec.Struct):
    """A content block, or how one begins."""

    type: str = ""
    text: str | None = None
    thinking: str | None = None
    id: str = ""
    name: str = ""
    input: Any = None


class Delta(msgspec.Struct):
    """What an event adds to a block, or (without a type) to the message."""

    type: str = ""
    text: str | None = None
    thinking: str | None = None
    partial_json: str | None = None
    stop_reason: str | None = None


class Message(msgspec.Struct):
    """A whole answer, or how one begins."""

    type: str = ""
    content: list[Block] = []
    stop_reason: str | None = None
    usage: Usage | None = None
    error: Any = None


class Event(msgspec.Struct):
    """One event of a stream."""

    type: str
    index: int = 0
    delta: Delta | None = None
    content_block: Block | None = None
    message: Message | None = None
    usage: Usage | None = None
    error: Any = None


read_event = msgspec.json.Decoder(Event).decode
read_message = msgspec.json.Decoder(Message).decode
"""Both raise msgspec.DecodeError, UnicodeDecodeError, RecursionError."""

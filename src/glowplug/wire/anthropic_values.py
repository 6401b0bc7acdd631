"""The members of Anthropic's answers that a gateway reads, as values; `glowplug.wire.anthropic` reads them."""

from __future__ import annotations

import msgspec

from glowplug.wire.openai_values import Count


class OutputDetails(msgspec.Struct):
    """Parts of the output."""

    thinking_tokens: Count | None = None


class GivenUsage(msgspec.Struct):
    """Usage as Anthropic counts it."""

    input_tokens: Count | None = None
    output_tokens: Count | None = None
    cache_creation_input_tokens: Count | None = None
    cache_read_input_tokens: Count | None = None
    output_tokens_details: OutputDetails | None = None


class Message(msgspec.Struct):
    """A whole answer, or how one begins."""

    usage: GivenUsage | None = None


class Event(msgspec.Struct):
    """One event of an answer."""

    usage: GivenUsage | None = None
    message: Message | None = None


read_message = msgspec.json.Decoder(Message).decode
read_event = msgspec.json.Decoder(Event).decode

"""The members of the Responses wire that a gateway reads, as values; `glowplug.wire.responses` reads them."""

from __future__ import annotations

from typing import Final

import msgspec

from glowplug.wire.openai_values import Count


class Details(msgspec.Struct):
    """Parts of what was counted."""

    cached_tokens: Count | None = 0
    audio_tokens: Count | None = 0
    reasoning_tokens: Count | None = 0


NOTHING: Final = Details()


class GivenUsage(msgspec.Struct):
    """Usage in any word of this family."""

    input_tokens: Count | None = None
    output_tokens: Count | None = None
    prompt_tokens: Count | None = None
    completion_tokens: Count | None = None
    total_tokens: Count | None = None
    input_tokens_details: Details | None = None
    output_tokens_details: Details | None = None
    input_token_details: Details | None = None
    """The audio endpoints spell it so."""


class Response(msgspec.Struct):
    """A whole answer."""

    usage: GivenUsage | None = None
    id: str | None = None
    output: msgspec.Raw = msgspec.Raw(b"[]")


class Whole(msgspec.Struct):
    """An event that carries it."""

    response: msgspec.Raw


class Asked(msgspec.Struct):
    """A request."""

    input: msgspec.Raw = msgspec.Raw(b"[]")
    store: bool | None = None
    previous_response_id: str | None = None


class Event(msgspec.Struct):
    """One event of an answer."""

    usage: GivenUsage | None = None
    response: Response | None = None


read_response = msgspec.json.Decoder(Response).decode
read_event = msgspec.json.Decoder(Event).decode
read_whole = msgspec.json.Decoder(Whole).decode
read_asked = msgspec.json.Decoder(Asked).decode

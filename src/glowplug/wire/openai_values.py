"""The members of OpenAI's bodies that a gateway reads, as values; `glowplug.wire.openai` reads them.

They have a module of their own because it is not compiled: mypyc knows nothing of what msgspec makes of a class.
"""

from __future__ import annotations

from typing import Annotated, Final

import msgspec

ABSENT: Final = msgspec.Raw(b"")


class Peek(msgspec.Struct):
    """What is read of every request."""

    model: msgspec.Raw
    stream: bool | None = None
    stream_options: msgspec.Raw = ABSENT
    # What is said to us and not to the upstream: to see it here costs less than one look for a word in the bytes.
    keep_alive: msgspec.Raw = ABSENT
    fallbacks: msgspec.Raw = ABSENT
    num_retries: msgspec.Raw = ABSENT
    timeout: msgspec.Raw = ABSENT
    tags: msgspec.Raw = ABSENT
    disable_fallbacks: msgspec.Raw = ABSENT
    metadata: msgspec.Raw = ABSENT
    # How long its answers may be (`glowplug.wire.output_cap`): a parse of its own would cost more than all of this.
    max_tokens: msgspec.Raw = ABSENT
    max_completion_tokens: msgspec.Raw = ABSENT
    max_output_tokens: msgspec.Raw = ABSENT
    n: msgspec.Raw = ABSENT
    options: msgspec.Raw = ABSENT


class Caps(msgspec.Struct):
    """The last five alone, of a body that was not looked into otherwise."""

    max_tokens: msgspec.Raw = ABSENT
    max_completion_tokens: msgspec.Raw = ABSENT
    max_output_tokens: msgspec.Raw = ABSENT
    n: msgspec.Raw = ABSENT
    options: msgspec.Raw = ABSENT


class Options(msgspec.Struct):
    """Ollama's."""

    num_predict: msgspec.Raw = ABSENT


class StrictModel(msgspec.Struct):
    """The name alone."""

    model: str


class StreamOptions(msgspec.Struct):
    """`stream_options` of a request."""

    include_usage: bool | None = None


Count = Annotated[int, msgspec.Meta(ge=0, le=1 << 53)]
"""Tokens; what is negative or absurd is not believed (and would not fit into a record)."""


class PromptDetails(msgspec.Struct):
    """Parts of the prompt."""

    cached_tokens: Count | None = 0
    audio_tokens: Count | None = 0
    cache_write_tokens: Count | None = 0
    """Not OpenAI's: put there by readers of other wires, and by providers that count it."""


class CompletionDetails(msgspec.Struct):
    """Parts of the completion."""

    reasoning_tokens: Count | None = 0
    audio_tokens: Count | None = 0


class Usage(msgspec.Struct):
    """The `usage` member of a response.  An explicit zero is a value."""

    prompt_tokens: Count = 0
    completion_tokens: Count | None = 0
    prompt_tokens_details: PromptDetails | None = None
    completion_tokens_details: CompletionDetails | None = None

    @property
    def cached_tokens(self) -> int:
        details = self.prompt_tokens_details
        return (details.cached_tokens or 0) if details is not None else 0

    @property
    def cache_written(self) -> int:
        details = self.prompt_tokens_details
        return (details.cache_write_tokens or 0) if details is not None else 0


class HasUsage(msgspec.Struct):
    """A whole answer."""

    usage: Usage | None = None


class ChunkUsage(msgspec.Struct):
    """One event of an answer."""

    usage: Usage | None = None
    choices: list[msgspec.Raw] | None = None


class Fault(msgspec.Struct):
    """What an error says of itself, in any wire."""

    message: str = ""
    code: int | str | None = None
    type: str | None = None


class First(msgspec.Struct):
    """The first event of a stream, or a whole answer, that may be an error."""

    error: Fault | None = None


read_peek = msgspec.json.Decoder(Peek).decode
read_strict_model = msgspec.json.Decoder(StrictModel).decode
read_stream_options = msgspec.json.Decoder(StreamOptions).decode
read_has_usage = msgspec.json.Decoder(HasUsage).decode
read_chunk_usage = msgspec.json.Decoder(ChunkUsage).decode
read_caps = msgspec.json.Decoder(Caps).decode
read_options = msgspec.json.Decoder(Options).decode
read_first = msgspec.json.Decoder(First).decode

"""How long an answer a request allows, in the words of every wire.

Names of the members: OpenAI `max_completion_tokens`, `max_tokens` (chat, completions), `max_output_tokens` (responses),
`n`; Anthropic `max_tokens`; Ollama `options.num_predict`.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec


class _Options(msgspec.Struct):
    num_predict: Any = None


class _Caps(msgspec.Struct):
    max_tokens: Any = None
    max_completion_tokens: Any = None
    max_output_tokens: Any = None
    n: Any = None
    options: _Options | None = None


_read: Final = msgspec.json.Decoder(_Caps).decode
MOST_CHOICES: Final = 128
"""As many answers as OpenAI gives at once."""


class Cap(msgspec.Struct, frozen=True):
    """How long answers may be."""

    tokens: int
    """Each of them; 0 when the request does not say."""
    answers: int

    def total(self, default: int) -> int:
        """Tokens of all answers, `default` each when the request does not say."""
        return (self.tokens or default) * self.answers


_SILENT: Final = Cap(0, 1)


def output_cap(data: bytes) -> Cap:
    """What this body says.  What is no number is for the upstream to refuse."""
    try:
        caps = _read(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _SILENT
    options = caps.options
    tokens = (
        _count(caps.max_completion_tokens)
        or _count(caps.max_output_tokens)
        or _count(caps.max_tokens)
        or (0 if options is None else _count(options.num_predict))
    )
    return Cap(tokens, min(_count(caps.n), MOST_CHOICES) or 1)


def _count(value: Any) -> int:
    """The number, where it is one above 0; else 0."""
    return value if type(value) is int and value > 0 else 0

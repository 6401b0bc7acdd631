"""How long an answer a request allows, in the words of every wire.

Names of the members: OpenAI `max_completion_tokens`, `max_tokens` (chat, completions), `max_output_tokens` (responses),
`n`; Anthropic `max_tokens`; Ollama `options.num_predict`.
"""

from __future__ import annotations

from typing import Final

import msgspec

from glowplug.wire.openai_values import ABSENT, Caps, Peek, read_caps, read_options

MOST_CHOICES: Final = 128
"""As many answers as OpenAI gives at once."""
_DIGITS: Final = 18
"""Of a number that is believed: what is longer is no length of anything."""


class Cap:
    """How long answers may be."""

    __slots__ = ("answers", "tokens")

    def __init__(self, tokens: int, answers: int) -> None:
        self.tokens = tokens
        """Each of them; 0 when the request does not say."""
        self.answers = answers

    def total(self, default: int) -> int:
        """Tokens of all answers, `default` each when the request does not say."""
        return (self.tokens or default) * self.answers


SILENT: Final = Cap(0, 1)
"""What a request says that says nothing."""


def output_cap(data: bytes) -> Cap:
    """What this body says.  What is no number is for the upstream to refuse."""
    try:
        return said(read_caps(data))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return SILENT


def said(body: Peek | Caps) -> Cap:
    """What these members say."""
    tokens = _count(body.max_completion_tokens) or _count(body.max_output_tokens) or _count(body.max_tokens)
    if tokens == 0 and body.options is not ABSENT:
        tokens = _predicted(body.options)
    answers = _count(body.n)
    return SILENT if tokens == 0 and answers == 0 else Cap(tokens, min(answers, MOST_CHOICES) or 1)


def _predicted(options: msgspec.Raw) -> int:
    try:
        return _count(read_options(options).num_predict)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return 0


def _count(value: msgspec.Raw) -> int:
    """The number, where it is one above 0; else 0."""
    if value is ABSENT:
        return 0
    text = bytes(value)
    return int(text) if text.isdigit() and len(text) <= _DIGITS else 0

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


def output_cap(data: bytes, default: int) -> int:
    """The most tokens that the answers to this body may have; `default` tokens each when it does not say.

    What is no number is for the upstream to refuse.
    """
    try:
        caps = _read(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return default
    named = [caps.max_completion_tokens, caps.max_output_tokens, caps.max_tokens]
    if caps.options is not None:
        named.append(caps.options.num_predict)
    cap = next((value for value in named if _count(value)), default)
    return int(cap) * (min(caps.n, MOST_CHOICES) if _count(caps.n) else 1)


def _count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0

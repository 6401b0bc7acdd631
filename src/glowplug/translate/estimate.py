"""How many tokens a Messages request may have, when nobody can count them.  Pure.

Everything the model gets to read is counted: the system prompt, the tools with their schemas, the messages with calls
and results, images and documents.  An estimate that leaves out one of them is not a bit off but useless: with a coding
agent, tools and system prompt are nine tenths of the request.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from glowplug.wire.openai import estimate_tokens
from glowplug.wire.prompt_size import IMAGE, PAGE, PAGE_BYTES

_any = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode

CHARS: Final = 3.8
"""ASCII characters of a token, in prose and code."""
OTHERS: Final = 1.5
"""Other characters of a token: between Chinese (1) and Cyrillic (2 to 3)."""
SCHEMA_CHARS: Final = 3.0
"""Characters of a token in JSON, which has more punctuation."""
MESSAGE: Final = 4
"""Tokens a template puts around a message, a call, a result or a tool."""
_UNREAD: Final = frozenset(("type", "cache_control", "id", "tool_use_id", "signature", "media_type", "citations"))
"""Members that no model reads."""


def estimated_tokens(data: bytes) -> int:
    """Tokens of a request's body; of one that cannot be read, by its size."""
    try:
        body = _any(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return estimate_tokens(len(data))
    if not isinstance(body, dict):
        return estimate_tokens(len(data))
    total = _texts(body.get("system"))
    for message in _list(body.get("messages")):
        total += MESSAGE + (_texts(message.get("content")) if isinstance(message, dict) else 0)
    total += sum(MESSAGE + len(_encode(tool)) / SCHEMA_CHARS for tool in _list(body.get("tools")))
    return max(1, round(total))


def has_images(data: bytes) -> bool:
    """Whether a request has something in it that is no text."""
    return b'"image"' in data or b'"document"' in data


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(text: str) -> float:
    if text.isascii():
        return len(text) / CHARS
    plain = sum(char < "\x80" for char in text)
    return plain / CHARS + (len(text) - plain) / OTHERS


def _texts(value: Any) -> float:
    """What every text in a content adds up to, whatever blocks it is in."""
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, list):
        return sum(_texts(inner) for inner in value)
    if not isinstance(value, dict):
        return 0.0
    kind = value.get("type")
    if kind == "image":
        return IMAGE
    if kind == "tool_use":
        return MESSAGE + _text(str(value.get("name"))) + len(_encode(value.get("input"))) / SCHEMA_CHARS
    source = value.get("source")
    if kind == "document" and isinstance(source, dict) and isinstance(source.get("data"), str):
        if source.get("type") != "text":
            return PAGE * max(1, len(source["data"]) * 3 // 4 // PAGE_BYTES)
        return _text(source["data"])
    own = MESSAGE if kind == "tool_result" else 0
    return own + sum(_texts(inner) for name, inner in value.items() if name not in _UNREAD)

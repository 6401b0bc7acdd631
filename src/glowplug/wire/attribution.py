"""The line with which Claude Code says who asks, at the head of its system prompt, and how it is taken out.  Pure.

`x-anthropic-billing-header: cc_version=…; cc_entrypoint=…; cch=…;` is a text block of its own or the first line of one.
Anthropic's servers read it and leave it out; its `cch` changes with every request, so for everybody else the prompt's
prefix is never the same twice, and no engine finds it in its cache.  It means nothing to a model.  (Described in
anthropics/claude-code 24168 and 68900, ggml-org/llama.cpp 20623, waybarrios/vllm-mlx 277.)
"""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec

from glowplug.wire.splice import replaced

NAME: Final = b"x-anthropic-billing-header:"
_LINE = re.compile(r"^[ \t]*x-anthropic-billing-header:[^\n]*(?:\n|\Z)", re.MULTILINE)
_SYSTEM = re.compile(rb'"system"[ \t\r\n]*:[ \t\r\n]*')
_encode = msgspec.json.Encoder().encode


class _Request(msgspec.Struct):
    system: msgspec.Raw = msgspec.Raw(b"")


_request = msgspec.json.Decoder(_Request).decode
_any = msgspec.json.Decoder().decode


def plain_text(text: str) -> str:
    """A text of a system prompt without the line."""
    return _LINE.sub("", text) if "x-anthropic-billing-header:" in text else text


def without_attribution(data: bytes) -> bytes:
    """The body of a request in Anthropic's wire without the line in its `system`; everything else stays as it is, byte
    for byte.  Costs one search when the line is not there, and gives back what it got when the body cannot be read."""
    if NAME not in data:
        return data
    try:
        raw = bytes(_request(data).system)
        if NAME not in raw:
            return data
        system = _any(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return data
    cleaned = _encode(_cleaned(system))
    # The text is compared, so where another `system` (in a tool's schema, say) reads the same, both lose the line.
    spots = [(found.end(), found.end() + len(raw)) for found in _SYSTEM.finditer(data)]
    spots = [(start, end) for start, end in spots if data[start:end] == raw]
    return replaced(data, spots, [cleaned] * len(spots))


def _cleaned(system: Any) -> Any:
    if isinstance(system, str):
        return plain_text(system)
    if not isinstance(system, list):
        return system
    blocks = []
    for block in system:
        text = block.get("text") if isinstance(block, dict) else None
        if isinstance(text, str) and (rest := plain_text(text)) is not text:
            if rest.strip():
                blocks.append({**block, "text": rest})
        else:
            blocks.append(block)
    return blocks

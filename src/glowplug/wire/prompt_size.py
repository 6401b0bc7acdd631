"""About how many tokens the prompt of a request has, from its bytes alone.  Pure.

Four bytes are a token, except in what is no text: pictures, sound and files come as base64 in a string of JSON, half a
million "tokens" each, and a model reads a picture for about a thousand.  Such a string is long and of one alphabet, so
it is found by looking at a few bytes of every four thousand, in whatever wire it comes; who sends text pays for that
look alone.
"""

from __future__ import annotations

from typing import Final

from glowplug.wire.openai import estimate_tokens

IMAGE: Final = 1600
"""Tokens of an image; Anthropic scales larger ones down to about that."""
PAGE_BYTES: Final = 40_000
"""Bytes of a page of a PDF file, roughly."""
PAGE: Final = 2000
"""Tokens of a page: its text and its image."""
STEP: Final = 4096
"""Shorter strings may be missed: they count as text, and are a thousand tokens at most."""
_LOOK: Final = 128
_ALPHABET: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=-_"
"""Base64 in both spellings."""
_PDF: Final = b"JVBER"
"""How the base64 of a PDF file begins."""


def prompt_tokens(data: bytes) -> int:
    """The estimate for a request's body."""
    size = len(data)
    if size <= STEP:
        return estimate_tokens(size)
    tokens = 0
    at = STEP
    while at < len(data):
        look = data[at : at + _LOOK]
        if b" " in look or not _is_base64(look):
            at += STEP
            continue
        start = data.rfind(b'"', 0, at) + 1
        end = data.find(b'"', at)
        if end < 0:
            end = len(data)
        size -= end - start
        tokens += _file(data, start, end)
        at = end + STEP
    return estimate_tokens(size) + tokens


def _is_base64(look: bytes) -> bool:
    if b"\\" in look:  # some writers of JSON put one in front of a slash
        look = look.replace(b"\\/", b"/").rstrip(b"\\")
    return not look.translate(None, _ALPHABET)


def _file(data: bytes, start: int, end: int) -> int:
    begin = data.find(b"base64,", start, start + 100)
    begin = start if begin < 0 else begin + len(b"base64,")
    if data.startswith(_PDF, begin):
        return PAGE * max(1, (end - begin) * 3 // 4 // PAGE_BYTES)
    return IMAGE

"""Replacing parts of a body in place: marks that the parser reads back, and the exchange of spans."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

SENTINEL: Final = "\x00glowplug\x00"
"""A text no client sends: put where a value may stand, it shows whether the parser reads that place."""
_encode = msgspec.json.Encoder().encode


def mark(number: int) -> bytes:
    """The JSON text of the mark of candidate `number`."""
    return _encode(f"{SENTINEL}{number}")


def replaced(data: bytes, spots: Sequence[tuple[int, int]], values: Sequence[bytes]) -> bytes:
    """`data` with each of the spans (in order, apart from each other) replaced by its value."""
    parts = []
    last = 0
    for (start, end), value in zip(spots, values, strict=True):
        parts += [data[last:start], value]
        last = end
    parts.append(data[last:])
    return b"".join(parts)

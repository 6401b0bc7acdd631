"""What models are shown and played: a picture and a sound, made here.  Pure.

Formats: PNG (https://www.w3.org/TR/png-3/), WAVE (RIFF, PCM 16 bit mono).
"""

from __future__ import annotations

import struct
import zlib
from math import pi, sin

RATE = 16_000
"""Samples a second, as speech models want them."""


def picture(side: int = 96) -> bytes:
    """A PNG: a red square with a blue disc in its middle."""
    middle, radius = (side - 1) / 2, side / 3
    rows = bytearray()
    for y in range(side):
        rows.append(0)  # no filter
        for x in range(side):
            inside = (x - middle) ** 2 + (y - middle) ** 2 <= radius**2
            rows += b"\x10\x20\xd0" if inside else b"\xd0\x10\x20"
    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(bytes(rows))), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def tone(seconds: float = 1.0, hertz: float = 440.0) -> bytes:
    """A WAVE file with one steady tone."""
    samples = b"".join(
        struct.pack("<h", int(12_000 * sin(2 * pi * hertz * n / RATE))) for n in range(int(seconds * RATE))
    )
    head = struct.pack("<4sI4s4sIHHIIHH", b"RIFF", 36 + len(samples), b"WAVE", b"fmt ", 16, 1, 1, RATE, 2 * RATE, 2, 16)
    return head + struct.pack("<4sI", b"data", len(samples)) + samples

"""The picture and the sound are what they say, to readers of others."""

from __future__ import annotations

import io
import struct
import wave
import zlib
from itertools import pairwise

from glowplug.smoke.material import RATE, picture, tone


def test_the_picture_is_a_png_with_two_colours() -> None:
    data = picture(32)
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    at, chunks = 8, {}
    while at < len(data):
        (size,) = struct.unpack_from(">I", data, at)
        kind, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + size]
        assert struct.unpack_from(">I", data, at + 8 + size)[0] == zlib.crc32(kind + body)
        chunks[kind] = body
        at += 12 + size
    assert list(chunks) == [b"IHDR", b"IDAT", b"IEND"]
    assert struct.unpack(">IIBBBBB", chunks[b"IHDR"]) == (32, 32, 8, 2, 0, 0, 0)
    raw = zlib.decompress(chunks[b"IDAT"])
    assert len(raw) == 32 * (1 + 32 * 3)
    rows = [raw[n * 97 + 1 : (n + 1) * 97] for n in range(32)]
    assert {row[n : n + 3] for row in rows for n in range(0, 96, 3)} == {b"\x10\x20\xd0", b"\xd0\x10\x20"}


def test_the_sound_is_a_tone() -> None:
    with wave.open(io.BytesIO(tone(0.5, 1000.0))) as sound:
        assert (sound.getnchannels(), sound.getsampwidth(), sound.getframerate()) == (1, 2, RATE)
        samples = struct.unpack(f"<{RATE // 2}h", sound.readframes(RATE))
    crossings = sum((a < 0) != (b < 0) for a, b in pairwise(samples))
    assert abs(crossings - 1000) <= 4, "twice a period, for half a second"
    assert max(samples) > 10_000

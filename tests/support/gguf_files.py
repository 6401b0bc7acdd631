"""GGUF files for tests: our own writer of headers, and sparse files of any size that take no room on disk.

The header is written by hand instead of by the gguf package, so that a test can also write wrong ones.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from glowplug.engines.gguf_types import BY_NAME, FORMATS

ALIGNMENT = 32
IDS = {format.name: number for number, format in FORMATS.items()}
Shape = tuple[int, ...]
TensorSpec = tuple[str, Shape] | tuple[str, Shape, str]
"""Name, elements by dimension (fastest first), number format (f16 for matrices and f32 for the rest if not said)."""


def text(value: str | bytes) -> bytes:
    raw = value.encode() if isinstance(value, str) else value
    return struct.pack("<Q", len(raw)) + raw


def value(one: Any) -> bytes:
    """A value with its type in front; whole numbers are u32, lists take the type of their first element."""
    if isinstance(one, bool):
        return struct.pack("<I?", 7, one)
    if isinstance(one, int):
        return struct.pack("<II", 4, one) if 0 <= one < 2**32 else struct.pack("<Iq", 11, one)
    if isinstance(one, float):
        return struct.pack("<If", 6, one)
    if isinstance(one, str):
        return struct.pack("<I", 8) + text(one)
    first = one[0] if one else 0
    if isinstance(first, str):
        return struct.pack("<IIQ", 9, 8, len(one)) + b"".join(map(text, one))
    kind, code = (7, "?") if isinstance(first, bool) else (5, "i") if isinstance(first, int) else (6, "f")
    return struct.pack(f"<IIQ{len(one)}{code}", 9, kind, len(one), *one)


def tensor_format(tensor: TensorSpec) -> str:
    return tensor[2] if len(tensor) == 3 else "f16" if len(tensor[1]) > 1 else "f32"


def header(
    values: Mapping[str, Any], tensors: Sequence[TensorSpec] = (), *, version: int = 3, magic: bytes = b"GGUF"
) -> tuple[bytes, int]:
    """The header, padded to where the data begins, and the bytes of data that belong behind it."""
    out = [magic, struct.pack("<IQQ", version, len(tensors), len(values))]
    out += [text(key) + value(one) for key, one in values.items()]
    offset = 0
    for tensor in tensors:
        name, shape = tensor[0], tensor[1]
        kind = tensor_format(tensor)
        out.append(text(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, IDS[kind], offset))
        elements = 1
        for count in shape:
            elements *= count
        offset += -(-BY_NAME[kind].bytes(elements) // ALIGNMENT) * ALIGNMENT
    raw = b"".join(out)
    return raw + b"\0" * (-len(raw) % ALIGNMENT), offset


def write(path: Path, values: Mapping[str, Any], tensors: Sequence[TensorSpec] = (), *, cut: int = 0) -> Path:
    """A file whose weights are a hole in it; `cut`: bytes left off at its end."""
    raw, data = header(values, tensors)
    with path.open("wb") as file:
        file.write(raw)
        file.truncate(len(raw) + data - cut)
    return path
